"""Queries for ingest, look-ups, queues and audits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from activities.ledger.audit_log import AuditLog, json_of
from activities.ledger.database import Repository, Row
from activities.ledger.schema import (
    actions,
    alert_records,
    alerts,
    appeals,
    cases,
    events,
    installation,
    lookups,
    snoozes,
)
from workflows.domain.alerts import Subject
from workflows.domain.case.model import Phase

QUEUE_LIMIT = 500
NEWEST = 2_000
"""Cases that are searched for related subjects."""
CHUNK = 200
"""Pairs per query, each in two tables: SQLite takes 32,766 variables, older versions 999."""


@dataclass(frozen=True)
class Look:
    """Look-up of a subject by a person; `revealed` where it showed personal data unmasked."""

    at: datetime
    actor: str
    subject_type: str
    subject_id: str
    why: str
    case_id: str | None = None
    revealed: bool = False


OPEN_OR_UNDOING = sa.or_(
    cases.c.phase != Phase.CLOSED.value, cases.c.approval_expires_at.is_not(None)
)
"""Open cases, and closed ones whose undo waits for an approval."""


def _pairs(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table.c.detector, table.c.alert_id)


def _pair(table: sa.Table) -> sa.ColumnElement[Any]:
    return sa.tuple_(table.c.detector, table.c.alert_id)


class Queries(Repository):
    """Reads cases, appeals, events and actions."""

    async def known(self, keys: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """The (detector, alert id) pairs that the ledger has."""
        found: set[tuple[str, str]] = set()
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            tables = (alerts, alert_records)
            query = sa.union(*(_pairs(table).where(_pair(table).in_(part)) for table in tables))
            rows = await self._database.rows(query)
            found |= {(row["detector"], row["alert_id"]) for row in rows}
        return frozenset(found)

    async def open_cases(self, limit: int = QUEUE_LIMIT) -> Sequence[Row]:
        """Open cases, and closed ones whose undo waits for an approval, oldest first."""
        query = case_rows().where(OPEN_OR_UNDOING).order_by(cases.c.opened_at)
        return await self._database.rows(query.limit(limit))

    async def case(self, case: str) -> Row | None:
        """One case. Rows of cases come without their snapshot."""
        rows = await self._database.rows(case_rows().where(cases.c.id == case))
        return rows[0] if rows else None

    async def actions_of(self, case: str) -> Sequence[Row]:
        """The actions of a case by decision; those of bulk decisions are in `ledger.bulk`."""
        query = sa.select(actions).where(actions.c.case_id == case, actions.c.bulk_id.is_(None))
        return await self._database.rows(query.order_by(actions.c.decision_id, actions.c.action))

    async def events_of(self, case: str, latest: int | None = None) -> Sequence[Row]:
        """A case's events, oldest first: all, or the `latest` few."""
        query = sa.select(events).where(events.c.case_id == case)
        if latest is None:
            return await self._database.rows(query.order_by(events.c.seq))
        rows = await self._database.rows(query.order_by(events.c.seq.desc()).limit(latest))
        return list(reversed(rows))

    async def count_events(self, case: str, but: Collection[str] = ()) -> int:
        """The number of a case's events, without some kinds."""
        counted = sa.select(sa.func.count()).select_from(events)
        return int(await self._database.scalar(counted.where(*_events(case, but))) or 0)

    async def events_between(
        self, case: str, first: int, most: int, but: Collection[str] = ()
    ) -> Sequence[Row]:
        """At most `most` of a case's events from the `first` (0) on, without some kinds."""
        query = sa.select(events).where(*_events(case, but)).order_by(events.c.seq)
        return await self._database.rows(query.offset(first).limit(most))

    async def cases_of(self, subject_type: str, subject_id: str, limit: int = 20) -> Sequence[Row]:
        """The cases about a subject, newest first."""
        query = case_rows().filter_by(subject_type=subject_type, subject_id=subject_id)
        return await self._database.rows(query.order_by(cases.c.opened_at.desc()).limit(limit))

    async def cases_naming(
        self, subject: Subject, limit: int = 20, searched: int = NEWEST
    ) -> Sequence[Row]:
        """Cases about other subjects whose alerts name this one as related, newest first.

        Searches the open cases, and the newest of all: there is no index over related subjects.
        """
        newest = sa.select(cases.c.id).order_by(cases.c.opened_at.desc()).limit(searched)
        about = sa.and_(cases.c.subject_type == subject.type, cases.c.subject_id == subject.id)
        named = sa.select(1).where(alerts.c.case_id == cases.c.id, self._names(subject))
        query = case_rows().where(
            sa.or_(cases.c.phase != Phase.CLOSED.value, cases.c.id.in_(newest)),
            sa.not_(about),
            sa.exists(named),
        )
        return await self._database.rows(query.order_by(cases.c.opened_at.desc()).limit(limit))

    def _names(self, subject: Subject) -> sa.ColumnElement[bool]:
        """Whether the body of an alert has the subject among the related ones."""
        one = {"type": subject.type, "id": subject.id}
        if not self._database.is_sqlite:
            return sa.cast(alerts.c.body, JSONB).contains({"related": [one]})
        each = sa.func.json_each(alerts.c.body, "$.related").table_valued("value")
        same = (sa.func.json_extract(each.c.value, f"$.{key}") == one[key] for key in one)
        return sa.exists(sa.select(1).select_from(each).where(*same))

    async def detectors_of(self, case: str) -> Sequence[str]:
        """The detectors of a case's alerts."""
        query = sa.select(alerts.c.detector).where(alerts.c.case_id == case).distinct()
        return [row["detector"] for row in await self._database.rows(query)]

    async def snoozes_at(self, now: datetime, limit: int = QUEUE_LIMIT) -> Sequence[Row]:
        """The snoozes that last at `now`, with their cases and reasons, the first to end first."""
        began = sa.and_(events.c.case_id == snoozes.c.case_id, events.c.seq == snoozes.c.number)
        of_case = cases.c["workflow_id", "version", "card_channel", "card_ts"]
        query = (
            sa.select(snoozes, *of_case, events.c.data["reason"].as_string().label("reason"))
            .join(cases, cases.c.id == snoozes.c.case_id)
            .outerjoin(events, began)
            .where(snoozes.c.until > now, snoozes.c.ended_at.is_(None))
            .order_by(snoozes.c.until, snoozes.c.case_id, snoozes.c.number)
        )
        return await self._database.rows(query.limit(limit))

    async def actions_on(
        self, subject_type: str, subject_id: str, limit: int = 20
    ) -> Sequence[Row]:
        """The actions on a subject, newest first."""
        query = sa.select(actions).filter_by(subject_type=subject_type, subject_id=subject_id)
        return await self._database.rows(query.order_by(actions.c.decided_at.desc()).limit(limit))

    async def case_of_alert(self, detector: str, alert: str) -> Row | None:
        """The case that an alert opened or joined."""
        query = case_rows().join(alerts, alerts.c.case_id == cases.c.id)
        rows = await self._database.rows(query.filter_by(detector=detector, alert_id=alert))
        return rows[0] if rows else None

    async def cases_like(self, case: str, limit: int = 5) -> Sequence[str]:
        """The ids of cases that differ from `case` in one character, newest first."""
        near = [f"{case[:place]}_{case[place + 1 :]}" for place in range(1, len(case))]
        query = sa.select(cases.c.id).where(sa.or_(*(cases.c.id.like(each) for each in near)))
        rows = await self._database.rows(query.order_by(cases.c.opened_at.desc()).limit(limit))
        return [row["id"] for row in rows]

    async def appeal(self, appeal: str) -> Row | None:
        """One appeal."""
        rows = await self._database.rows(sa.select(appeals).where(appeals.c.id == appeal))
        return rows[0] if rows else None

    async def look_up(self, look: Look) -> None:
        """Records a look-up."""
        await self._database.write(
            lambda connection: insert_lookups(connection, [dict(vars(look))], self._database.audit)
        )

    async def identity(self) -> str | None:
        """The id of this ledger, which Temporal has as well; None for a new one."""
        query = sa.select(installation.c.id).order_by(installation.c.at, installation.c.id)
        found: str | None = await self._database.scalar(query.limit(1))
        return found


def insert_lookups(
    connection: sa.Connection, rows: Sequence[dict[str, Any]], audit: AuditLog
) -> None:
    """Inserts look-ups with their entries in the audit log."""
    insert = sa.insert(lookups).returning(lookups, sort_by_parameter_order=True)
    inserted = connection.execute(insert, rows).mappings()
    audit.enter(connection, lookups.name, {str(row["id"]): json_of(row) for row in inserted})


def _events(case: str, but: Collection[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return (events.c.case_id == case, events.c.kind.not_in(sorted(but)))


def case_rows() -> sa.Select[Any]:
    """The rows of cases without their snapshots."""
    return sa.select(*(column for column in cases.c if column.name != "snapshot"))
