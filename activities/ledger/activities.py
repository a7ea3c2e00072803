"""Ledger activities of cases and budgets."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from temporalio import activity

from activities.ledger.cases import Ledger, Subjects, utc_now
from activities.ledger.database import Repository
from activities.ledger.evidence import RevealQuota
from activities.ledger.schema import spending
from activities.ledger.team import Automation, Covers
from workflows.domain.automation import AutomationPause
from workflows.domain.case.reveal_quota import Exposed
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Cover
from workflows.ports.cases import (
    CasePlace,
    ClaimAlerts,
    ClaimedAlerts,
    LedgerWrite,
    OpenCase,
    OpenedCase,
    Spending,
)
from workflows.ports.evidence import RevealRequest

# Key of the budgets among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6262


class Budget(Repository):
    """Budgets of actions per person."""

    async def spend(self, spent: Spending) -> int:
        """Books `spent` under its key; the person's sum since `spent.since`."""
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK, spent.person)
            row = spent.model_dump(include={"key", "person", "actions", "at"})
            await connection.execute(self._database.upsert(spending, row, where=_is_newer), row)
            counted = sa.or_(spending.c.at >= spent.since, spending.c.key == spent.key)
            query = sa.select(sa.func.coalesce(sa.func.sum(spending.c.actions), 0)).where(
                spending.c.person == spent.person, counted
            )
            return int((await connection.execute(query)).scalar_one())


def _is_newer(new: Any) -> Any:
    """A later press replaces one that led to no decision; at the same time the larger one."""
    larger = (spending.c.at == new.at) & (spending.c.actions < new.actions)
    return (spending.c.at < new.at) | larger


class LedgerActivities:
    """Activities of the ledger: short and idempotent."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime] = utc_now) -> None:
        """Covers and pauses end by `now`."""
        self._ledger = ledger
        self._subjects = Subjects(ledger.database)
        self._budget = Budget(ledger.database)
        self._covers = Covers(ledger.database)
        self._automation = Automation(ledger.database)
        self._quota = RevealQuota(ledger.database)
        self._now = now

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Opens a case under a new id."""
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
    async def load_case(self, case: str) -> CaseSnapshot | None:
        """The snapshot of a closed case."""
        return await self._ledger.load_case(case)

    @activity.defn(name="place_of")
    async def place_of(self, case: str) -> CasePlace | None:
        """Subject and workflow of a case."""
        return await self._subjects.of_case(case)

    @activity.defn(name="spend")
    async def spend(self, spending: Spending) -> int:
        """Books actions on a person's budget; returns the sum."""
        return await self._budget.spend(spending)

    @activity.defn(name="expose")
    async def expose(self, exposing: RevealRequest) -> Exposed:
        """Counts a piece of evidence on a person's quota."""
        return await self._quota.expose(exposing)

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        """The roles that a person covers now."""
        return await self._covers.of(person, self._now())

    @activity.defn(name="automation_of")
    async def automation_of(self, playbook: str) -> AutomationPause | None:
        """The pause that applies to a playbook, if any."""
        return await self._automation.pause_of(playbook, self._now())
