"""The case's alarm clock: one durable timer at a time.

It is only set anew for an earlier time. An alarm that rings too early costs one look at the
case; setting it back on every command would cost a timer each.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
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
        self._timer = asyncio.create_task(self._ring(at))

    def heard(self) -> None:
        """Stops the ringing, so that it can be set again."""
        if self.rang:
            self.rang, self._at, self._timer = False, None, None

    async def _ring(self, at: datetime) -> None:
        await workflow.sleep(max(at - workflow.now(), timedelta(milliseconds=1)))
        self.rang = True
