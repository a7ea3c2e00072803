"""What the listeners need of the ledger for evidence."""

from datetime import datetime
from typing import Protocol

from workflows.domain.evidence import AlertEvidence
from workflows.domain.model import Value


class EvidencePage(Value):
    """Some alerts of a case, newest first; `total` counts all of them."""

    total: int
    alerts: tuple[AlertEvidence, ...]


class EvidenceDoor(Protocol):
    """Every call raises `bot.slack.doors.Unavailable` where the ledger is away."""

    async def page(self, case: str, skip: int, limit: int, until: datetime) -> EvidencePage:
        """Alerts of a case, behind the newest `skip`, as far as they were there `until` then."""
