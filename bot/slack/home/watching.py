"""Whose home is drawn anew, and when: at once where it is opened, soon where something changed.

Everybody who opened their home lately is looked at together, over one reading of the ledger; a
view that would be the same is not published. So a press by anybody refreshes the homes of all whom
it concerns, and of nobody else.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from bot.slack.background import Background
from bot.slack.drawing import Block
from bot.slack.home.publishing import Outcome, Publisher

LATELY = 30 * 60.0
"""Seconds for which somebody is taken to look at their home: Slack tells when it is opened, and
never that it is closed."""
MOST_LOOKING = 200
SETTLED = (0.7, 4.0)
"""Seconds after the last of several presses: its case has acted by then; the second is for load."""
EVERY = 30.0
"""Seconds between two looks for what no press here has caused: alerts, clocks, other processes."""
TRIES = 3
PAUSE = 1.0
"""Seconds after a try that failed: Slack is away, as a rule for everybody."""

Draw = Callable[[str], Awaitable[list[Block]]]
"""The blocks of a person's home; it must not raise."""


class Watching:
    """The homes that people look at."""

    def __init__(
        self,
        publisher: Publisher,
        draw: Draw,
        beside: Background,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._draw = draw
        self._beside = beside
        self._clock = clock
        self._looking: OrderedDict[str, float] = OrderedDict()
        self._wanted: OrderedDict[str, int] = OrderedDict()
        self._drawing: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._looking_again: asyncio.Task[None] | None = None

    def opened(self, person: str) -> None:
        """Somebody opened their home: theirs is drawn before all others."""
        self._looking[person] = self._clock()
        self._looking.move_to_end(person)
        while len(self._looking) > MOST_LOOKING:
            self._looking.popitem(last=False)
        self._want(person, first=True)
        if self._looking_again is None or self._looking_again.done():
            self._looking_again = self._beside.beside(self._look_again())

    def stirred(self) -> None:
        """Something was stored that may change what people see, once its case has acted."""
        if not self._looking:
            return
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self._beside.beside(self._settle())

    def refresh(self) -> None:
        """Looks at the homes of everybody who opened theirs lately."""
        before = self._clock() - LATELY
        for person in [who for who, at in self._looking.items() if at < before]:
            del self._looking[person]
        for person in self._looking:
            self._want(person)

    async def _settle(self) -> None:
        passed = 0.0
        for at in SETTLED:
            await asyncio.sleep(at - passed)
            passed = at
            self.refresh()

    async def _look_again(self) -> None:
        while self._looking:
            await asyncio.sleep(EVERY)
            self.refresh()

    def _want(self, person: str, first: bool = False, tries: int = TRIES) -> None:
        self._wanted[person] = max(tries, self._wanted.get(person, 0))
        if first:
            self._wanted.move_to_end(person, last=False)
        if self._drawing is None or self._drawing.done():
            self._drawing = self._beside.beside(self._draw_wanted())

    async def _draw_wanted(self) -> None:
        while self._wanted:
            person, tries = self._wanted.popitem(last=False)
            blocks = await self._draw(person)
            if self._publisher.is_shown(person, blocks):
                continue
            wait = self._publisher.budget.wait()
            if wait:
                # Whoever opens theirs meanwhile comes first; drawn anew, it is the last state.
                self._wanted.setdefault(person, tries)
                await asyncio.sleep(wait)
                continue
            await self._publish(person, blocks, tries)

    async def _publish(self, person: str, blocks: list[Block], tries: int) -> None:
        outcome = await self._publisher.publish(person, blocks)
        if outcome is Outcome.LATER:
            self._wanted.setdefault(person, tries)
        elif outcome in (Outcome.STALE, Outcome.FAILED) and tries > 1:
            self._wanted.setdefault(person, tries - 1)
            await asyncio.sleep(PAUSE if outcome is Outcome.FAILED else 0)
