"""What a modal carries from its opening to its submission (Slack's `private_metadata`)."""

from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from activities.slack.handles import Handle
from activities.slack.handles import decode as read_handle
from activities.slack.handles import encode as write_handle
from bot.slack.interactions import Press, Unreadable
from workflows.domain.case.commands import Place
from workflows.domain.values import Language, Value

MOST_CHARACTERS = 3000
"""docs.slack.dev, views: private_metadata."""


class Metadata(Value):
    """Which case the modal is about, and where its person is answered.

    `limits`: the longest duration of each timed action on offer, in seconds. `preset`: the one that
    is made sure of.
    """

    workflow_id: str
    case: str
    version: Annotated[int, Field(ge=0)]
    channel: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,30}$")]
    thread: Annotated[str | None, Field(pattern=r"^[0-9.]{1,30}$")] = None
    language: Language
    limits: dict[str, int] = Field(default_factory=dict)
    preset: str | None = None

    @model_validator(mode="after")
    def _names_a_case(self) -> Self:
        if read_handle(write_handle(self.case, self.version), self.workflow_id) is None:
            raise ValueError("names no case")
        return self

    @property
    def place(self) -> Place:
        """Where the person is answered."""
        return Place(channel=self.channel, thread=self.thread)


def metadata_for(
    aim: Handle,
    place: Place,
    language: Language,
    limits: dict[str, int] | None = None,
    preset: str | None = None,
) -> Metadata:
    """The metadata of a modal that `aim` opens.

    Raises:
        Unreadable: where the place is none of Slack's.
    """
    try:
        return Metadata(
            workflow_id=aim.workflow_id,
            case=aim.case,
            version=aim.version,
            channel=place.channel,
            thread=place.thread,
            language=language,
            limits=limits or {},
            preset=preset,
        )
    except ValidationError as error:
        raise Unreadable("not a place") from error


def encode(metadata: Metadata) -> str:
    """At most 3000 characters: without the limits where they do not fit (the case knows them)."""
    whole = metadata.model_dump_json(exclude_none=True)
    if len(whole) <= MOST_CHARACTERS:
        return whole
    return metadata.model_copy(update={"limits": {}}).model_dump_json(exclude_none=True)


def decode(written: str) -> Metadata:
    """What `encode` wrote.

    Raises:
        Unreadable: for anything else.
    """
    try:
        return Metadata.model_validate_json(written[:MOST_CHARACTERS])
    except ValidationError as error:
        raise Unreadable("not the metadata of a modal") from error


def placed(press: Press) -> Press:
    """The press with the place where its person is answered, which a modal only carries."""
    if press.source.place is not None or not press.carried:
        return press
    try:
        place = decode(press.carried).place
    except Unreadable:
        return press
    return press.model_copy(update={"source": press.source.model_copy(update={"place": place})})
