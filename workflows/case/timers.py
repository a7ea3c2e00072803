"""What time it is for a decision that somebody asked for.

A workflow knows only when its task began. After an outage, or while it waits for somebody's roles,
that is a while ago: a press that came since would be judged as if an expired approval still stood.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

MOST_AHEAD = timedelta(seconds=10)
"""By how much a press may be later than its task. A clock that is further off is not believed."""


def decision_time(now: datetime, received_at: datetime | None) -> datetime:
    """`now`, or when the press was received where that is a little later."""
    if received_at is None or not now < received_at <= now + MOST_AHEAD:
        return now
    return received_at


class DeadlineTimer:
    """Rings once at the time it is set for."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None
        self.rang = False

    def set(self, at: datetime | None) -> None:
        """Rings at `at` at the latest; None leaves it as it is."""
        if at is None or self.rang or (self._at is not None and self._at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = asyncio.create_task(self._bulk(at))

    def heard(self) -> None:
        """Stops the ringing, so that it can be set again."""
        if self.rang:
            self.rang, self._at, self._timer = False, None, None

    async def _bulk(self, at: datetime) -> None:
        await workflow.sleep(max(at - workflow.now(), timedelta(milliseconds=1)))
        self.rang = True


class DecisionClock:
    """The time of the workflow task, or of the latest press that came since it began."""

    def __init__(self) -> None:
        self.latest: datetime | None = None

    def resume(self, latest: datetime | None) -> None:
        """Goes on from the latest press of the history before."""
        self.latest = latest or self.latest

    def hear(self, received_at: datetime | None) -> None:
        """A press was received then, by the clock of whoever received it."""
        self.latest = max(self.now, decision_time(workflow.now(), received_at))

    @property
    def now(self) -> datetime:
        """What time it is."""
        task = workflow.now()
        return task if self.latest is None else max(task, self.latest)
