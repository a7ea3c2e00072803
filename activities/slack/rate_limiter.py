"""Keeps within Slack's rates: whoever writes waits for a token, people first, then the most severe.

A 429 costs its caller the time that Slack asks for, and another one's turn. So a bucket for each
method (and for posting, for each channel) is kept here as Slack keeps it there. A part of each is
for people alone: a press never waits for the trickle of what nobody waits for.

Rates: https://docs.slack.dev/apis/web-api/rate-limits. Bursts are not published; ours are small.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PEOPLE = 0
"""The urgency of what a person waits for; 1 to 5 are severities, the worst first."""

WORST = 1
"""What is this urgent from the beginning goes before all that only became more urgent."""

PATIENCE = 20.0
"""Seconds in a line after which what waits is one step more urgent."""

STARVED = 6 * PATIENCE
"""Seconds after which it is as urgent as the worst, so that nothing waits for ever."""


@dataclass(frozen=True)
class Rate:
    """Calls a minute, how many may come at once, and how many of those are for people alone."""

    per_minute: float
    burst: int
    reserve: int


RATES: dict[str, Rate] = {
    "chat.postMessage": Rate(240, 20, 5),
    "chat.update": Rate(50, 20, 10),
    "chat.postEphemeral": Rate(100, 20, 0),
    "conversations.history": Rate(50, 10, 0),
    "conversations.replies": Rate(50, 10, 0),
    "conversations.open": Rate(50, 10, 0),
    "conversations.list": Rate(20, 5, 0),
}
"""Tier 2: 20, tier 3: 50, tier 4: 100 a minute; posting: several hundred a workspace."""

CHANNEL = Rate(60, 3, 1)
"""Posting to one channel: "1 per second", with short bursts."""


class CalledOff(Exception):
    """Somebody gave up waiting before the turn came."""


@dataclass
class _Bucket:
    rate: Rate
    per_second: float
    tokens: float
    filled_at: float
    shut_until: float = 0.0

    def lacks(self, now: float, urgency: int) -> float:
        """Seconds until whoever is that urgent may take a token."""
        grown = max(0.0, now - self.filled_at) * self.per_second
        self.tokens, self.filled_at = min(float(self.rate.burst), self.tokens + grown), now
        kept = 0 if urgency == PEOPLE else self.rate.reserve
        short = max(0.0, 1 + kept - self.tokens) / self.per_second
        return max(short, self.shut_until - now)


@dataclass(eq=False)
class Slot:
    """The place of one activity in every line that it stands in, and what it has in hand."""

    urgency: int = PEOPLE
    off: bool = False
    begun: bool = False
    waited: float = 0.0
    held: tuple[str, str] | None = None

    def rank(self, since: float, now: float) -> int:
        """How urgent it is by now: people are before whatever waited longest."""
        if self.urgency == PEOPLE:
            return PEOPLE
        if now - since >= STARVED:
            return WORST
        return max(min(self.urgency, WORST + 1), self.urgency - int((now - since) / PATIENCE))


@dataclass(eq=False)
class _Waiting:
    turn: Slot
    number: int
    since: float


@dataclass
class _Line:
    """Whoever waits for one method, in one channel where it is for posting."""

    buckets: list[_Bucket]
    waiting: list[_Waiting] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def first(self, now: float) -> _Waiting:
        return min(self.waiting, key=lambda one: (one.turn.rank(one.since, now), one.number))

    def wake(self) -> None:
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()


class RateLimiter:
    """One a process, for one event loop."""

    def __init__(self, share: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """`share` of the rates is used: a half where two processes write, 0 waits for nothing."""
        self._share = share
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._lines: dict[tuple[str, str], _Line] = {}
        self._names: dict[str, str] = {}
        self._number = 0

    async def take(self, turn: Slot, method: str, channel: str = "") -> None:
        """Returns once the call may be made; a token that was reserved is used first.

        Raises:
            CalledOff: the turn was called off before anything was begun.
        """
        if self._unpaced(method):
            return
        place = self._place(method, channel)
        if turn.held == place:
            turn.held = None
            return
        self.give_back(turn)
        await self._wait(turn, place)

    async def reserve(self, turn: Slot, method: str, channel: str = "") -> None:
        """Waits like `take`, for the call that comes next. Raises `CalledOff`."""
        if self._unpaced(method):
            return
        await self.take(turn, method, channel)
        turn.held = self._place(method, channel)

    def give_back(self, turn: Slot) -> None:
        """A token that was reserved and is not needed is free again."""
        if turn.held is not None:
            line, turn.held = self._line(turn.held), None
            for bucket in line.buckets:
                bucket.tokens += 1
            line.wake()

    def call_off(self, turn: Slot) -> None:
        """Ends the waiting, or hurries it where something was begun already."""
        turn.off, turn.urgency = True, PEOPLE
        for line in self._lines.values():
            line.wake()

    def refused(self, method: str, channel: str, seconds: float) -> None:
        """Slack said 429: nothing more goes there for as long as it asks."""
        if self._unpaced(method):
            return
        bucket = self._line(self._place(method, channel)).buckets[-1]
        bucket.tokens, bucket.shut_until = 0.0, self._clock() + seconds

    def same(self, name: str, channel: str) -> None:
        """A channel's name and its id share one bucket."""
        if name != channel and name not in self._names:
            self._names[name] = channel
            old, new = ("chat.postMessage", name), ("chat.postMessage", channel)
            if old in self._lines and new not in self._lines:
                self._lines[new] = self._lines[old]

    def waiting(self, method: str, channel: str = "") -> int:
        """How many stand in that line now."""
        line = self._lines.get(self._place(method, channel))
        return len(line.waiting) if line is not None else 0

    def _unpaced(self, method: str) -> bool:
        return self._share == 0 or method not in RATES

    def _place(self, method: str, channel: str) -> tuple[str, str]:
        if method != "chat.postMessage":
            return method, ""
        name = channel.removeprefix("#")
        return method, self._names.get(name, name)

    def _line(self, place: tuple[str, str]) -> _Line:
        if place not in self._lines:
            method, channel = place
            buckets = [self._bucket((method, ""), RATES[method])]
            if channel:
                buckets.append(self._bucket(place, CHANNEL))
            self._lines[place] = _Line(buckets)
        return self._lines[place]

    def _bucket(self, place: tuple[str, str], rate: Rate) -> _Bucket:
        if place not in self._buckets:
            per_second = rate.per_minute / 60 * self._share
            self._buckets[place] = _Bucket(rate, per_second, float(rate.burst), self._clock())
        return self._buckets[place]

    async def _wait(self, turn: Slot, place: tuple[str, str]) -> None:
        line, began = self._line(place), self._clock()
        self._number += 1
        me = _Waiting(turn, self._number, began)
        line.waiting.append(me)
        try:
            while not self._has_token(line, me):
                await self._pause(line, me)
        finally:
            line.waiting.remove(me)
            line.wake()
            turn.waited += self._clock() - began

    def _has_token(self, line: _Line, me: _Waiting) -> bool:
        now = self._clock()
        if me.turn.off and not me.turn.begun:
            raise CalledOff
        if line.first(now) is not me or self._lacks(line, me.turn) > 0:
            return False
        for bucket in line.buckets:
            bucket.tokens -= 1
        return True

    def _lacks(self, line: _Line, turn: Slot) -> float:
        now = self._clock()
        return max(bucket.lacks(now, turn.urgency) for bucket in line.buckets)

    async def _pause(self, line: _Line, me: _Waiting) -> None:
        """Until something moved in the line, or for its first until there is a token."""
        first = line.first(self._clock()) is me
        most = max(self._lacks(line, me.turn), 0.001) if first else math.inf
        try:
            async with asyncio.timeout(min(most, PATIENCE)):
                await line.moved.wait()
        except TimeoutError:
            return
