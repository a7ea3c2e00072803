"""The ledger as the workflows see it."""

from collections.abc import Callable
from datetime import datetime

from temporalio import activity

from activities.ledger.automation import Automation
from activities.ledger.budget import Budget
from activities.ledger.covers import Covers
from activities.ledger.exposures import Exposures
from activities.ledger.known import Subjects
from activities.ledger.ledger import Ledger, utc_now
from workflows.casework.evidence_ports import Exposing
from workflows.domain.automation import Halt
from workflows.domain.exposure import Exposed
from workflows.domain.memory import Memory
from workflows.domain.people import Cover
from workflows.ports import (
    CasePlace,
    ClaimAlerts,
    ClaimedAlerts,
    LedgerWrite,
    OpenCase,
    OpenedCase,
    Spending,
)


class LedgerActivities:
    """The ledger's activities: short, and harmless when they are tried again."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime] = utc_now) -> None:
        """`ledger` is where it is written; `now` tells which covers and halts are over."""
        self._ledger = ledger
        self._subjects = Subjects(ledger.database)
        self._budget = Budget(ledger.database)
        self._covers = Covers(ledger.database)
        self._automation = Automation(ledger.database)
        self._exposures = Exposures(ledger.database)
        self._now = now

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Writes the opening of a case under an id of its own."""
        return await self._ledger.open_case(wanted)

    @activity.defn(name="claim_alerts")
    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Stores alerts with their case."""
        return await self._ledger.claim_alerts(claim)

    @activity.defn(name="record")
    async def record(self, write: LedgerWrite) -> None:
        """Appends events and updates the case's rows."""
        await self._ledger.record(write)

    @activity.defn(name="load_case")
    async def load_case(self, case: str) -> Memory | None:
        """The snapshot of a closed case."""
        return await self._ledger.load_case(case)

    @activity.defn(name="place_of")
    async def place_of(self, case: str) -> CasePlace | None:
        """Whom a case is about, and where it runs."""
        return await self._subjects.of_case(case)

    @activity.defn(name="spend")
    async def spend(self, spending: Spending) -> int:
        """Books actions on a person's budget and sums it up."""
        return await self._budget.spend(spending)

    @activity.defn(name="expose")
    async def expose(self, exposing: Exposing) -> Exposed:
        """What is known of a piece of evidence and of its person; it counts from now on."""
        return await self._exposures.expose(exposing)

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        """The roles that a person holds now in somebody else's stead."""
        return await self._covers.of(person, self._now())

    @activity.defn(name="automation_of")
    async def automation_of(self, playbook: str) -> Halt | None:
        """What keeps Koban from acting by itself in cases of a playbook now."""
        return await self._automation.halt_of(playbook, self._now())
