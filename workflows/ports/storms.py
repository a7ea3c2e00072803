"""Ports of storms: start argument, signatures and payloads of their activities."""

from datetime import datetime
from typing import Protocol

from pydantic import Field
from temporalio import activity

from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Role
from workflows.domain.storm import Called, Mention, Picture
from workflows.domain.values import Value


class StormSnapshot(Value):
    """Whole state. `told_at` is when each role was last mentioned.

    `seen` are the keys of calls, by case and event: a second delivery counts once.
    """

    since: datetime | None = None
    digest: CardRef | None = None
    drawn: Picture | None = None
    calm: int = 0
    mentions: int = 0
    called: tuple[Called, ...] = ()
    seen: tuple[str, ...] = ()
    told_at: dict[Role, datetime] = Field(default_factory=dict)


class StormStart(Value):
    """Start of a storm in `channel`; `key` is unique to it over all its histories."""

    channel: str
    key: str = ""
    memory: StormSnapshot = StormSnapshot()


class StormAsk(Value):
    """Cases of a channel `since` a time; None: since the oldest case whose card waits now."""

    channel: str
    since: datetime | None


class ShowStorm(Value):
    """Digest to show, and mentions for its thread, after `number` earlier ones."""

    key: str
    picture: Picture
    digest: CardRef | None
    over: bool = False
    ended_at: datetime | None = None
    mentions: tuple[Mention, ...] = ()
    number: int = 0


class StormPort(Protocol):
    """Activities of storms."""

    @activity.defn(name="storm_now")
    async def storm_now(self, ask: StormAsk) -> Picture:
        """Returns the ledger's summary of a channel's cases."""

    @activity.defn(name="show_storm")
    async def show_storm(self, wanted: ShowStorm) -> CardRef:
        """Updates the digest and mentions people in its thread; posts nothing twice."""
