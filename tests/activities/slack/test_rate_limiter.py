"""Rate limiter: Slack's rates, and the order of urgency."""

import asyncio
import time
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.slack import rate_limiter
from activities.slack.rate_limiter import (
    CHANNEL,
    INTERACTIVE,
    RATES,
    RateLimiter,
    Slot,
    SlotCancelled,
)

FAST = 20.0
"""Multiple of Slack's rates: a post every 50 ms, an update every 60 ms."""
POST, UPDATE = "chat.postMessage", "chat.update"


async def emptied(limiter: RateLimiter, method: str = POST, channel: str = "C0LIVE") -> None:
    """Takes every token that clicks may take at once."""
    for _ in range(CHANNEL.burst if method == POST else RATES[method].burst):
        await limiter.take(Slot(INTERACTIVE), method, channel)


async def soon(waits: Awaitable[None]) -> bool:
    """True if the call needs no timer of the limiter."""
    task = asyncio.ensure_future(waits)
    for _ in range(10):
        await asyncio.sleep(0)
    if task.done():
        return True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return False


async def test_a_burst_goes_out_at_once_and_the_rest_at_the_rate() -> None:
    """Three posts to a channel are immediate, then one every 50 ms at this speed."""
    limiter, began = RateLimiter(FAST), time.monotonic()
    for _ in range(CHANNEL.burst + 4):
        await limiter.take(Slot(INTERACTIVE), POST, "C0LIVE")
    assert time.monotonic() - began >= 0.19


async def test_channels_do_not_wait_for_each_other() -> None:
    """Each channel has its own rate."""
    limiter = RateLimiter(FAST)
    await emptied(limiter)
    assert await soon(limiter.take(Slot(1), POST, "C0MARKET"))


async def test_background_leaves_a_reserve_for_people() -> None:
    """Ten of the twenty update tokens are reserved for clicks."""
    limiter = RateLimiter(0.01)
    for _ in range(RATES[UPDATE].burst - RATES[UPDATE].reserve):
        assert await soon(limiter.take(Slot(1), UPDATE))
    assert not await soon(limiter.take(Slot(1), UPDATE))
    for _ in range(RATES[UPDATE].reserve):
        assert await soon(limiter.take(Slot(INTERACTIVE), UPDATE))


async def test_people_go_first_and_then_the_most_severe() -> None:
    """The waiting time of other calls does not matter."""
    limiter, order = RateLimiter(FAST), list[str]()
    await emptied(limiter)

    async def one(name: str, urgency: int) -> None:
        await limiter.take(Slot(urgency), POST, "C0LIVE")
        order.append(name)

    waits = [("low", 4), ("high", 2), ("critical", 1), ("low too", 4), ("people", INTERACTIVE)]
    tasks = [asyncio.create_task(one(*each)) for each in waits]
    await asyncio.gather(*tasks)
    assert order == ["people", "critical", "high", "low", "low too"]


def test_what_waits_long_becomes_more_urgent() -> None:
    """Lines of mild cases are not starved by new severe ones.

    A critical call is still not behind mild calls that have waited.
    """
    turn = Slot(4)
    assert turn.rank(since=0.0, now=rate_limiter.AGING_SECONDS - 1) == 4
    assert turn.rank(since=0.0, now=2 * rate_limiter.AGING_SECONDS) == 2
    assert turn.rank(since=0.0, now=5 * rate_limiter.AGING_SECONDS) == 2
    assert turn.rank(since=0.0, now=6 * rate_limiter.AGING_SECONDS) == 1
    assert Slot(1).rank(since=0.0, now=0.0) == 1
    assert Slot(INTERACTIVE).rank(since=0.0, now=0.0) == INTERACTIVE


async def test_a_429_stops_everybody_for_as_long_as_slack_asks() -> None:
    """Clicks wait too, because another call would be refused."""
    limiter = RateLimiter(FAST)
    limiter.close(POST, "C0LIVE", 0.2)
    began = time.monotonic()
    await limiter.take(Slot(INTERACTIVE), POST, "C0LIVE")
    assert time.monotonic() - began >= 0.19


async def test_a_cancelled_waiting_call_leaves_the_queue() -> None:
    """Its token goes to the next call."""
    limiter, turn = RateLimiter(0.01), Slot(2)
    await emptied(limiter)
    waits = asyncio.create_task(limiter.take(turn, POST, "C0LIVE"))
    await asyncio.sleep(0)
    assert [waiter.slot for queue in limiter._queues.values() for waiter in queue.waiters] == [turn]
    limiter.cancel(turn)
    with pytest.raises(SlotCancelled):
        await waits
    assert not any(queue.waiters for queue in limiter._queues.values())


async def test_a_started_write_is_made_urgent_instead() -> None:
    """The thread of a posted card gets the priority of a click."""
    limiter, turn = RateLimiter(0.01), Slot(4, started=True)
    for _ in range(CHANNEL.burst - CHANNEL.reserve):
        await limiter.take(Slot(1), POST, "C0LIVE")
    waits = asyncio.create_task(limiter.take(turn, POST, "C0LIVE"))
    await asyncio.sleep(0)
    limiter.cancel(turn)
    assert await soon(waits)


async def test_a_reserved_token_is_used_or_given_back() -> None:
    """If the card exists and is only updated, its post token goes to another call."""
    limiter, turn = RateLimiter(0.01), Slot(INTERACTIVE)
    for _ in range(CHANNEL.burst - 1):
        await limiter.take(Slot(INTERACTIVE), POST, "C0LIVE")
    await limiter.reserve(turn, POST, "C0LIVE")
    assert not await soon(limiter.take(Slot(INTERACTIVE), POST, "C0LIVE"))
    await limiter.take(turn, UPDATE)
    assert await soon(limiter.take(Slot(INTERACTIVE), POST, "C0LIVE"))


async def test_a_channel_is_one_by_its_name_and_by_its_id() -> None:
    """Slack counts posts by name and by id together."""
    limiter = RateLimiter(0.01)
    for _ in range(CHANNEL.burst):
        await limiter.take(Slot(INTERACTIVE), POST, "ts-live")
    limiter.alias("ts-live", "C0LIVE")
    assert not await soon(limiter.take(Slot(INTERACTIVE), POST, "C0LIVE"))
    assert not await soon(limiter.take(Slot(INTERACTIVE), POST, "ts-live"))


async def test_without_a_pace_nobody_waits() -> None:
    """Stand-ins without rates and methods without tight limits do not wait."""
    limiter = RateLimiter(0)
    for _ in range(1_000):
        await limiter.take(Slot(4), UPDATE)
    for _ in range(1_000):
        await RateLimiter(1).take(Slot(4), "chat.getPermalink")


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(min_value=0, max_value=30), min_size=1, max_size=60))
def test_no_minute_sees_more_than_the_rate_and_its_burst(pauses: list[float]) -> None:
    """For any times of calls, immediate grants stay within Slack's limit."""
    clock, granted = _Clock(), list[float]()
    limiter = RateLimiter(1.0, clock)

    async def tried() -> None:
        for pause in pauses:
            clock.now += pause
            if await _at_once(limiter):
                granted.append(clock.now)

    asyncio.run(tried())
    for start in granted:
        within = [at for at in granted if start <= at < start + 60]
        assert len(within) <= CHANNEL.burst + CHANNEL.per_minute


async def _at_once(limiter: RateLimiter) -> bool:
    waits = asyncio.ensure_future(limiter.take(Slot(INTERACTIVE), POST, "C0LIVE"))
    await asyncio.sleep(0)
    if waits.done():
        return True
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    return False
