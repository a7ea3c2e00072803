"""Activities of the ledger."""

import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.ledger.cases import Ledger, Subjects, utc_now
from activities.ledger.database import Database
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

# Any fixed number will do: it names people's budgets among PostgreSQL's advisory locks.
_LOCKS = 0x4B6F6262


class Budget:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def spend(self, spent: Spending) -> int:
        """Books `spent` under its key, and sums what its person took since then."""
        async with self._database.writing() as connection:
            await self._one_at_a_time(connection, spent.person)
            await connection.execute(self._booking(spent))
            counted = sa.or_(spending.c.at >= spent.since, spending.c.key == spent.key)
            query = sa.select(sa.func.coalesce(sa.func.sum(spending.c.actions), 0)).where(
                spending.c.person == spent.person, counted
            )
            return int((await connection.execute(query)).scalar_one())

    def _booking(self, spent: Spending) -> Any:
        """The same key once: a later press counts instead of one that came to no decision."""
        row = {"person": spent.person, "actions": spent.actions, "at": spent.at}
        more = (spending.c.at == spent.at) & (spending.c.actions < spent.actions)
        return (
            self._database.insert(spending)
            .values(key=spent.key, **row)
            .on_conflict_do_update(
                index_elements=["key"], set_=row, where=(spending.c.at < spent.at) | more
            )
        )

    async def _one_at_a_time(self, connection: AsyncConnection, person: str) -> None:
        """Two bookings that don't see each other would both stay below the limit."""
        if self._database.is_sqlite:
            return  # its writers come one after another as it is
        theirs = zlib.crc32(person.encode()) - 2**31  # PostgreSQL's integers have a sign
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS, theirs)))


class LedgerActivities:
    """The ledger's activities: short, and harmless when they are tried again."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime] = utc_now) -> None:
        """`ledger` is where it is written; `now` tells which covers and halts are over."""
        self._ledger = ledger
        self._subjects = Subjects(ledger.database)
        self._budget = Budget(ledger.database)
        self._covers = Covers(ledger.database)
        self._automation = Automation(ledger.database)
        self._exposures = RevealQuota(ledger.database)
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
    async def load_case(self, case: str) -> CaseSnapshot | None:
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
    async def expose(self, exposing: RevealRequest) -> Exposed:
        """What is known of a piece of evidence and of its person; it counts from now on."""
        return await self._exposures.expose(exposing)

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        """The roles that a person holds now in somebody else's stead."""
        return await self._covers.of(person, self._now())

    @activity.defn(name="automation_of")
    async def automation_of(self, playbook: str) -> AutomationPause | None:
        """What keeps Koban from acting by itself in cases of a playbook now."""
        return await self._automation.pause_of(playbook, self._now())
