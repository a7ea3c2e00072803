"""Signs of life of activities, so that an answer which was lost is noticed soon.

Where a worker or Temporal dies while an activity ends, Temporal takes it for running still: its
case would wait for all of the time that a slow ledger or platform may need.
"""

import asyncio
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

BEAT = 0.8
"""Seconds; most activities end before the first one, and cost nothing more."""


class SignsOfLife(Interceptor):
    """For a worker whose activities give none of their own."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Lives around `next`."""
        return _Living(next)


class _Living(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if activity.info().heartbeat_timeout is None:
            return await self.next.execute_activity(input)
        telling = asyncio.create_task(_live())
        try:
            return await _to_its_end(asyncio.ensure_future(self.next.execute_activity(input)))
        finally:
            telling.cancel()


async def _to_its_end(work: asyncio.Future[Any]) -> Any:
    """What `work` returns, though it is called off meanwhile, as who gives signs of life can be.

    What was asked of a platform may take effect after the one who asked has gone away.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        return await work


async def _live() -> None:
    while True:
        await asyncio.sleep(BEAT)
        activity.heartbeat()
