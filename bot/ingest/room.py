"""How many alerts may be on their way: few where Temporal is slow, or the workers are behind.

A press needs Temporal and a worker within two seconds. Where alerts alone keep them busy, more of
them at a time bring nothing but a longer line, which every press stands in as well. Temporal takes
whatever it is given, however far its workers are behind: so their work is waited for, too.
"""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SLOW = 0.25
"""Seconds. A call takes 0.05 s at 32 in flight on two shared cores; more of it is waiting."""

LEAST = 4
"""Calls that are always let through."""


@dataclass(order=True)
class Turn:
    """A place in the line. The lowest rank is let in first, then whoever came first."""

    rank: int
    number: int
    let_in: asyncio.Future[None] = field(compare=False)


class Room:
    """Opens up one by one while calls are quick, and closes by a fifth when they are not."""

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        closed: Callable[[int], bool] = lambda under_way: False,
    ) -> None:
        """`most` calls are let in at a time while Temporal is quick.

        `closed` says whether nobody more may come in, by how many calls are under way.
        """
        self._most = most
        self._clock = clock
        self._closed = closed
        self._places = float(most)
        self._inside = 0
        self._narrowed_at = float("-inf")
        self._line: list[Turn] = []
        self._number = 0

    @property
    def places(self) -> int:
        """How many may be under way now."""
        return int(self._places)

    def turn(self, rank: int = 0) -> Turn:
        """A place in the line, for `place`."""
        turn = Turn(rank, self._number, asyncio.get_running_loop().create_future())
        self._number += 1
        heapq.heappush(self._line, turn)
        self.look()
        return turn

    def hurry(self, turn: Turn, rank: int) -> None:
        """It became more urgent while it waited."""
        if rank < turn.rank and not turn.let_in.done():
            turn.rank = rank
            heapq.heapify(self._line)

    @asynccontextmanager
    async def place(self, turn: Turn) -> AsyncIterator[None]:
        """One call, at its turn."""
        await self._enter(turn)
        began = self._clock()
        try:
            yield
        finally:
            self._judge(self._clock() - began)
            self._leave()

    def look(self) -> None:
        """Lets in who can be let in now; for whoever opens what was `closed`."""
        while self._line and self._inside < self.places and not self._closed(self._inside):
            turn = heapq.heappop(self._line)
            if not turn.let_in.done():
                self._inside += 1
                turn.let_in.set_result(None)

    async def _enter(self, turn: Turn) -> None:
        try:
            await turn.let_in
        except asyncio.CancelledError:
            if turn.let_in.done() and not turn.let_in.cancelled():
                self._leave()  # let in just as it was given up
            raise

    def _leave(self) -> None:
        self._inside -= 1
        self.look()

    def _judge(self, seconds: float) -> None:
        if seconds < SLOW:
            self._places = min(float(self._most), self._places + 1)
        elif self._clock() - self._narrowed_at >= SLOW:
            # Once for all that were slow together.
            self._narrowed_at = self._clock()
            self._places = max(float(LEAST), self._places * 0.8)
