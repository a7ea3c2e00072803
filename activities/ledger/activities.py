"""Ledger activities: cases, budgets, quotas of evidence, covers and pauses of automation."""

from typing import Any

import sqlalchemy as sa
from temporalio import activity

from activities.ledger.cases import Ledger
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.schema import spending
from activities.ledger.team import Covers, pause_now
from workflows.domain.automation import AutomationPause
from workflows.domain.case.reveal_quota import Exposed
from workflows.domain.people import Cover
from workflows.ports.cases import RevealRequest, Spending

# Key of the budgets among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6262


class LedgerActivities(Ledger):
    """Activities of the ledger: short and idempotent."""

    @activity.defn(name="spend")
    async def spend(self, spent: Spending) -> int:
        """Books `spent` under its key; the person's sum since `spent.since`."""
        async with self.database.writing() as connection:
            await self.database.serialize(connection, _LOCK, spent.person)
            row = spent.model_dump(include={"key", "person", "actions", "at"})
            await connection.execute(self.database.upsert(spending, row, where=_is_newer), row)
            counted = sa.or_(spending.c.at >= spent.since, spending.c.key == spent.key)
            query = sa.select(sa.func.coalesce(sa.func.sum(spending.c.actions), 0)).where(
                spending.c.person == spent.person, counted
            )
            return int((await connection.execute(query)).scalar_one())

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


def _is_newer(new: Any) -> Any:
    """A later press replaces one that led to no decision; at the same time the larger one."""
    larger = (spending.c.at == new.at) & (spending.c.actions < new.actions)
    return (spending.c.at < new.at) | larger
