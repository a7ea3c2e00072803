"""What all homes are drawn from, read once for everybody who looks at the same moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from datetime import time as time_of_day
from typing import Generic, TypeVar

from bot.services.cases import CaseLine
from bot.services.slack import Services
from bot.services.team import OnCall
from workflows.domain.numbers.model import Numbers

V = TypeVar("V")

QUEUE_LASTS = 0.5
"""Seconds; less than until a press has settled (`watching.SETTLED`)."""
NUMBERS_LAST = 5.0


class _Shared(Generic[V]):
    """One reading at a time, which serves everybody who asks while it is fresh."""

    def __init__(self, read: Callable[[], Awaitable[V]], lasts: float) -> None:
        self._read = read
        self._lasts = lasts
        self._lock = asyncio.Lock()
        self._kept: tuple[float, V] | None = None

    async def get(self) -> V:
        """The reading. Raises what reading raises."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] >= self._lasts:
                begun = time.monotonic()
                self._kept = (begun, await self._read())
            return self._kept[1]


class Reading:
    """The queue, the shift and today's numbers. Every call raises `Unavailable`."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now
        self._queue = _Shared(services.ledger.queue, QUEUE_LASTS)
        self._on_call = _Shared(self._ask_on_call, QUEUE_LASTS)
        self._today = _Shared(self._ask_today, NUMBERS_LAST)

    async def queue(self) -> tuple[CaseLine, ...]:
        """Every case that is not closed or waits for an approval."""
        return await self._queue.get()

    async def on_call(self) -> OnCall:
        """Who is on shift now."""
        return await self._on_call.get()

    async def today(self) -> Numbers:
        """The numbers since midnight, where the team is."""
        return await self._today.get()

    async def _ask_on_call(self) -> OnCall:
        return await self._services.team.on_call(self._now())

    async def _ask_today(self) -> Numbers:
        now, zone = self._now(), self._services.zone
        midnight = datetime.combine(now.astimezone(zone).date(), time_of_day(), zone)
        return await self._services.team.numbers(midnight, now)
