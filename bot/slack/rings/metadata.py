"""What the modal `ring` carries: where its look-ups begin, and what its person was shown."""

from pydantic import Field, ValidationError

from bot.slack.modals.metadata import MOST_CHARACTERS, Metadata
from bot.slack.press import Unreadable


class RingMetadata(Metadata):
    """`starts`: ids by type. `seen` subjects were shown for the choice whose digest is `shown`.

    Above `bulk` somebody else has to agree.
    """

    starts: dict[str, str] = Field(default_factory=dict)
    seen: int | None = None
    shown: str = ""
    bulk: int = 0


def encode(metadata: RingMetadata) -> str:
    """At most 3000 characters: without the limits where they do not fit (the case knows them)."""
    whole = metadata.model_dump_json(exclude_none=True)
    if len(whole) <= MOST_CHARACTERS:
        return whole
    return metadata.model_copy(update={"limits": {}}).model_dump_json(exclude_none=True)


def decode(written: str) -> RingMetadata:
    """What `encode` wrote.

    Raises:
        Unreadable: for anything else.
    """
    try:
        return RingMetadata.model_validate_json(written[:MOST_CHARACTERS])
    except ValidationError as error:
        raise Unreadable("not the metadata of a ring") from error
