"""Ledger activities: cases, limits, quotas of evidence, covers and pauses of automation."""

from temporalio import activity

from activities.ledger.cases import Ledger
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.limits import LimitLedger
from activities.ledger.team import Covers, pause_now
from workflows.domain.automation import AutomationPause
from workflows.domain.case.reveal_quota import Exposed
from workflows.domain.people import Cover
from workflows.ports.cases import Booked, Booking, RevealRequest


class LedgerActivities(Ledger):
    """Activities of the ledger: short and idempotent."""

    @activity.defn(name="book")
    async def book(self, booking: Booking) -> Booked:
        """Books uses of powers, or returns the limit that prevents one of them."""
        return await LimitLedger(self.database).book(booking)

    @activity.defn(name="expose")
    async def expose(self, exposing: RevealRequest) -> Exposed:
        """Counts a piece of evidence on a person's quota."""
        return await EvidenceRecord(self.database).expose(exposing)

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        """The roles that a person covers now."""
        return await Covers(self.database).of(person, self._now())

    @activity.defn(name="automation_of")
    async def automation_of(self, playbook: str) -> AutomationPause | None:
        """The pause that applies to a playbook, if any."""
        async with self.database.reading() as connection:
            return await connection.run_sync(pause_now, playbook, self._now())
