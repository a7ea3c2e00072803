"""Budgets and turns of senders: the excess of one is refused, and delays no other by much."""

import asyncio
import math
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from bot.admission import BodyMemory
from bot.http.models import RequestRefused

T = TypeVar("T")

MINUTE = 60.0

MOST_SENDERS = 1000
"""Senders with a budget of their own; the one that was quiet for longest is forgotten first."""

UNDER_WAY_BYTES = 32 * 1024 * 1024
"""Bytes of one sender's requests that are worked on at a time."""

COMMON_SHARE = 8
"""Budgets of one detector that all senders with the common secret have together: their names are
what they say, and a made-up one must not bring a budget of its own without end."""


class Budget(StrEnum):
    """Something of which each sender has a limited amount."""

    REQUESTS = "requests"
    BYTES = "bytes"
    ALERTS = "alerts"
    CPU = "cpu"
    RATE = "rate"
    UNDER_WAY = "under_way"


@dataclass(frozen=True)
class Allowance:
    """Amounts of one sender: a minute's requests, bytes, alerts and seconds of processor time.

    `under_way` requests may be worked on at a time.
    """

    requests: int = 30_000
    bytes: int = 256 * 1024 * 1024
    alerts: int = 60_000
    cpu: float = 20.0
    under_way: int = 200

    def of(self, budget: Budget) -> float:
        """The amount of one budget."""
        return float(getattr(self, budget.value))


class OverBudget(RequestRefused):
    """A request of a sender that has used up `budget`; it may come `retry_after` seconds later."""

    def __init__(self, sentence: str, budget: Budget, retry_after: int) -> None:
        super().__init__(sentence, status=429)
        self.budget, self.retry_after = budget, retry_after


_SENTENCES = {
    Budget.REQUESTS: "{sender} has used its {amount:.0f} requests a minute.",
    Budget.BYTES: "{sender} has used its {amount:.0f} bytes a minute.",
    Budget.ALERTS: "{sender} has used its {amount:.0f} alerts a minute.",
    Budget.CPU: "{sender} has used its {amount:g} s of processor time a minute.",
}
_BY_MINUTE = tuple(_SENTENCES)


@dataclass
class _Account:
    """What a sender has used of each budget of a minute, and has under way."""

    used: dict[Budget, float] = field(default_factory=lambda: dict.fromkeys(_BY_MINUTE, 0.0))
    at: float = 0.0
    requests: int = 0
    bytes: int = 0


class Budgets:
    """Budgets of all senders of this process. What is used comes back evenly over a minute."""

    def __init__(
        self, allowance: Allowance | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowance = allowance or Allowance()
        self._clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._common = _Account(at=clock())

    @contextmanager
    def request(self, sender: str, size: int, common: bool) -> Iterator[None]:
        """A request of `size` bytes that is under way. Raises `OverBudget` before it is."""
        account = self._account(sender)
        self._check(sender, account, size, 1)
        if common:
            self._check("The common secret", self._common, 0, COMMON_SHARE)
        account.requests, account.bytes = account.requests + 1, account.bytes + size
        self.spend(sender, Budget.REQUESTS, 1, common)
        self.spend(sender, Budget.BYTES, size, common)
        try:
            yield
        finally:
            account.requests, account.bytes = account.requests - 1, account.bytes - size

    def spend(self, sender: str, budget: Budget, amount: float, common: bool) -> None:
        """Books what a request has used; the next one is refused where it was too much."""
        self._account(sender).used[budget] += amount
        if common:
            self._refresh(self._common, COMMON_SHARE)
            self._common.used[budget] += amount

    def _account(self, sender: str) -> _Account:
        account = self._accounts.setdefault(sender, _Account(at=self._clock()))
        self._accounts.move_to_end(sender)
        self._refresh(account, 1)
        if len(self._accounts) > MOST_SENDERS:
            self._accounts.popitem(last=False)
        return account

    def _refresh(self, account: _Account, share: int) -> None:
        now = self._clock()
        part, account.at = (now - account.at) / MINUTE, now
        for budget, used in account.used.items():
            account.used[budget] = max(0.0, used - part * share * self._allowance.of(budget))

    def _check(self, sender: str, account: _Account, size: int, share: int) -> None:
        self._refresh(account, share)
        for budget in _BY_MINUTE:
            amount = share * self._allowance.of(budget)
            if account.used[budget] >= amount:
                seconds = (account.used[budget] - amount) / amount * MINUTE
                sentence = _SENTENCES[budget].format(sender=sender, amount=amount)
                raise OverBudget(sentence, budget, max(1, math.ceil(seconds)))
        too_many = account.requests >= self._allowance.under_way
        if too_many or (account.requests and account.bytes + size > UNDER_WAY_BYTES):
            sentence = f"{sender} has {account.requests} requests under way, which is its most."
            raise OverBudget(sentence, Budget.UNDER_WAY, 1)


class Rates:
    """Rates of the policy: alerts of each detector, in this process.

    What is used comes back evenly.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, detector: str, amount: int, seconds: int, alerts: int) -> None:
        """Books `alerts` of the `amount` in `seconds`; raises `OverBudget` where it is used up.

        A request may exceed what is left, even the whole amount; the next one waits for it, but
        no longer than `seconds`.
        """
        now = self._clock()
        used, at = self._used.get(detector, (0.0, now))
        used = max(0.0, min(used, 2 * amount) - (now - at) / seconds * amount)
        if used >= amount:
            wait = max(1, math.ceil((used - amount) / amount * seconds))
            sentence = f"{detector} may send {amount} alerts in {seconds} s (accepts.rate)."
            raise OverBudget(sentence, Budget.RATE, wait)
        self._used[detector] = (min(used + alerts, 2 * amount), now)
        self._used.move_to_end(detector)
        if len(self._used) > MOST_SENDERS:
            self._used.popitem(last=False)


class Turns:
    """One thread for work on request bodies, which senders use in turns.

    The event loop goes on answering presses meanwhile, and a sender with many bodies delays another
    one by one body.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "bodies")
        self._waiting: OrderedDict[str, deque[tuple[Callable[[], Any], asyncio.Future[Any]]]]
        self._waiting = OrderedDict()
        self._busy = False

    async def run(self, sender: str, work: Callable[[], T]) -> tuple[T, float]:
        """Returns the result of `work` and its seconds of processor time. Raises its errors."""
        future: asyncio.Future[tuple[T, float]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sender, deque()).append((work, future))
        self._begin()
        return await future

    def _begin(self) -> None:
        while not self._busy and self._waiting:
            sender, jobs = self._waiting.popitem(last=False)
            work, future = jobs.popleft()
            if jobs:
                self._waiting[sender] = jobs  # behind the others
            if not future.done():
                self._busy = True
                loop = asyncio.get_running_loop()
                running = loop.run_in_executor(self._thread, _timed, work)
                running.add_done_callback(partial(self._ended, future))

    def _ended(self, asked: "asyncio.Future[Any]", done: "asyncio.Future[Any]") -> None:
        self._busy = False
        error = None if done.cancelled() else done.exception()
        if asked.done() or done.cancelled():
            asked.cancel()
        elif error is not None:
            asked.set_exception(error)
        else:
            asked.set_result(done.result())
        self._begin()


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.thread_time()
    return work(), time.thread_time() - began


_NAMED = re.compile(rb'"(?:detector|source)"\s{0,9}:\s{0,9}"([A-Za-z0-9_.-]{1,64})"')


def named_in(body: bytes) -> str:
    """The sender that a body names first, before it is parsed; `default` where none is."""
    found = _NAMED.search(body)
    return found[1].decode("ascii") if found else "default"


@dataclass(frozen=True)
class Sender:
    """Sender of a request; `common` if the common secret signed it."""

    name: str
    common: bool


class Intake:
    """Budgets, rates, turns and memory of the signed endpoints of one process."""

    def __init__(
        self,
        budgets: Budgets | None = None,
        turns: Turns | None = None,
        bodies: BodyMemory | None = None,
        rates: Rates | None = None,
    ) -> None:
        self.budgets = budgets or Budgets()
        self.bodies = bodies or BodyMemory()
        self.turns = turns or Turns()
        self.rates = rates or Rates()

    async def work(self, sender: Sender, work: Callable[[], T]) -> T:
        """Returns the result of `work` on the sender's turn, and books its processor time."""
        result, seconds = await self.turns.run(sender.name, work)
        self.budgets.spend(sender.name, Budget.CPU, seconds, sender.common)
        return result
