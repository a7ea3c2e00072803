"""Who covers for whom: a role held in somebody's stead for some hours. No row is ever deleted."""

from datetime import datetime

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.tables import covers
from workflows.domain.model import Value
from workflows.domain.people import Cover, Role


class Covering(Value):
    """`person` holds a role in the stead of `covers_for`, until then."""

    person: str
    covers_for: str
    role: Role
    until: datetime


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
                sa.update(covers)
                .where(*_valid(at), *same)
                .values(ended_at=at, ended_by=cover.person)
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
        """A person ends everything that others cover for them; how many there were."""
        return len(await self._end(covers.c.covers_for == covers_for, covers_for, at))

    async def end_around(self, person: str, by: str, at: datetime) -> tuple[Covering, ...]:
        """`by` ends every cover that `person` gives or has; those that were ended."""
        return await self._end(_around(person), by, at)

    async def _end(
        self, which: sa.ColumnElement[bool], by: str, at: datetime
    ) -> tuple[Covering, ...]:
        async with self._database.writing() as connection:
            query = sa.select(covers).where(*_valid(at), which).order_by(covers.c.id)
            found = await connection.execute(query)
            rows = found.mappings().all()
            change = sa.update(covers).where(covers.c.id.in_([row["id"] for row in rows]))
            await connection.execute(change.values(ended_at=at, ended_by=by))
            return tuple(Covering.model_validate(dict(row)) for row in rows)

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """What `person` covers now, what ends first coming first."""
        rows = await self._rows(now, covers.c.person == person)
        return tuple(Cover(role=row.role, person=row.covers_for, until=row.until) for row in rows)

    async def standing_in(self, role: Role, now: datetime) -> tuple[tuple[str, str], ...]:
        """Who covers a role now, and for whom; what ends last comes first."""
        rows = await self._rows(now, covers.c.role == role.value)
        return tuple((row.person, row.covers_for) for row in reversed(rows))

    async def around(self, person: str, now: datetime) -> tuple[Covering, ...]:
        """Every cover that `person` gives or has now."""
        return await self._rows(now, _around(person))

    async def all(self, now: datetime) -> tuple[Covering, ...]:
        """Every cover that is valid now."""
        return await self._rows(now, sa.true())

    async def _rows(self, now: datetime, mine: sa.ColumnElement[bool]) -> tuple[Covering, ...]:
        query = sa.select(covers).where(*_valid(now), mine)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(covers.c.until, covers.c.id))
            return tuple(Covering.model_validate(dict(row)) for row in found.mappings())


def _valid(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (covers.c.ended_at.is_(None), covers.c.until > now)


def _around(person: str) -> sa.ColumnElement[bool]:
    return sa.or_(covers.c.person == person, covers.c.covers_for == person)
