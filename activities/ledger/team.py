"""Team settings: covers, pauses of the automation, and personal preferences."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from activities.ledger.audit_log import AuditLog, EntryKind, json_of
from activities.ledger.database import Repository, Row
from activities.ledger.rows import storable
from activities.ledger.schema import alert_records, alerts, automation, covers, preferences
from workflows.domain import automation as rules
from workflows.domain.automation import (
    ENDS,
    AutomationChange,
    AutomationPause,
    PauseState,
    Scope,
    Unchanged,
)
from workflows.domain.brakes import Trip
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.values import Language, Value

CHANGES = 0x4B6F6263
"""Key of automation changes among PostgreSQL's advisory locks."""

_ENDS = automation.c.kind.in_([each.value for each in ENDS])
_SCOPE = automation.c["playbook", "detector", "action"]
# The last end of each scope, beside its changes.
_LAST_END = sa.func.max(sa.case((_ENDS, automation.c.id))).over(partition_by=list(_SCOPE))
_MARKED = sa.select(automation.c.id, _LAST_END.label("ended")).subquery()
_CHANGES = (
    sa.select(automation)
    .join(_MARKED, _MARKED.c.id == automation.c.id)
    .where(automation.c.id > sa.func.coalesce(_MARKED.c.ended, 0))
    .order_by(automation.c.id)
)
"""The changes that still matter: those after the last end of their scope."""

Decide = Callable[[Sequence[AutomationChange]], AutomationChange | Unchanged]
"""A rule of `workflows.domain.automation` over the changes that still matter."""


class Automation(Repository):
    """Pauses of the automation."""

    async def active(self, now: datetime) -> tuple[PauseState, ...]:
        """The current pauses."""
        async with self._database.reading() as connection:
            return rules.current_pauses(await connection.run_sync(_changes), now)

    async def sender_named(self, detector: str) -> str | None:
        """The detector of an alert in the ledger, by its name in any capitals; None without one."""
        name = storable(detector)
        for table in (alerts, alert_records):
            column = table.c.detector
            for same in (column == name, sa.func.lower(column) == name.lower()):
                query = sa.select(column).where(same).order_by(column).limit(1)
                found: str | None = await self._database.scalar(query)
                if found is not None:
                    return found
        return None

    async def stops(self, playbook: str, detectors: tuple[str, ...], action: str) -> bool:
        """Whether a current pause prevents an automatic action, as `rules.pause_over`."""
        active = await self.active(datetime.now(UTC))
        pauses = (each.pause for each in active)
        return rules.pause_over(pauses, playbook, detectors, action) is not None

    async def pause(
        self, by: Actor, scope: Scope, lasts: timedelta | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Pauses the automation."""
        return await self.change(lambda before: rules.pause(before, by, scope, lasts, now))

    async def resume(self, by: Actor, scope: Scope, now: datetime) -> AutomationChange | Unchanged:
        """Requests to resume the automation, or resumes it."""
        return await self.change(lambda before: rules.resume(before, by, scope, now))

    async def request_resume(
        self, by: Actor, scope: Scope, now: datetime
    ) -> AutomationChange | Unchanged:
        """Requests to resume the automation, and never resumes it."""
        return await self.change(lambda before: rules.request_resume(before, by, scope, now))

    async def approve(self, by: Actor, scope: Scope, now: datetime) -> AutomationChange | Unchanged:
        """Resumes the automation as somebody else has requested."""
        return await self.change(lambda before: rules.approve(before, by, scope, now))

    async def change(self, decide: Decide) -> AutomationChange | Unchanged:
        """Stores the change that `decide` makes; concurrent changes are serialized."""
        async with self._database.writing() as connection:
            await connection.run_sync(self._database.lock, CHANGES)
            outcome = decide(await connection.run_sync(_changes))
            if isinstance(outcome, AutomationChange):
                await connection.run_sync(insert_change, outcome, self._database.audit)
            return outcome


def pauses_now(connection: sa.Connection, now: datetime) -> tuple[AutomationPause, ...]:
    """The current pauses."""
    return tuple(each.pause for each in rules.current_pauses(_changes(connection), now))


def armed_at(connection: sa.Connection, detector: str, action: str) -> datetime | None:
    """When people last ended a pause of one action of one detector."""
    own = (automation.c.detector == storable(detector), automation.c.action == action)
    last = sa.select(sa.func.max(automation.c.at)).where(*own, _ENDS)
    found: datetime | None = connection.execute(last).scalar_one()
    return found


def _changes(connection: sa.Connection) -> list[AutomationChange]:
    return [_change(row) for row in connection.execute(_CHANGES).mappings()]


def _change(row: Row) -> AutomationChange:
    trip = None if row["cause"] is None else {"cause": row["cause"], **row["figures"]}
    named = {"by": row["actor"], "case": row["case_id"], "trip": trip}
    return AutomationChange.model_validate({**row, **named})


def insert_change(connection: sa.Connection, change: AutomationChange, audit: AuditLog) -> None:
    """Stores a change with its entry in the audit log."""
    insert = sa.insert(automation).values(_row(change)).returning(automation)
    row = connection.execute(insert).mappings().one()
    audit.enter(connection, automation.name, {str(row["id"]): json_of(row)})


def _row(change: AutomationChange) -> dict[str, object]:
    return {
        "at": change.at,
        "kind": change.kind.value,
        "actor": change.by,
        **dict(change.scope),
        "until": change.until,
        "cause": None if change.trip is None else change.trip.cause.value,
        "figures": None if change.trip is None else _figures(change.trip),
        "case_id": change.case,
    }


def _figures(trip: Trip) -> dict[str, Any]:
    return trip.model_dump(mode="json", exclude={"cause"})


_END = ("ended_at", "ended_by")


def begin_of(cover: Mapping[Any, Any]) -> dict[str, Any]:
    """The content of a cover that never changes, for the audit log."""
    return json_of({key: value for key, value in cover.items() if key not in _END})


def end_of(cover: Mapping[Any, Any]) -> dict[str, Any]:
    """The end of a cover, for the audit log."""
    return json_of({key: cover[key] for key in _END})


class ActiveCover(Value):
    """Cover of a role: `person` acts for `covers_for` until then."""

    person: str
    covers_for: str
    role: Role
    until: datetime


class Covers(Repository):
    """Covers of roles."""

    async def begin(self, person: str, cover: Cover, at: datetime) -> None:
        """Starts a cover by `person`, and ends an earlier one between the same two people."""
        same = (covers.c.person == person, covers.c.covers_for == cover.person)
        row = {
            "at": at,
            "person": person,
            "covers_for": cover.person,
            "role": cover.role.value,
            "until": cover.until,
        }
        async with self._database.writing() as connection:
            which = sa.and_(*_valid(at), *same)
            await connection.run_sync(self._end_all, which, cover.person, at)
            await connection.run_sync(self._insert, row)

    async def end(self, covers_for: str, at: datetime) -> int:
        """Ends all covers for a person; returns their number."""
        return len(await self._end(covers.c.covers_for == covers_for, covers_for, at))

    async def end_around(self, person: str, by: str, at: datetime) -> tuple[ActiveCover, ...]:
        """Ends all covers by and for `person`; returns them."""
        return await self._end(_around(person), by, at)

    async def _end(
        self, which: sa.ColumnElement[bool], by: str, at: datetime
    ) -> tuple[ActiveCover, ...]:
        async with self._database.writing() as connection:
            rows = await connection.run_sync(self._end_all, sa.and_(*_valid(at), which), by, at)
            return tuple(ActiveCover.model_validate(dict(row)) for row in rows)

    def _end_all(
        self, connection: sa.Connection, which: sa.ColumnElement[bool], by: str, at: datetime
    ) -> list[Row]:
        end = sa.update(covers).where(which).values(ended_at=at, ended_by=by).returning(covers)
        rows = sorted(connection.execute(end).mappings(), key=lambda row: int(row["id"]))
        ended = {str(row["id"]): end_of(row) for row in rows}
        self._database.audit.enter(connection, covers.name, ended, EntryKind.ENDED)
        return rows

    def _insert(self, connection: sa.Connection, values: dict[str, Any]) -> None:
        insert = sa.insert(covers).values(values).returning(covers)
        row = connection.execute(insert).mappings().one()
        begun = {str(row["id"]): begin_of(row)}
        self._database.audit.enter(connection, covers.name, begun)

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """The current covers by `person`, by their end."""
        rows = await self._rows(now, covers.c.person == person)
        return tuple(Cover(role=row.role, person=row.covers_for, until=row.until) for row in rows)

    async def of_role(self, role: Role, now: datetime) -> tuple[tuple[str, str], ...]:
        """Pairs of cover and covered person for a role, the last to end first."""
        rows = await self._rows(now, covers.c.role == role.value)
        return tuple((row.person, row.covers_for) for row in reversed(rows))

    async def around(self, person: str, now: datetime) -> tuple[ActiveCover, ...]:
        """The current covers by and for `person`."""
        return await self._rows(now, _around(person))

    async def all(self, now: datetime) -> tuple[ActiveCover, ...]:
        """All current covers."""
        return await self._rows(now, sa.true())

    async def _rows(self, now: datetime, where: sa.ColumnElement[bool]) -> tuple[ActiveCover, ...]:
        query = sa.select(covers).where(*_valid(now), where).order_by(covers.c.until, covers.c.id)
        rows = await self._database.rows(query)
        return tuple(ActiveCover.model_validate(dict(row)) for row in rows)


def _valid(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (covers.c.ended_at.is_(None), covers.c.until > now)


def _around(person: str) -> sa.ColumnElement[bool]:
    return sa.or_(covers.c.person == person, covers.c.covers_for == person)


class Preferences(Repository):
    """Personal preferences."""

    async def language(self, person: str) -> Language | None:
        """The language chosen by a person; None where they follow Slack."""
        query = sa.select(preferences.c.language).where(preferences.c.person == person)
        chosen = await self._database.scalar(query)
        return Language(chosen) if chosen in set(Language) else None

    async def choose_language(self, person: str, language: Language | None, at: datetime) -> None:
        """Stores a person's language; None follows Slack."""
        row = {"person": person, "language": language.value if language else None, "at": at}
        await self._database.execute(self._database.upsert(preferences, row), row)
