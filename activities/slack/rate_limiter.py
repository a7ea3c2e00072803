"""Token buckets for Slack's rate limits: interactive calls go first, then the most severe case.

A 429 costs the caller the time that Slack asks for, so the limits are enforced before the call:
one bucket per method, and one per channel for posting. Part of each bucket is reserved for
interactive calls, so that a button press never waits for background writes.

Rates: https://docs.slack.dev/apis/web-api/rate-limits. Slack does not publish burst sizes.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

INTERACTIVE = 0
"""Urgency of a call that a person waits for; 1 (critical) to 5 are severities."""

CRITICAL = 1

AGING_SECONDS = 20.0
"""Time in a queue that makes a call one step more urgent, up to the step below `CRITICAL`."""

MAX_AGING_SECONDS = 6 * AGING_SECONDS
"""Time in a queue after which any call counts as `CRITICAL`."""


@dataclass(frozen=True)
class Rate:
    """Calls per minute, largest burst, and the part of the burst for interactive calls only."""

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


class SlotCancelled(Exception):
    """The activity was cancelled before its first call to Slack."""


@dataclass
class Bucket:
    rate: Rate
    per_second: float
    tokens: float
    filled_at: float
    closed_until: float = 0.0

    def wait(self, now: float, urgency: int) -> float:
        """Seconds until a call of this urgency may take a token."""
        refill = max(0.0, now - self.filled_at) * self.per_second
        self.tokens, self.filled_at = min(float(self.rate.burst), self.tokens + refill), now
        reserve = 0 if urgency == INTERACTIVE else self.rate.reserve
        short = max(0.0, 1 + reserve - self.tokens) / self.per_second
        return max(short, self.closed_until - now)


@dataclass(eq=False)
class Slot:
    """Urgency and reservation of one activity; `waited` is its time in queues in seconds.

    A cancelled slot raises `SlotCancelled`, unless it has `started` to write: then it goes first.
    """

    urgency: int = INTERACTIVE
    cancelled: bool = False
    started: bool = False
    waited: float = 0.0
    reserved: tuple[str, str] | None = None

    def rank(self, since: float, now: float) -> int:
        """The urgency after waiting from `since` to `now`, both in seconds."""
        if self.urgency == INTERACTIVE:
            return INTERACTIVE
        if now - since >= MAX_AGING_SECONDS:
            return CRITICAL
        aged = self.urgency - int((now - since) / AGING_SECONDS)
        return max(min(self.urgency, CRITICAL + 1), aged)


@dataclass(eq=False)
class _Waiter:
    slot: Slot
    number: int
    since: float


@dataclass
class _Queue:
    """Calls that wait for one method, per channel for posting."""

    buckets: list[Bucket]
    waiters: list[_Waiter] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def first(self, now: float) -> _Waiter:
        return min(self.waiters, key=lambda each: (each.slot.rank(each.since, now), each.number))

    def wait(self, slot: Slot, now: float) -> float:
        return max(bucket.wait(now, slot.urgency) for bucket in self.buckets)

    def add(self, tokens: int) -> None:
        for bucket in self.buckets:
            bucket.tokens += tokens

    def wake(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class RateLimiter:
    """Rate limiter of one process and one event loop."""

    def __init__(self, share: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """`share` of the rates is used: 0.5 where two processes write, 0 turns limits off."""
        self._share = share
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._queues: dict[tuple[str, str], _Queue] = {}
        self._ids: dict[str, str] = {}
        self._number = 0

    async def take(self, slot: Slot, method: str, channel: str = "") -> None:
        """Waits until the call may be made, or takes the reserved token. Raises `SlotCancelled`."""
        if not self._limited(method):
            return
        key = self._key(method, channel)
        if slot.reserved == key:
            slot.reserved = None
            return
        self.release(slot)
        await self._wait(slot, key)

    async def reserve(self, slot: Slot, method: str, channel: str = "") -> None:
        """Waits like `take` and keeps the token for the next call. Raises `SlotCancelled`."""
        if self._limited(method):
            await self.take(slot, method, channel)
            slot.reserved = self._key(method, channel)

    def release(self, slot: Slot) -> None:
        """Puts an unused reserved token back."""
        if slot.reserved is not None:
            queue, slot.reserved = self._queue(slot.reserved), None
            queue.add(1)
            queue.wake()

    def cancel(self, slot: Slot) -> None:
        """Ends the wait of a slot, or makes it interactive where it has started to write."""
        slot.cancelled, slot.urgency = True, INTERACTIVE
        for queue in self._queues.values():
            queue.wake()

    def close(self, method: str, channel: str, seconds: float) -> None:
        """Stops all calls for the Retry-After of a 429."""
        if self._limited(method):
            bucket = self._queue(self._key(method, channel)).buckets[-1]
            bucket.tokens, bucket.closed_until = 0.0, self._clock() + seconds

    def alias(self, name: str, channel: str) -> None:
        """Makes a channel's name and id share one bucket."""
        if name != channel and name not in self._ids:
            self._ids[name] = channel
            old, new = ("chat.postMessage", name), ("chat.postMessage", channel)
            if old in self._queues and new not in self._queues:
                self._queues[new] = self._queues[old]

    def _limited(self, method: str) -> bool:
        return self._share > 0 and method in RATES

    def _key(self, method: str, channel: str) -> tuple[str, str]:
        if method != "chat.postMessage":
            return method, ""
        name = channel.removeprefix("#")
        return method, self._ids.get(name, name)

    def _queue(self, key: tuple[str, str]) -> _Queue:
        if key not in self._queues:
            method, channel = key
            buckets = [self._bucket((method, ""), RATES[method])]
            if channel:
                buckets.append(self._bucket(key, CHANNEL))
            self._queues[key] = _Queue(buckets)
        return self._queues[key]

    def _bucket(self, key: tuple[str, str], rate: Rate) -> Bucket:
        if key not in self._buckets:
            per_second = rate.per_minute / 60 * self._share
            self._buckets[key] = Bucket(rate, per_second, float(rate.burst), self._clock())
        return self._buckets[key]

    async def _wait(self, slot: Slot, key: tuple[str, str]) -> None:
        queue, began = self._queue(key), self._clock()
        self._number += 1
        waiter = _Waiter(slot, self._number, began)
        queue.waiters.append(waiter)
        try:
            while not self._has_token(queue, waiter):
                await self._pause(queue, waiter)
        finally:
            queue.waiters.remove(waiter)
            queue.wake()
            slot.waited += self._clock() - began

    def _has_token(self, queue: _Queue, waiter: _Waiter) -> bool:
        now = self._clock()
        if waiter.slot.cancelled and not waiter.slot.started:
            raise SlotCancelled
        if queue.first(now) is not waiter or queue.wait(waiter.slot, now) > 0:
            return False
        queue.add(-1)
        return True

    async def _pause(self, queue: _Queue, waiter: _Waiter) -> None:
        """Waits for a change of the queue; the first one also for its token."""
        now = self._clock()
        first = queue.first(now) is waiter
        longest = max(queue.wait(waiter.slot, now), 0.001) if first else math.inf
        try:
            async with asyncio.timeout(min(longest, AGING_SECONDS)):
                await queue.changed.wait()
        except TimeoutError:
            return
