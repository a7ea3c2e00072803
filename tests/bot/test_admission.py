"""Admission limiter: fewer concurrent calls while Temporal is slow."""

import asyncio

from bot.admission import MIN_CALLS, SLOW_CALL, AdmissionLimiter, Ticket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def call(limiter: AdmissionLimiter, clock: Clock, seconds: float) -> None:
    """One call that takes `seconds` by the clock."""
    async with limiter.slot(limiter.enqueue()):
        clock.now += seconds


async def test_fast_calls_use_the_whole_limit() -> None:
    """The limit recovers by one per fast call."""
    clock = Clock()
    limiter = AdmissionLimiter(32, clock)
    await call(limiter, clock, 0.05)
    assert limiter.limit == 32
    await call(limiter, clock, 1.0)
    assert limiter.limit == 25
    for _ in range(7):
        await call(limiter, clock, 0.05)
    assert limiter.limit == 32


async def test_slow_calls_shrink_the_limit_to_a_few() -> None:
    """Some calls are always allowed."""
    clock = Clock()
    limiter = AdmissionLimiter(32, clock)
    for _ in range(40):
        await call(limiter, clock, 2.0)
    assert limiter.limit == MIN_CALLS


async def test_simultaneous_slow_calls_count_once() -> None:
    """Thirty simultaneous slow calls shrink the limit once."""
    clock = Clock()
    limiter = AdmissionLimiter(32, clock)
    clock.now = 10.0
    for _ in range(30):
        async with limiter.slot(limiter.enqueue()):
            clock.now += SLOW_CALL
            limiter._shrunk_at = clock.now
    assert limiter.limit == 32


async def test_the_limit_is_never_exceeded() -> None:
    """Waiting calls keep their order, and a cancelled one occupies no slot."""
    limiter, inside, most, order = AdmissionLimiter(4), 0, 0, list[int]()

    async def one(number: int) -> None:
        nonlocal inside, most
        async with limiter.slot(limiter.enqueue()):
            inside += 1
            most = max(most, inside)
            order.append(number)
            await asyncio.sleep(0)
            inside -= 1

    tasks = [asyncio.create_task(one(number)) for number in range(20)]
    await asyncio.sleep(0)
    tasks[10].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 4
    assert order == [number for number in range(20) if number != 10]
    async with limiter.slot(limiter.enqueue()):
        assert limiter.limit == 4


async def test_calls_are_admitted_by_rank_and_then_in_order() -> None:
    """The rank can be raised while a call waits."""
    limiter, order = AdmissionLimiter(1), list[str]()

    async def one(name: str, ticket: Ticket) -> None:
        async with limiter.slot(ticket):
            order.append(name)

    given = (("first", 3), ("mild", 3), ("worst", 1), ("mild too", 3), ("worse by now", 3))
    tickets = {name: limiter.enqueue(rank) for name, rank in given}
    limiter.raise_priority(tickets["worse by now"], 2)
    await asyncio.gather(*(one(name, ticket) for name, ticket in tickets.items()))
    assert order == ["first", "worst", "worse by now", "mild", "mild too"]


async def test_no_call_is_admitted_while_blocked() -> None:
    """Waiting calls are admitted with the next `admit_waiting`."""
    closed = True
    limiter = AdmissionLimiter(4, blocked=lambda under_way: closed)
    ticket = limiter.enqueue()
    await asyncio.sleep(0)
    assert not ticket.admitted.done()
    closed = False
    limiter.admit_waiting()
    async with limiter.slot(ticket):
        assert ticket.admitted.done()
