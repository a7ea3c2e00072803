"""Answers of Slack that are kept for a while, and for longer where Slack has none."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from activities.slack.client import FAILURES, trouble

V = TypeVar("V")

_AGAIN = 1.0  # seconds in which a failed question is not asked again
PATIENCE = 0.4
"""Seconds that a slow Slack is waited for, where an answer from before still counts."""
ASKING = 5.0
"""Seconds until a question counts as failed: whoever waits for it has other ways to find out."""

_log = structlog.get_logger(__name__)


class Away(Exception):
    """Slack did not answer, and nothing was kept from before."""


@dataclass
class _Kept(Generic[V]):
    value: V | None = None
    known: bool = False
    asked_at: float = float("-inf")
    answered_at: float = float("-inf")
    failed: bool = False


class Remembered(Generic[V]):
    """A bounded cache by key. A stale value is better than none; one question a key at a time."""

    def __init__(
        self,
        method: str,
        ask: Callable[[str], Awaitable[V]],
        lasts: timedelta,
        most: int = 2_000,
        oldest: timedelta | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` raises what the Slack client raises; `lasts` is how long an answer is fresh.

        Where Slack can't tell, an answer counts on until it is `oldest` (None: for ever).
        """
        self._method = method
        self._ask = ask
        self._lasts = lasts.total_seconds()
        self._most = most
        self._oldest = float("inf") if oldest is None else oldest.total_seconds()
        self._clock = clock
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def get(self, key: str, lasts: float | None = None) -> V:
        """The answer for `key`, asked for where it is not fresh, or older than `lasts` seconds.

        Raises:
            Away: where Slack can't tell, and nothing is kept or what is kept is too old.
        """
        kept = self._entry(key)
        asking = self._asked(kept, key, lasts)
        if asking is not None and self._counts(kept):
            await asyncio.wait([asking], timeout=PATIENCE if lasts is None else ASKING)
        elif asking is not None:
            # Whoever asks may be cancelled while they wait; the question goes on for the next one.
            await asyncio.shield(asking)
        if not self._counts(kept):
            raise Away(self._method)
        return kept.value  # type: ignore[return-value]  # known: it was answered

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
        return self._clock() - kept.asked_at >= (_AGAIN if kept.failed else lasts)

    def _counts(self, kept: _Kept[V]) -> bool:
        """Whether what is kept may still be told."""
        return kept.known and self._clock() - kept.answered_at <= self._oldest

    async def _refresh(self, kept: _Kept[V], key: str) -> None:
        kept.asked_at, kept.failed = self._clock(), True
        try:
            async with asyncio.timeout(ASKING):
                kept.value = await self._ask(key)
        except FAILURES as error:
            code = trouble(self._method, error).code
            _log.warning("slack_not_asked", method=self._method, code=code, stale=kept.known)
        else:
            kept.known, kept.failed, kept.answered_at = True, False, kept.asked_at

    def _entry(self, key: str) -> _Kept[V]:
        kept = self._kept.setdefault(key, _Kept())
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept
