"""Ledger writer: projects the events of a workflow into the ledger, in order and beside its work.

Temporal's history is the record of what happened. A write holds everything that was decided since
the one before, is retried for as long as the ledger is away, and changes nothing the second time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from temporalio.exceptions import FailureError

from workflows.domain.case.snapshot import ReceivedAlert
from workflows.shared.tasks import Tasks, ends

AT_ONCE = 500
"""Events, or alerts, in one write: thousands would take longer than an attempt may."""
LARGEST = 700_000
"""Bytes in one write; Temporal refuses a payload of 2 MB."""

_PATIENCE = timedelta(seconds=5)
"""How long a write may go on before it is cancelled for a new history."""


class Numbered(Protocol):
    """An event with its place in the story."""

    @property
    def seq(self) -> int:
        """1 for the first event."""
        ...

    def model_dump_json(self) -> str:
        """The event as it travels."""
        ...


E = TypeVar("E", bound=Numbered)
T = TypeVar("T")


class LedgerWriter(Generic[E]):
    """One workflow's way into the ledger: one write at a time."""

    def __init__(
        self,
        tasks: Tasks,
        write: Callable[[tuple[E, ...], tuple[ReceivedAlert, ...], bool], Awaitable[None]],
    ) -> None:
        """`write` takes events, alerts, and whether they bring the ledger up to date."""
        self._tasks = tasks
        self._write_out = write
        self._events: list[tuple[E, int]] = []
        self._alerts: list[tuple[ReceivedAlert, int]] = []
        self.weight = 0
        self._touched = False
        self._held = False
        self._writing: asyncio.Task[None] | None = None
        self.through = 0

    @property
    def idle(self) -> bool:
        """Whether everything is written, or the rest is held."""
        return self._writing is None or self._writing.done()

    @property
    def backlog(self) -> tuple[tuple[E, ...], tuple[ReceivedAlert, ...]]:
        """What waits to be written, of `weight` bytes."""
        return tuple(each for each, _ in self._events), tuple(each for each, _ in self._alerts)

    def add(self, events: Sequence[E], alerts: Iterable[ReceivedAlert] = ()) -> None:
        """Takes events that happened, and alerts that the ledger could not be asked about."""
        self._events += ((each, _size(each)) for each in events)
        self._alerts += ((each, _size(each)) for each in alerts)
        self.weight = sum(size for _, size in (*self._events, *self._alerts))
        self._begin()

    def touch(self) -> None:
        """Writes the rows once more, without an event."""
        self._touched = True
        self._begin()

    def is_written(self, seq: int) -> bool:
        """Whether this run wrote the event `seq`, or one after it."""
        return self.through >= seq

    async def put_down(self) -> None:
        """Ends with the write under way; one that the ledger does not take is kept."""
        self._held = True
        await ends(self._writing, _PATIENCE)

    def pick_up(self) -> None:
        """Goes on after `put_down`."""
        self._held = False
        self._begin()

    @property
    def _wanted(self) -> bool:
        return bool(self._events or self._alerts or self._touched)

    def _begin(self) -> None:
        if self.idle and not self._held and self._wanted:
            self._writing = self._tasks.run(self._write())

    async def _write(self) -> None:
        while not self._held and self._wanted:
            events = _fitting(self._events, LARGEST)
            alerts = _fitting(self._alerts, LARGEST)
            whole = (len(events), len(alerts)) == (len(self._events), len(self._alerts))
            touched, self._touched = self._touched, self._touched and not whole
            try:
                await self._write_out(events, alerts, whole)
            except FailureError:
                self._touched = touched
                if self._held:
                    return  # cancelled for a new history
                raise
            del self._events[: len(events)], self._alerts[: len(alerts)]
            self.weight = sum(size for _, size in (*self._events, *self._alerts))
            self.through = max(self.through, *(each.seq for each in events), 0)


def _size(value: Numbered | ReceivedAlert) -> int:
    """Bytes of `value` on its way."""
    return len(value.model_dump_json().encode())


def _fitting(waiting: Sequence[tuple[T, int]], most: int) -> tuple[T, ...]:
    """The first of them, as far as one write holds them; one at least."""
    some: list[T] = []
    total = 0
    for each, size in waiting[:AT_ONCE]:
        total += size
        if some and total > most:
            break
        some.append(each)
    return tuple(some)
