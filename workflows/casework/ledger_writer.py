"""Ledger writer: projects the events of a workflow into the ledger, in order and beside its work.

Temporal's history is the record of what happened. A write holds everything that was decided since
the one before, is retried for as long as the ledger is away, and changes nothing the second time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from temporalio.exceptions import FailureError

from workflows.casework.tasks import Tasks, ends
from workflows.domain.memory import ReceivedAlert

AT_ONCE = 500
"""Events or alerts in one write: thousands would take longer than an attempt may."""
LARGEST = 500_000
"""Bytes of alerts in one write; Temporal refuses a payload of 2 MB."""

_PATIENCE = timedelta(seconds=5)
"""How long a write may go on before it is cancelled for a new history."""
_EVENT_BYTES = 600


class Numbered(Protocol):
    """An event with its place in the story."""

    @property
    def seq(self) -> int:
        """1 for the first event."""
        ...


E = TypeVar("E", bound=Numbered)


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
        self._events: list[E] = []
        self._alerts: list[ReceivedAlert] = []
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
        """What waits to be written."""
        return tuple(self._events), tuple(self._alerts)

    @property
    def weight(self) -> int:
        """About how many bytes wait to be written."""
        return _EVENT_BYTES * len(self._events) + sum(map(_size, self._alerts))

    def add(self, events: Sequence[E], alerts: Iterable[ReceivedAlert] = ()) -> None:
        """Takes events that happened, and alerts that the ledger could not be asked about."""
        self._events += events
        self._alerts += alerts
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
            events, alerts = tuple(self._events[:AT_ONCE]), self._some_alerts()
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
            self.through = max(self.through, *(each.seq for each in events), 0)

    def _some_alerts(self) -> tuple[ReceivedAlert, ...]:
        some: list[ReceivedAlert] = []
        size = 0
        for alert in self._alerts[:AT_ONCE]:
            size += _size(alert)
            if some and size > LARGEST:
                break
            some.append(alert)
        return tuple(some)


def _size(alert: ReceivedAlert) -> int:
    return len(alert.model_dump_json())
