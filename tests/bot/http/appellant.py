"""The rooms behind the intake of appeals, as the tests play them."""

from typing import Any

from activities.ledger.database import LedgerUnavailable
from bot.http.appeals import AppealTerms
from tests.workflows.domain.appeal.builders import RULES, TITLES, a_decision
from workflows.client import OutOfReach
from workflows.domain.appeal.model import Appealed
from workflows.ports.appeals import AppealStart

TERMS = AppealTerms(RULES, None, TITLES)


def appeal(id: str = "ap-1", **fields: Any) -> dict[str, Any]:
    """The smallest appeal, with `fields` on top."""
    return {
        "id": id,
        "case": "K7Q2F9XM0",
        "statement": "型番です",
        "submitted_at": "2026-11-25T03:04:05Z",
        **fields,
    }


class RecordingAppeals:
    """Temporal and the ledger in one: they take appeals and know one closed case."""

    def __init__(self) -> None:
        self.filed: dict[str, AppealStart] = {}
        self.withdrawn: list[str] = []
        self.in_ledger: set[str] = set()
        self.found: Appealed | None = a_decision()
        self.closed = True
        self.away = False
        self.ledger_away = False

    async def file(self, start: AppealStart) -> bool:
        """Records; False where it has it."""
        if self.away:
            raise OutOfReach("away")
        fresh = start.id not in self.filed
        self.filed.setdefault(start.id, start)
        return fresh

    async def withdraw(self, appeal: str) -> bool:
        """Only what is filed and open can be withdrawn."""
        if self.away:
            raise OutOfReach("away")
        if appeal not in self.filed or appeal in self.withdrawn:
            return False
        self.withdrawn.append(appeal)
        return True

    async def known(self, appeal: str) -> bool:
        """Whether the ledger has it."""
        if self.ledger_away:
            raise LedgerUnavailable
        return appeal in self.in_ledger

    async def against(self, case: str, decision: str | None) -> tuple[Appealed | None, bool]:
        """The one decision that there is."""
        if self.ledger_away:
            raise LedgerUnavailable
        return self.found, self.closed
