"""How many calls to Temporal may be under way for alerts: fewer while it is slow to answer.

A press needs Temporal within two seconds. Where alerts alone keep it busy, more of their calls at a
time bring nothing but a longer line, which every press stands in as well.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SLOW = 0.25
"""Seconds. A call takes 0.05 s at 32 in flight on two shared cores; more of it is waiting."""

LEAST = 4
"""Calls that are always let through."""


class Room:
    """Opens up one by one while calls are quick, and closes by a fifth when they are not."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` calls are let in at a time while Temporal is quick."""
        self._most = most
        self._clock = clock
        self._places = float(most)
        self._inside = 0
        self._narrowed_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def places(self) -> int:
        """How many may be under way now."""
        return int(self._places)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One call; whoever came first is let in first."""
        await self._enter()
        began = self._clock()
        try:
            yield
        finally:
            self._judge(self._clock() - began)
            self._inside -= 1
            self._let_in()

    async def _enter(self) -> None:
        if self._inside < self.places and not self._waiting:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._inside -= 1  # let in just as its request was given up
                self._let_in()
            raise

    def _let_in(self) -> None:
        while self._waiting and self._inside < self.places:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)

    def _judge(self, seconds: float) -> None:
        if seconds < SLOW:
            self._places = min(float(self._most), self._places + 1)
        elif self._clock() - self._narrowed_at >= SLOW:
            # Once for all that were slow together.
            self._narrowed_at = self._clock()
            self._places = max(float(LEAST), self._places * 0.8)
