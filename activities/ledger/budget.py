"""What people spend of their budget of actions: booked once, and counted in the same breath."""

import zlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Database
from activities.ledger.tables import spending
from workflows.ports import Spending

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
