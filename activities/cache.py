"""Cache of answers that are kept for a while, and for longer while whoever knows them is away."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

V = TypeVar("V")

AGAIN = 1.0
"""Seconds in which a failed question is not asked again."""
PATIENCE = 0.4
"""Seconds that a slow answer is waited for, where an answer from before still counts."""
ASKING = 5.0
"""Seconds until a question counts as failed: whoever waits for it has other ways to find out."""

_log = structlog.get_logger(__name__)


class Away(Exception):
    """Nobody answered, and nothing was kept from before."""


@dataclass
class _Kept(Generic[V]):
    value: V | None = None
    known: bool = False
    asked_at: float = float("-inf")
    answered_at: float = float("-inf")
    failed: bool = False


class Cache(Generic[V]):
    """A bounded cache by key. A stale value is better than none; one question a key at a time."""

    def __init__(
        self,
        what: str,
        ask: Callable[[str], Awaitable[V]],
        lasts: timedelta,
        failures: tuple[type[Exception], ...],
        most: int = 2_000,
        oldest: timedelta | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` raises one of `failures` or `TimeoutError`; `lasts` is how long an answer is fresh.

        Where nobody can tell, an answer counts on until it is `oldest` (None: for ever).
        """
        self._what = what
        self._failures: tuple[type[Exception], ...] = (*failures, TimeoutError)
        self._ask = ask
        self._lasts = lasts.total_seconds()
        self._most = most
        self._oldest = float("inf") if oldest is None else oldest.total_seconds()
        self._clock = clock
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def get(
        self,
        key: str,
        lasts: float | None = None,
        patience: float = PATIENCE,
        first: float = ASKING,
    ) -> V:
        """The answer for `key`, asked for where it is not fresh, or older than `lasts` seconds.

        A slow one is waited for `patience` seconds where an answer from before still counts,
        `first` seconds where there is none.

        Raises:
            Away: where nobody can tell, and nothing is kept or what is kept is too old.
        """
        kept = self._entry(key)
        asking = self._asked(kept, key, lasts)
        if asking is not None:
            enough = patience if lasts is None else ASKING
            # Whoever asks may be cancelled while they wait; the question goes on for the next one.
            await asyncio.wait([asking], timeout=enough if self._counts(kept) else first)
        kept = self._kept.get(key, kept)
        if not self._counts(kept):
            raise Away(self._what)
        return kept.value  # type: ignore[return-value]  # known: it was answered

    def put(self, key: str, value: V) -> None:
        """`value` is known from elsewhere: a question under way is not heard any more."""
        now = self._clock()
        self._kept[key] = _Kept(value, known=True, asked_at=now, answered_at=now)

    def age(self, key: str) -> float:
        """Seconds since the answer for `key` was asked for; endless where there is none."""
        return self._clock() - self._entry(key).answered_at

    def fresh(self, key: str) -> tuple[V, float] | None:
        """The answer for `key` and its age in seconds, where it is fresh; waits for nothing.

        Otherwise it is asked for, so that the next caller finds it.
        """
        kept = self._entry(key)
        age = self._clock() - kept.answered_at
        if kept.known and age < self._lasts:
            return kept.value, age  # type: ignore[return-value]  # known: it was answered
        self._asked(kept, key)
        return None

    def _asked(
        self, kept: _Kept[V], key: str, lasts: float | None = None
    ) -> asyncio.Task[None] | None:
        """The question for `key` that is under way, begun where it is due."""
        asking = self._asking.get(key)
        if asking is None and self._due(kept, self._lasts if lasts is None else lasts):
            asking = self._asking[key] = asyncio.create_task(self._refresh(kept, key))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return asking

    def _due(self, kept: _Kept[V], lasts: float) -> bool:
        return self._clock() - kept.asked_at >= (AGAIN if kept.failed else lasts)

    def _counts(self, kept: _Kept[V]) -> bool:
        """Whether what is kept may still be told."""
        return kept.known and self._clock() - kept.answered_at <= self._oldest

    async def _refresh(self, kept: _Kept[V], key: str) -> None:
        kept.asked_at, kept.failed = self._clock(), True
        try:
            async with asyncio.timeout(ASKING):
                kept.value = await self._ask(key)
        except self._failures as error:
            why = getattr(error, "type", None) or type(error).__name__
            _log.warning("not_answered", what=self._what, error=why, stale=kept.known)
        else:
            kept.known, kept.failed, kept.answered_at = True, False, kept.asked_at

    def _entry(self, key: str) -> _Kept[V]:
        kept = self._kept.setdefault(key, _Kept())
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept
