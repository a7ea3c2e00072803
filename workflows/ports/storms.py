"""What a storm asks of the world, and what it starts with.

The bodies live in `activities/` under the same names; a test compares the signatures.
"""

from datetime import datetime

from pydantic import Field
from temporalio import activity

from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Role
from workflows.domain.storm import Called, Mention, Picture
from workflows.domain.values import Value


class StormSnapshot(Value):
    """What a storm carries over into a new history. `told_at` is when each role was called last.

    `heard` are calls by case and event, so that one that is told twice counts once.
    """

    since: datetime | None = None
    digest: CardRef | None = None
    drawn: Picture | None = None
    calm: int = 0
    mentions: int = 0
    called: tuple[Called, ...] = ()
    heard: tuple[str, ...] = ()
    told_at: dict[Role, datetime] = Field(default_factory=dict)


class StormStart(Value):
    """A storm in `channel`; `key` is unique to it over all its histories."""

    channel: str
    key: str = ""
    memory: StormSnapshot = StormSnapshot()


class StormAsk(Value):
    """Whose picture is wanted; `since` None: from the oldest case on whose card waits now."""

    channel: str
    since: datetime | None


class ShowStorm(Value):
    """The digest as it should stand, and who is called in its thread, as `number` so far."""

    key: str
    picture: Picture
    digest: CardRef | None
    over: bool = False
    mentions: tuple[Mention, ...] = ()
    number: int = 0


@activity.defn(name="storm_now")
async def storm_now(ask: StormAsk) -> Picture:
    """What the ledger knows of a channel's cases."""
    raise RuntimeError("a port has no body")


@activity.defn(name="show_storm")
async def show_storm(wanted: ShowStorm) -> CardRef:
    """Brings the digest up to date and calls people in its thread; nothing is posted twice."""
    raise RuntimeError("a port has no body")
