"""How far the workers are behind what was handed in.

Temporal takes whatever it is given, however far they are behind. And one that is behind loses more
than time: a case that waits for longer than it is kept in memory for (`bot.worker.STICKY_TIMEOUT`)
is played again from its beginning.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from temporalio.service import RPCError

from workflows.client import OutOfReach

AHEAD = 16
"""Calls that may be ahead of the workers: some tenths of a second on two shared cores."""

ASKED_AT = AHEAD // 2
"""Calls after which a case is asked, so that nobody has to stop while the workers keep up."""

log = structlog.get_logger()


class Trailing:
    """Asks the case that was last handed something: its answer comes after all before it."""

    def __init__(
        self, reached: Callable[[str], Awaitable[None]], changed: Callable[[], None]
    ) -> None:
        """`reached` returns once a worker was at a case, or raises `OutOfReach`.

        `changed` hears that more may be sent.
        """
        self._reached = reached
        self._changed = changed
        self._ahead = 0
        self._last = ""
        self._away = False
        self._asking: asyncio.Task[None] | None = None

    def far(self, under_way: int) -> bool:
        """Whether the workers are too far behind for more calls than those `under_way`.

        Where none works at all, alerts are stored as fast as they come.
        """
        return self._ahead + under_way >= AHEAD and not self._away

    def sent(self, route: str) -> None:
        """One more call went to the case at `route`."""
        self._ahead += 1
        self._last = route
        self._begin()

    def _begin(self) -> None:
        if self._asking is None and self._ahead >= ASKED_AT:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        before = self._ahead
        try:
            await self._reached(self._last)
            self._away = False
        except (OutOfReach, RPCError) as error:
            self._away = True
            log.warning("no_worker_answered", error=str(error))
        finally:
            self._ahead -= before
            self._asking = None
            self._changed()
            self._begin()
