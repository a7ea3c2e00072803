"""Appeals as the ledger knows them, for the intake over HTTP."""

from activities.ledger.appeals import AppealsLedger
from activities.ledger.queries import Queries
from workflows.domain.appeal.model import Appealed
from workflows.domain.case.model import Phase
from workflows.ports.appeals import Against


class AppealsInLedger:
    """`KnowsAppeals` over the real ledger."""

    def __init__(self, queries: Queries, appeals: AppealsLedger) -> None:
        self._queries = queries
        self._appeals = appeals

    async def known(self, appeal: str) -> bool:
        """Whether this appeal was filed before. Raises `LedgerUnavailable`."""
        return await self._queries.appeal(appeal) is not None

    async def against(self, case: str, decision: str | None) -> tuple[Appealed | None, bool]:
        """What is appealed against, and whether its case is closed. Raises `LedgerUnavailable`."""
        row = await self._queries.case(case)
        if row is None:
            return None, True
        found = await self._appeals.load_appealed(Against(case=case, decision=decision))
        return found, row["phase"] == Phase.CLOSED.value
