"""The evidence of cases, as the ledger has it."""

from datetime import datetime

from activities.ledger.errors import LedgerUnavailable
from activities.ledger.evidence import EvidenceRecord
from bot.slack.doors import Unavailable
from bot.slack.evidence.door import EvidencePage


class EvidenceDesk:
    """`EvidenceDoor` over the ledger."""

    def __init__(self, record: EvidenceRecord) -> None:
        self._record = record

    async def page(self, case: str, skip: int, limit: int, until: datetime) -> EvidencePage:
        """Alerts of a case, behind the newest `skip`. Raises `Unavailable`."""
        try:
            found = await self._record.page(case, skip, limit, until)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error
        return EvidencePage(total=found.total, alerts=found.alerts)
