"""The evidence of a case's alerts, read; and where its images lie at Slack."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Database
from activities.ledger.tables import alerts, events, evidence_files
from workflows.domain.evidence import AlertEvidence, named

MOST_MERGED = 50
"""Cases that were merged into one another, one after the next, of which alerts are looked for."""


@dataclass(frozen=True)
class AlertsPage:
    """Some alerts, newest first; `total` counts all of them."""

    total: int
    alerts: tuple[AlertEvidence, ...]


class EvidenceRecord:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def page(self, case: str, skip: int, limit: int, until: datetime) -> AlertsPage:
        """Alerts of a case and of those merged into it, as far as they were there `until` then."""
        async with self._database.reading() as connection:
            mine = (
                alerts.c.case_id.in_(await cases_within(connection, case)),
                alerts.c.received_at <= until,
            )
            counted = sa.select(sa.func.count()).select_from(alerts).where(*mine)
            total = int((await connection.execute(counted)).scalar_one())
            query = sa.select(alerts).where(*mine).order_by(*_NEWEST).offset(skip).limit(limit)
            rows = (await connection.execute(query)).all()
        return AlertsPage(total=total, alerts=tuple(_evidence(row) for row in rows))

    async def alert(self, case: str, key: str) -> AlertEvidence | None:
        """One alert of a case or of those merged into it."""
        async with self._database.reading() as connection:
            return await alert_of(connection, case, key)

    async def is_recorded(self, case: str, person: str, key: str, item: int) -> bool:
        """Whether it is written down that this piece is shown to that person."""
        query = sa.select(events.c.data).where(
            events.c.case_id == case,
            events.c.kind == "evidence_revealed",
            events.c.actor == person,
        )
        async with self._database.reading() as connection:
            told = (await connection.execute(query.order_by(events.c.seq.desc()))).scalars().all()
        return any((data.get("alert_key"), data.get("item")) == (key, item) for data in told)

    async def file(self, key: str, item: int) -> str | None:
        """Slack's id of an image that was uploaded before."""
        query = sa.select(evidence_files.c.file_id).where(*_piece(evidence_files, key, item))
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).scalar_one_or_none()
        return None if found is None else str(found)

    async def keep_file(self, key: str, item: int, file: str, at: datetime) -> None:
        """Remembers an uploaded image; the newest one counts."""
        detector, alert_id = named(key)
        row = {"detector": detector, "alert_id": alert_id, "item": item, "file_id": file, "at": at}
        made = self._database.insert(evidence_files).values(row)
        keys = [column.name for column in evidence_files.primary_key]
        async with self._database.writing() as connection:
            await connection.execute(
                made.on_conflict_do_update(index_elements=keys, set_={"file_id": file, "at": at})
            )

    async def forget_file(self, key: str, item: int) -> None:
        """Slack has it no more."""
        gone = sa.delete(evidence_files).where(*_piece(evidence_files, key, item))
        async with self._database.writing() as connection:
            await connection.execute(gone)


_NEWEST = (alerts.c.occurred_at.desc(), alerts.c.detector, alerts.c.alert_id)


async def alert_of(connection: AsyncConnection, case: str, key: str) -> AlertEvidence | None:
    """One alert of a case or of those merged into it."""
    detector, alert_id = named(key)
    query = sa.select(alerts).where(
        alerts.c.detector == detector,
        alerts.c.alert_id == alert_id,
        alerts.c.case_id.in_(await cases_within(connection, case)),
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _evidence(row)


async def cases_within(connection: AsyncConnection, case: str) -> Sequence[str]:
    """A case, those that were merged into it, and those merged into them before."""
    found, fresh = [case], [case]
    while fresh and len(found) < MOST_MERGED:
        query = sa.select(events.c.data).where(
            events.c.case_id.in_(fresh), events.c.kind == "case_absorbed"
        )
        told = (await connection.execute(query)).scalars().all()
        fresh = sorted({str(data["case"]) for data in told} - set(found))
        found += fresh
    return found


def _piece(table: sa.Table, key: str, item: int) -> tuple[sa.ColumnElement[bool], ...]:
    detector, alert_id = named(key)
    return (table.c.detector == detector, table.c.alert_id == alert_id, table.c.item == item)


def _evidence(row: sa.Row[Any]) -> AlertEvidence:
    body = row.body
    return AlertEvidence(
        key=f"{row.detector}/{row.alert_id}",
        kind=row.kind,
        detector=row.detector,
        occurred_at=row.occurred_at,
        score=row.score,
        title=body.get("title"),
        evidence=body.get("evidence", ()),
    )
