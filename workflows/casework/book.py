"""Writes a case's events into the ledger, in their order, without holding the case up."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from workflows import ports
from workflows.casework.errands import ends
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.ports import Entry, Written

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)
)

_PATIENCE = timedelta(seconds=5)
"""How long an entry may go on before it is called off for a new history."""

_EVENT_BYTES = 600

_AT_ONCE = 500
"""Events and alerts in one transaction: thousands would take longer than an attempt may."""


async def write(entry: Entry) -> Written:
    """One entry, for as long as it takes."""
    return await workflow.execute_local_activity(
        ports.record, entry, start_to_close_timeout=timedelta(seconds=10), retry_policy=_RETRY
    )


class Book:
    """What is not written yet. Every write is idempotent, so that a lost answer is harmless."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._events: list[Recorded] = []
        self._alerts: list[Alert] = []
        self._weights: list[int] = []
        self._snapshot: Memory | None = None
        self._case: Case | None = None
        self._card: CardRef | None = None
        self._writing: asyncio.Task[None] | None = None
        self._held = False

    @property
    def idle(self) -> bool:
        """Whether everything is written."""
        return self._writing is None or self._writing.done()

    @property
    def pending(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._events or self._alerts)

    @property
    def unwritten(self) -> tuple[tuple[Recorded, ...], tuple[Alert, ...]]:
        """What waits to be written: events and alerts."""
        return tuple(self._events), tuple(self._alerts)

    @property
    def weight(self) -> int:
        """About how many bytes wait to be written."""
        return sum(self._weights) + _EVENT_BYTES * len(self._events)

    def add(self, events: Sequence[Recorded], *alerts: Alert | None) -> None:
        """Remembers what has to be written."""
        self._events += events
        new = [alert for alert in alerts if alert is not None]
        self._alerts += new
        self._weights += [len(alert.model_dump_json()) for alert in new]

    def flush(self, case: Case, card: CardRef | None, snapshot: Memory | None) -> None:
        """Begins to write, unless a write is under way: that one goes on with this."""
        self._case, self._card, self._snapshot = case, card, snapshot
        if self.idle and not self._held and (self.pending or snapshot is not None):
            self._writing = asyncio.create_task(self._write())

    async def put_down(self) -> None:
        """Ends with the entry under way; one that the ledger does not take is kept."""
        self._held = True
        await ends(self._writing, _PATIENCE)

    def pick_up(self) -> None:
        """Writes again with the next `flush`."""
        self._held = False

    async def _write(self) -> None:
        while (self.pending or self._snapshot is not None) and not self._held:
            assert self._case is not None
            entry = self._next_entry(self._case)
            try:
                await write(entry)
            except (FailureError, asyncio.CancelledError):
                if not self._held:
                    raise
                # Called off: whether it was written is not known, and it is harmless twice.
                self._events[:0], self._alerts[:0] = entry.events, entry.alerts
                self._weights[:0] = [len(alert.model_dump_json()) for alert in entry.alerts]
                self._snapshot = self._snapshot or entry.snapshot

    def _next_entry(self, case: Case) -> Entry:
        """Takes what waits; the snapshot goes with the last part."""
        entry = Entry(
            case=case,
            owner_key=self._key,
            events=tuple(self._events[:_AT_ONCE]),
            alerts=tuple(self._alerts[:_AT_ONCE]),
            card=self._card,
        )
        del self._events[:_AT_ONCE], self._alerts[:_AT_ONCE], self._weights[:_AT_ONCE]
        if not self.pending:
            entry = entry.model_copy(update={"snapshot": self._snapshot})
            self._snapshot = None
        return entry
