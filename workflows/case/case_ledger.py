"""Case ledger: what the ledger keeps of one case beside its events."""

from collections.abc import Callable, Sequence
from datetime import datetime

from workflows.activity_options import execute
from workflows.domain.alerts import Alert
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.projection import ActionRow, action_rows, case_row
from workflows.domain.case.snapshot import CardRef, CaseSnapshot, ReceivedAlert
from workflows.inputs import PendingWork
from workflows.ports import cases
from workflows.ports.cases import LedgerWrite
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.slack_sync import SlackSync
from workflows.shared.tasks import Tasks

_Snapshot = tuple[int, CardRef | None, CardRef | None, int, bool]
"""What a snapshot is as of: version, cards, lines that wait, and whether Slack is behind."""


class CaseLedger:
    """Writes a case's events and rows, where its card is, and a closed case's last state."""

    def __init__(self, tasks: Tasks, memory: Callable[[], CaseSnapshot], screen: SlackSync) -> None:
        """`memory` gives the case as it is now, with its policy."""
        self._memory = memory
        self._screen = screen
        self._writer: LedgerWriter[Recorded] = LedgerWriter(tasks, self._write)
        self._actions: dict[tuple[str, str, str], ActionRow] = {}
        # The write of an opening case's first card notes its place; a new history can't rely on it.
        self._card_missing = memory().case is not None
        self._kept: _Snapshot | None = None
        self.put_down, self.pick_up = self._writer.put_down, self._writer.pick_up

    @property
    def idle(self) -> bool:
        """Whether everything is written, or the rest is held."""
        return self._writer.idle

    @property
    def weight(self) -> int:
        """About how many bytes wait to be written."""
        return self._writer.weight

    @property
    def backlog(self) -> tuple[tuple[Recorded, ...], tuple[ReceivedAlert, ...]]:
        """Events and alerts that wait to be written."""
        return self._writer.backlog

    def carry(self, rest: PendingWork) -> None:
        """Takes over what the run before had not written."""
        if rest.events or rest.alerts:
            self._writer.add(rest.events, rest.alerts)

    def add(
        self, recorded: Sequence[Recorded], unclaimed: Sequence[Alert], received_at: datetime
    ) -> None:
        """Writes what happened; `unclaimed` alerts joined without asking the ledger."""
        alerts = [ReceivedAlert(alert=each, at=received_at) for each in unclaimed]
        self._writer.add(recorded, alerts)

    def is_written(self, version: int) -> bool:
        """Whether the ledger has the case as of `version`."""
        return self._writer.is_written(version)

    def wanted(self, case: Case | None) -> bool:
        """Whether the ledger lacks the card's place, or a closed case's last state."""
        if case is None or not self.idle:
            return False
        if case.phase is Phase.CLOSED:
            return self._screen.idle and self._kept != self._state(case)
        return self._card_missing and self._screen.card is not None

    def keep(self, case: Case) -> None:
        """Begins to write it."""
        if self.wanted(case):
            self._writer.touch()

    async def _write(
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
        self._kept = self._kept if write.snapshot is None else state

    def _rows(self, case: Case, memory: CaseSnapshot) -> dict[str, object]:
        rows = {"row": case_row(case), "actions": self._changed(case), "card": memory.card}
        if case.phase is Phase.CLOSED and self._screen.idle:
            left = {"stale": self._screen.stale, "unsure_since": self._screen.unsure_since}
            rows["snapshot"] = memory.model_copy(update=left)
        return rows

    def _changed(self, case: Case) -> tuple[ActionRow, ...]:
        return tuple(row for row in action_rows(case) if self._is_news(row))

    def _is_news(self, row: ActionRow) -> bool:
        written = self._actions.get(row.key)
        return written is None or written.model_copy(update={"version": row.version}) != row

    def _state(self, case: Case) -> _Snapshot:
        screen = self._screen
        return (case.version, screen.card, screen.approval, len(screen.untold), screen.stale)
