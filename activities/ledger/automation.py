"""Automation switch: every pause and resumption is a row, and no row is ever changed."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Database
from activities.ledger.tables import automation
from workflows.domain import automation as rules
from workflows.domain.automation import AutomationChange, Halt, Standing, Unchanged
from workflows.domain.people import Actor

# Any fixed number will do: it names these turns among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6263

Decide = Callable[[Sequence[AutomationChange]], AutomationChange | Unchanged]
"""A rule of `workflows.domain.automation`, over every turn so far."""


class Automation:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def halt_of(self, playbook: str, now: datetime) -> Halt | None:
        """What keeps Koban from acting by itself in cases of `playbook`."""
        async with self._database.reading() as connection:
            return await connection.run_sync(halt_now, playbook, now)

    async def standing(self, now: datetime) -> tuple[Standing, ...]:
        """The halts that stand now."""
        async with self._database.reading() as connection:
            return rules.standing(await _changes(connection, sa.true()), now)

    async def pause(
        self, by: Actor, playbook: str | None, lasts: timedelta | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Stops it, for good when it returns."""
        return await self.change(lambda before: rules.pause(before, by, playbook, lasts, now))

    async def resume(
        self, by: Actor, playbook: str | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Asks to go on, or goes on."""
        return await self.change(lambda before: rules.resume(before, by, playbook, now))

    async def change(self, decide: Decide) -> AutomationChange | Unchanged:
        """Takes the turn that `decide` makes of all before it; two never see the same state."""
        async with self._database.writing() as connection:
            if not self._database.is_sqlite:  # whose writers come one after another as it is
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            outcome = decide(await _changes(connection, sa.true()))
            if isinstance(outcome, AutomationChange):
                await connection.execute(sa.insert(automation).values(_row(outcome)))
            return outcome


def halt_now(connection: sa.Connection, playbook: str, now: datetime) -> Halt | None:
    """What keeps Koban from acting by itself in cases of `playbook`."""
    mine = sa.or_(automation.c.playbook.is_(None), automation.c.playbook == playbook)
    return rules.halt_of(_read(connection, mine), playbook, now)


async def _changes(
    connection: AsyncConnection, where: sa.ColumnElement[bool]
) -> list[AutomationChange]:
    return await connection.run_sync(_read, where)


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[AutomationChange]:
    query = sa.select(automation).where(where).order_by(automation.c.id)
    rows = connection.execute(query).mappings().all()
    return [AutomationChange.model_validate({**row, "by": row["actor"]}) for row in rows]


def _row(change: AutomationChange) -> dict[str, object]:
    return {
        "at": change.at,
        "kind": change.kind.value,
        "actor": change.by,
        "playbook": change.playbook,
        "until": change.until,
    }
