"""Cache with stale-while-revalidate: one refresh per key, stale values while the source fails."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

V = TypeVar("V")

RETRY_SECONDS = 1.0
"""Pause after a failed fetch."""
STALE_WAIT = 0.4
"""Wait in seconds for a fetch while a stale value is usable."""
FETCH_TIMEOUT = 5.0
"""Seconds after which a fetch has failed."""

_log = structlog.get_logger(__name__)


class CacheMiss(Exception):
    """The fetch failed, and the cache has no usable value."""


@dataclass
class _Entry(Generic[V]):
    value: V | None = None
    known: bool = False
    fetched_at: float = float("-inf")
    """Start of the last successful fetch."""
    tried_at: float = float("-inf")
    failed: bool = False


class Cache(Generic[V]):
    """Bounded LRU cache of fetched values."""

    def __init__(
        self,
        what: str,
        fetch: Callable[[str], Awaitable[V]],
        lasts: timedelta,
        failures: tuple[type[Exception], ...],
        most: int = 2_000,
        oldest: timedelta | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeout: float = FETCH_TIMEOUT,
    ) -> None:
        """`fetch` raises one of `failures` or `TimeoutError`; values are fresh for `lasts`.

        While it fails, values are usable until they are `oldest` (None: without limit). A fetch
        has failed after `timeout` seconds.
        """
        self._what = what
        self._failures: tuple[type[Exception], ...] = (*failures, TimeoutError)
        self._fetch = fetch
        self._lasts = lasts.total_seconds()
        self._most = most
        self._oldest = float("inf") if oldest is None else oldest.total_seconds()
        self._clock = clock
        self._timeout = timeout
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[None]] = {}

    async def get(
        self,
        key: str,
        lasts: float | None = None,
        patience: float = STALE_WAIT,
        first: float = FETCH_TIMEOUT,
    ) -> V:
        """The value of `key`, fetched where it is older than `lasts` seconds.

        Waits `patience` seconds where a stale value is usable, else `first` seconds.

        Raises:
            CacheMiss: no value, or only one that is too old.
        """
        entry = self._entry(key)
        task = self._refreshing(entry, key, lasts)
        if task is not None:
            wait = patience if lasts is None else FETCH_TIMEOUT
            # The task survives the cancellation of a caller, for the next one.
            await asyncio.wait([task], timeout=wait if self._usable(entry) else first)
        entry = self._entries.get(key, entry)
        if not self._usable(entry):
            raise CacheMiss(self._what)
        return entry.value  # type: ignore[return-value]  # known

    def put(self, key: str, value: V) -> None:
        """Stores a value from elsewhere; the result of a running fetch is ignored."""
        now = self._clock()
        self._entries[key] = _Entry(value, known=True, tried_at=now, fetched_at=now)

    def age(self, key: str) -> float:
        """Seconds since the last successful fetch; infinite without one."""
        return self._clock() - self._entry(key).fetched_at

    def fresh(self, key: str) -> tuple[V, float] | None:
        """The fresh value of `key` and its age in seconds, without a wait.

        Otherwise a fetch starts for the next caller.
        """
        entry = self._entry(key)
        age = self._clock() - entry.fetched_at
        if entry.known and age < self._lasts:
            return entry.value, age  # type: ignore[return-value]  # known
        self._refreshing(entry, key)
        return None

    def _refreshing(
        self, entry: _Entry[V], key: str, lasts: float | None = None
    ) -> asyncio.Task[None] | None:
        """The running fetch of `key`, started where it is due."""
        task = self._fetching.get(key)
        if task is None and self._due(entry, self._lasts if lasts is None else lasts):
            task = self._fetching[key] = asyncio.create_task(self._refresh(entry, key))
            task.add_done_callback(lambda _: self._fetching.pop(key, None))
        return task

    def _due(self, entry: _Entry[V], lasts: float) -> bool:
        return self._clock() - entry.tried_at >= (RETRY_SECONDS if entry.failed else lasts)

    def _usable(self, entry: _Entry[V]) -> bool:
        return entry.known and self._clock() - entry.fetched_at <= self._oldest

    async def _refresh(self, entry: _Entry[V], key: str) -> None:
        entry.tried_at, entry.failed = self._clock(), True
        try:
            async with asyncio.timeout(self._timeout):
                entry.value = await self._fetch(key)
        except self._failures as error:
            code = getattr(error, "type", None) or type(error).__name__
            _log.warning("not_answered", what=self._what, error=code, stale=entry.known)
        else:
            entry.known, entry.failed, entry.fetched_at = True, False, entry.tried_at

    def _entry(self, key: str) -> _Entry[V]:
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry
