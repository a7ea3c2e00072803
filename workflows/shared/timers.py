"""Timers: the next deadline of a workflow, and the clock by which a press is judged.

A workflow's time is when its task began. After an outage, or during a role lookup, that lags
behind: a press received since would be judged as if an expired approval were still pending.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

MOST_AHEAD = timedelta(seconds=10)
"""A press that is further ahead of its task comes from a wrong clock."""


def decision_time(now: datetime, received_at: datetime | None) -> datetime:
    """Returns `now`, or when the press was received if that is slightly later."""
    if received_at is None or not now < received_at <= now + MOST_AHEAD:
        return now
    return received_at


class DeadlineTimer:
    """Timer for the earliest of the times it is set to; `due` once that has come."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None
        self.due = False

    def set(self, at: datetime | None) -> None:
        """Becomes due at `at` at the latest; None changes nothing."""
        if at is None or self.due or (self._at is not None and self._at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = asyncio.create_task(self._wait(at))

    def reset(self) -> None:
        """Makes a due timer ready to be set again."""
        if self.due:
            self.due, self._at, self._timer = False, None, None

    async def _wait(self, at: datetime) -> None:
        await workflow.sleep(max(at - workflow.now(), timedelta(milliseconds=1)))
        self.due = True


class DecisionClock:
    """Time of the workflow task, or of the latest press received since it began."""

    def __init__(self) -> None:
        self.latest: datetime | None = None

    def resume(self, latest: datetime | None) -> None:
        """Continues from the latest press of the previous history."""
        self.latest = latest or self.latest

    def note(self, received_at: datetime | None) -> None:
        """Notes when a press was received, by the clock of its receiver."""
        self.latest = max(self.now, decision_time(workflow.now(), received_at))

    @property
    def now(self) -> datetime:
        """The time of the next decision."""
        task = workflow.now()
        return task if self.latest is None else max(task, self.latest)
