"""Who covers for whom: a role held in somebody's stead for some hours. No row is ever deleted."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.queries import Row
from activities.ledger.tables import covers
from workflows.domain.people import Cover, Role


class Covers:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def begin(self, person: str, cover: Cover, at: datetime) -> None:
        """From `at` on `person` covers; what the same two had agreed on before ends with it."""
        same = (covers.c.person == person, covers.c.covers_for == cover.person)
        async with self._database.writing() as connection:
            await connection.execute(
                sa.update(covers).where(*_valid(at), *same).values(ended_at=at)
            )
            row = {
                "at": at,
                "person": person,
                "covers_for": cover.person,
                "role": cover.role.value,
                "until": cover.until,
            }
            await connection.execute(sa.insert(covers).values(row))

    async def end(self, covers_for: str, at: datetime) -> int:
        """Ends everything that others cover for a person; how many there were."""
        change = sa.update(covers).where(*_valid(at), covers.c.covers_for == covers_for)
        async with self._database.writing() as connection:
            return int((await connection.execute(change.values(ended_at=at))).rowcount)

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """What `person` covers now, what ends first coming first."""
        rows = await self._rows(now, covers.c.person == person)
        return tuple(
            Cover(role=Role(row["role"]), person=row["covers_for"], until=row["until"])
            for row in rows
        )

    async def standing_in(self, role: Role, now: datetime) -> tuple[tuple[str, str], ...]:
        """Who covers a role now, and for whom; what ends last comes first."""
        rows = await self._rows(now, covers.c.role == role.value)
        return tuple((row["person"], row["covers_for"]) for row in reversed(rows))

    async def around(self, person: str, now: datetime) -> Sequence[Row]:
        """Every cover that `person` gives or has now."""
        return await self._rows(
            now, sa.or_(covers.c.person == person, covers.c.covers_for == person)
        )

    async def _rows(self, now: datetime, mine: sa.ColumnElement[bool]) -> Sequence[Row]:
        query = sa.select(covers).where(*_valid(now), mine)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(covers.c.until, covers.c.id))
            rows: Sequence[Row] = found.mappings().all()
            return rows


def _valid(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (covers.c.ended_at.is_(None), covers.c.until > now)
