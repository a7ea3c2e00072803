"""Team: covers, the automation switch, and what each person chose."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Database
from activities.ledger.schema import automation, covers, preferences
from workflows.domain import automation as rules
from workflows.domain.automation import AutomationChange, AutomationPause, PauseState, Unchanged
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.values import Language, Value

# Any fixed number will do: it names these turns among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6263

_TURNS = sa.select(automation).order_by(automation.c.id)
_OF_PLAYBOOK = _TURNS.where(
    sa.or_(automation.c.playbook.is_(None), automation.c.playbook == sa.bindparam("name"))
)

Decide = Callable[[Sequence[AutomationChange]], AutomationChange | Unchanged]
"""A rule of `workflows.domain.automation`, over every turn so far."""


class Automation:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def pause_of(self, playbook: str, now: datetime) -> AutomationPause | None:
        """What keeps Koban from acting by itself in cases of `playbook`."""
        async with self._database.reading() as connection:
            return await connection.run_sync(pause_now, playbook, now)

    async def standing(self, now: datetime) -> tuple[PauseState, ...]:
        """The halts that stand now."""
        async with self._database.reading() as connection:
            return rules.current_pauses(await _changes(connection, sa.true()), now)

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


def pause_now(connection: sa.Connection, playbook: str, now: datetime) -> AutomationPause | None:
    """What keeps Koban from acting by itself in cases of `playbook`."""
    return rules.pause_of(
        _told(connection.execute(_OF_PLAYBOOK, {"name": playbook})), playbook, now
    )


async def _changes(
    connection: AsyncConnection, where: sa.ColumnElement[bool]
) -> list[AutomationChange]:
    return await connection.run_sync(_read, where)


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[AutomationChange]:
    return _told(connection.execute(_TURNS.where(where)))


def _told(rows: sa.Result[Any]) -> list[AutomationChange]:
    return [AutomationChange.model_validate({**row, "by": row["actor"]}) for row in rows.mappings()]


def _row(change: AutomationChange) -> dict[str, object]:
    return {
        "at": change.at,
        "kind": change.kind.value,
        "actor": change.by,
        "playbook": change.playbook,
        "until": change.until,
    }


class ActiveCover(Value):
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

    async def end_around(self, person: str, by: str, at: datetime) -> tuple[ActiveCover, ...]:
        """`by` ends every cover that `person` gives or has; those that were ended."""
        return await self._end(_around(person), by, at)

    async def _end(
        self, which: sa.ColumnElement[bool], by: str, at: datetime
    ) -> tuple[ActiveCover, ...]:
        async with self._database.writing() as connection:
            query = sa.select(covers).where(*_valid(at), which).order_by(covers.c.id)
            found = await connection.execute(query)
            rows = found.mappings().all()
            change = sa.update(covers).where(covers.c.id.in_([row["id"] for row in rows]))
            await connection.execute(change.values(ended_at=at, ended_by=by))
            return tuple(ActiveCover.model_validate(dict(row)) for row in rows)

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """What `person` covers now, what ends first coming first."""
        rows = await self._rows(now, covers.c.person == person)
        return tuple(Cover(role=row.role, person=row.covers_for, until=row.until) for row in rows)

    async def standing_in(self, role: Role, now: datetime) -> tuple[tuple[str, str], ...]:
        """Who covers a role now, and for whom; what ends last comes first."""
        rows = await self._rows(now, covers.c.role == role.value)
        return tuple((row.person, row.covers_for) for row in reversed(rows))

    async def around(self, person: str, now: datetime) -> tuple[ActiveCover, ...]:
        """Every cover that `person` gives or has now."""
        return await self._rows(now, _around(person))

    async def all(self, now: datetime) -> tuple[ActiveCover, ...]:
        """Every cover that is valid now."""
        return await self._rows(now, sa.true())

    async def _rows(self, now: datetime, mine: sa.ColumnElement[bool]) -> tuple[ActiveCover, ...]:
        query = sa.select(covers).where(*_valid(now), mine)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(covers.c.until, covers.c.id))
            return tuple(ActiveCover.model_validate(dict(row)) for row in found.mappings())


def _valid(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (covers.c.ended_at.is_(None), covers.c.until > now)


def _around(person: str) -> sa.ColumnElement[bool]:
    return sa.or_(covers.c.person == person, covers.c.covers_for == person)


class Preferences:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack."""
        query = sa.select(preferences.c.language).where(preferences.c.person == person)
        async with self._database.reading() as connection:
            chosen = (await connection.execute(query)).scalar_one_or_none()
        return Language(chosen) if chosen in set(Language) else None

    async def choose_language(self, person: str, language: Language | None, at: datetime) -> None:
        """From `at` on the person reads `language`; None: what Slack says."""
        chosen = {"language": language.value if language else None, "at": at}
        added = self._database.insert(preferences).values(person=person, **chosen)
        async with self._database.writing() as connection:
            await connection.execute(
                added.on_conflict_do_update(index_elements=["person"], set_=chosen)
            )
