"""Ledger writer: a workflow's events are written to the ledger in order, beside its other work.

Temporal's history is the record of what happened. A write holds all events since the previous one,
is retried until the ledger takes it, and is idempotent. A case adds its rows and, once closed, a
snapshot.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.projection import ActionRow, action_rows, case_row
from workflows.domain.case.snapshot import CardRef, CaseSnapshot, ReceivedAlert
from workflows.ports.cases import CasePort, LedgerWrite
from workflows.shared.slack_sync import CaseSlackSync
from workflows.shared.tasks import Lane, Tasks

AT_ONCE = 500
"""Events, or alerts, in one write: thousands would take longer than an attempt may."""
LARGEST = 700_000
"""Bytes in one write; Temporal refuses a payload of 2 MB."""

E = TypeVar("E", Recorded, AppealRecorded)
T = TypeVar("T")

_Write = Callable[[tuple[E, ...], tuple[ReceivedAlert, ...], bool], Awaitable[None]]


class LedgerWriter(Generic[E]):
    """Writes of one workflow, one at a time. `weight` is the backlog in bytes."""

    def __init__(self, tasks: Tasks, write: _Write[E]) -> None:
        """`write` takes events, alerts, and whether they are all of the backlog."""
        self._lane = Lane(tasks, self._write)
        self._write_out: _Write[E] = write
        self._events: list[tuple[E, int]] = []
        self._alerts: list[tuple[ReceivedAlert, int]] = []
        self.weight = 0
        self._touched = False
        self._held = False
        self._through = 0

    @property
    def idle(self) -> bool:
        """Whether everything is written, or the rest is held."""
        return not self._lane.busy

    @property
    def backlog(self) -> tuple[tuple[E, ...], tuple[ReceivedAlert, ...]]:
        """The events and alerts to be written."""
        return tuple(each for each, _ in self._events), tuple(each for each, _ in self._alerts)

    def add(self, events: Sequence[E], alerts: Iterable[ReceivedAlert] = ()) -> None:
        """Queues events, and alerts that joined while the ledger was unreachable."""
        self._events += ((each, _size(each)) for each in events)
        self._alerts += ((each, _size(each)) for each in alerts)
        self.weight = sum(size for _, size in (*self._events, *self._alerts))
        self._begin()

    def touch(self) -> None:
        """Writes the rows once more, without an event."""
        self._touched = True
        self._begin()

    def is_written(self, seq: int) -> bool:
        """Whether this run wrote the event `seq`, or a later one."""
        return self._through >= seq

    async def pause(self) -> None:
        """Waits for the write under way, and cancels it after 5 s; its events are kept."""
        self._held = True
        await self._lane.ends()

    def resume(self) -> None:
        """Continues after `pause`."""
        self._held = False
        self._begin()

    @property
    def _wanted(self) -> bool:
        return bool(self._events or self._alerts or self._touched)

    def _begin(self) -> None:
        if self._wanted and not self._held:
            self._lane.wake()

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
            self._through = max(self._through, *(each.seq for each in events), 0)


_SnapshotState = tuple[int, CardRef | None, CardRef | None, int, bool]
"""State that a snapshot holds: version, both cards, number of missing lines, staleness."""


class CaseLedger(LedgerWriter[Recorded]):
    """Writes of one case. Only action rows that changed are written."""

    def __init__(
        self, tasks: Tasks, memory: Callable[[], CaseSnapshot], slack: CaseSlackSync
    ) -> None:
        """`memory` returns the current state of the case, with its policy."""
        super().__init__(tasks, self._record)
        self._memory = memory
        self._slack = slack
        self._actions: dict[tuple[str, str, str], ActionRow] = {}
        # The first card is written with a new case's rows; a new history can't rely on that.
        self._card_missing = memory().case is not None
        self._snapshot: _SnapshotState | None = None

    def lacks(self, case: Case | None) -> bool:
        """Whether the ledger lacks the card's place, or the snapshot of a closed case."""
        if case is None or not self.idle:
            return False
        if case.phase is Phase.CLOSED:
            return self._slack.idle and self._snapshot != self._state(case)
        return self._card_missing and self._slack.card is not None

    async def _record(
        self, events: tuple[Recorded, ...], alerts: tuple[ReceivedAlert, ...], whole: bool
    ) -> None:
        memory = self._memory()
        case = memory.case
        assert case is not None
        write = LedgerWrite(case=case.id, owner_key=memory.key, events=events, alerts=alerts)
        state = self._state(case)
        if whole:
            write = write.model_copy(update=self._rows(case, memory))
        await execute(CasePort.record, write)
        self._actions |= {row.key: row for row in write.actions}
        self._card_missing = write.card is None if whole else self._card_missing
        self._snapshot = self._snapshot if write.snapshot is None else state

    def _rows(self, case: Case, memory: CaseSnapshot) -> dict[str, object]:
        changed = tuple(row for row in action_rows(case) if self._is_changed(row))
        rows = {"row": case_row(case), "actions": changed, "card": memory.card}
        if case.phase is Phase.CLOSED and self._slack.idle:
            pending = {"stale": self._slack.stale, "unsure_since": self._slack.unsure_since}
            rows["snapshot"] = memory.model_copy(update=pending)
        return rows

    def _is_changed(self, row: ActionRow) -> bool:
        written = self._actions.get(row.key)
        return written is None or written.model_copy(update={"version": row.version}) != row

    def _state(self, case: Case) -> _SnapshotState:
        slack = self._slack
        return (case.version, slack.card, slack.approval, len(slack.unposted), slack.stale)


def _size(value: Recorded | AppealRecorded | ReceivedAlert) -> int:
    return len(value.model_dump_json().encode())


def _fitting(waiting: Sequence[tuple[T, int]], most: int) -> tuple[T, ...]:
    """Returns the first of them that fit into `most` bytes; at least one."""
    some: list[T] = []
    total = 0
    for each, size in waiting[:AT_ONCE]:
        total += size
        if some and total > most:
            break
        some.append(each)
    return tuple(some)
