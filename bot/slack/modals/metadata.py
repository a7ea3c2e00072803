"""Metadata of modals: kept from opening to submission in Slack's `private_metadata`."""

from typing import Annotated, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from activities.slack.handles import Handle
from activities.slack.handles import decode as read_handle
from activities.slack.handles import encode as write_handle
from bot.slack.interactions import Press, Unreadable
from workflows.domain.case.commands import Place
from workflows.domain.values import Language, Value

MOST_CHARACTERS = 3000
"""docs.slack.dev, views: private_metadata."""


class Carried(Value):
    """The least that a modal carries: the language that it was drawn in."""

    language: Language


class Metadata(Carried):
    """The case of a modal, and the place of its person.

    `limits`: the longest duration of each timed action on offer, in seconds. `preset`: the preset
    to confirm. `detector`: the only one to snooze.
    """

    workflow_id: str
    case: str
    version: Annotated[int, Field(ge=0)]
    channel: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,30}$")]
    thread: Annotated[str | None, Field(pattern=r"^[0-9.]{1,30}$")] = None
    limits: dict[str, int] = Field(default_factory=dict)
    preset: str | None = None
    detector: str | None = None

    @model_validator(mode="after")
    def _names_a_case(self) -> Self:
        if read_handle(write_handle(self.case, self.version), self.workflow_id) is None:
            raise ValueError("names no case")
        return self

    @property
    def place(self) -> Place:
        """The place to answer the person."""
        return Place(channel=self.channel, thread=self.thread)


def metadata_for(
    aim: Handle,
    place: Place,
    language: Language,
    limits: dict[str, int] | None = None,
    preset: str | None = None,
) -> Metadata:
    """The metadata of a modal about a case. Raises `Unreadable` if the place is not Slack's."""
    try:
        given = {"language": language, "limits": limits or {}, "preset": preset}
        return Metadata.model_validate({**aim._asdict(), **dict(place), **given})
    except ValidationError as error:
        raise Unreadable("not a place") from error


def encode(metadata: Metadata) -> str:
    """At most 3,000 characters; `limits` are left out if they do not fit: the case has them."""
    whole = metadata.model_dump_json(exclude_none=True)
    if len(whole) <= MOST_CHARACTERS:
        return whole
    return metadata.model_copy(update={"limits": {}}).model_dump_json(exclude_none=True)


C = TypeVar("C", bound=Carried)


def decode(written: str, model: type[C]) -> C:
    """The metadata in `private_metadata`. Raises `Unreadable` if another kind of modal wrote it."""
    try:
        return model.model_validate_json(written[:MOST_CHARACTERS])
    except ValidationError as error:
        raise Unreadable("not the metadata of this modal") from error


def placed(press: Press) -> Press:
    """The press with the place of its person, which a press in a modal has in its metadata."""
    if press.source.place is not None or not press.carried:
        return press
    try:
        place = decode(press.carried, Metadata).place
    except Unreadable:
        return press
    return press.model_copy(update={"source": press.source.model_copy(update={"place": place})})
