"""Case ledger: events of a case with its rows, its card's place and, once closed, its snapshot."""

from collections.abc import Callable

from workflows.activity_options import execute
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.projection import ActionRow, action_rows, case_row
from workflows.domain.case.snapshot import CardRef, CaseSnapshot, ReceivedAlert
from workflows.ports import cases
from workflows.ports.cases import LedgerWrite
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.slack_sync import CaseSlackSync
from workflows.shared.tasks import Tasks

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
        await execute(cases.record, write)
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
        return (case.version, slack.card, slack.approval, len(slack.untold), slack.stale)
