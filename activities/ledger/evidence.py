"""Evidence of a case: alerts, the quota of reveals, and Slack's ids of uploaded images."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.audit_log import AuditLog
from activities.ledger.database import Repository
from activities.ledger.erasure import count_in_run
from activities.ledger.limits import note_overrun
from activities.ledger.queries import insert_lookups
from activities.ledger.rows import Link
from activities.ledger.schema import alerts, cases, events, evidence_files, exposures
from workflows.domain.alerts import AlertEvidence, ImageEvidence, named
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import CaseAbsorbed, EvidenceRevealed
from workflows.domain.policy.limits import Exposed, Full, Power, is_full
from workflows.ports.cases import RevealRequest
from workflows.ports.reports import RetentionStep

FILES = 20
"""Files of one batch: `files.delete` may be called 50 times a minute."""
MOST_TRIES = 3
"""Runs of retention that try to delete a file."""
MOST_MERGED = 50
"""Largest number of merged cases whose alerts are searched."""


# Key of the quotas among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6265


@dataclass(frozen=True)
class AlertsPage:
    """Some alerts, newest first; `total` counts all of them."""

    total: int
    alerts: tuple[AlertEvidence, ...]


class EvidenceRecord(Repository):
    """Reads the evidence of cases, counts its reveals, and keeps the ids of uploaded images."""

    async def page(self, case: str, skip: int, limit: int, until: datetime) -> AlertsPage:
        """Alerts received `until` then by a case and those merged into it."""
        async with self._database.reading() as connection:
            matching = (
                alerts.c.case_id.in_(await cases_within(connection, case)),
                alerts.c.received_at <= until,
            )
            counted = sa.select(sa.func.count()).select_from(alerts).where(*matching)
            total = int((await connection.execute(counted)).scalar_one())
            query = sa.select(alerts).where(*matching).order_by(*_NEWEST).offset(skip).limit(limit)
            rows = (await connection.execute(query)).all()
        return AlertsPage(total=total, alerts=tuple(_evidence(row) for row in rows))

    async def alert(self, case: str, key: str) -> AlertEvidence | None:
        """One alert of a case or of those merged into it."""
        async with self._database.reading() as connection:
            return await alert_of(connection, case, key)

    async def is_recorded(self, case: str, person: str, key: str, item: int) -> bool:
        """Whether the reveal of this piece to that person is recorded."""
        query = sa.select(events.c.data).where(
            events.c.case_id == case,
            events.c.kind == kind_of(EvidenceRevealed),
            events.c.actor == person,
        )
        revealed = [row["data"] for row in await self._database.rows(query)]
        return any((data.get("alert_key"), data.get("item")) == (key, item) for data in revealed)

    # -- pictures at Slack ----------------------------------------------------------------

    async def file(self, key: str, item: int) -> str | None:
        """Slack's id of the newest uploaded image that can be shown."""
        query = sa.select(evidence_files.c.file_id).filter_by(**_piece(key, item), shown=True)
        found = await self._database.scalar(query.order_by(evidence_files.c.at.desc()).limit(1))
        return None if found is None else str(found)

    async def begin_file(self, key: str, item: int, file: str, at: datetime) -> None:
        """Stores the id of an upload before its content is sent: a crash leaves no unknown file."""
        row = {**_piece(key, item), "file_id": file, "at": at}
        await self._database.execute(self._database.upsert(evidence_files, row), row)

    async def show_file(self, file: str) -> None:
        """Notes that Slack shows an upload."""
        await self._set_file(file, shown=True)

    async def forget_file(self, file: str) -> None:
        """Notes that an image is not shown again: the next run of retention deletes it."""
        await self._set_file(file, shown=False)

    async def expired_files(
        self, before: datetime, left_over: datetime, after: str
    ) -> Sequence[str]:
        """A batch of files that are to be deleted: uploaded `before`, or not shown since."""
        query = sa.select(evidence_files.c.file_id).where(
            sa.or_(
                evidence_files.c.at < before,
                sa.and_(evidence_files.c.shown.is_(False), evidence_files.c.at < left_over),
            ),
            evidence_files.c.tries < MOST_TRIES,
            evidence_files.c.file_id > after,
        )
        rows = await self._database.rows(query.order_by(evidence_files.c.file_id).limit(FILES))
        return [row["file_id"] for row in rows]

    async def file_deleted(self, file: str, step: RetentionStep) -> None:
        """Deletes the row of a file that Slack does not have any more, and counts it."""
        gone = sa.delete(evidence_files).where(evidence_files.c.file_id == file)
        await self._count_file(gone, "images", step)

    async def file_refused(self, file: str, code: str, step: RetentionStep) -> None:
        """Notes that Slack refuses to delete a file; after `MOST_TRIES` runs it is left there."""
        row = sa.update(evidence_files).where(evidence_files.c.file_id == file)
        tried = row.values(refused=code, shown=False, tries=evidence_files.c.tries + 1)
        await self._count_file(tried, "images_refused", step)

    async def _count_file(self, change: Any, name: str, step: RetentionStep) -> None:
        def write(connection: sa.Connection) -> None:
            changed = connection.execute(change).rowcount
            count_in_run(self._database, connection, step, {name: changed})

        await self._database.write(write)

    async def _set_file(self, file: str, shown: bool) -> None:
        row = sa.update(evidence_files).where(evidence_files.c.file_id == file)
        await self._database.execute(row.values(shown=shown))

    # -- the quota ------------------------------------------------------------------------

    async def expose(self, exposing: RevealRequest) -> Exposed:
        """The piece and its person's quota; counts the reveal where the quota allows it."""
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK, exposing.person)
            alert = await alert_of(connection, exposing.case, exposing.alert)
            piece = alert.item(exposing.item) if alert is not None else None
            if piece is None:
                return Exposed()
            known = await _known(connection, exposing, isinstance(piece, ImageEvidence))
            if is_full(exposing.most, known.seen, known.again):
                return await self._refused(connection, exposing, known)
            if not known.again:
                row = {
                    **_piece(exposing.alert, exposing.item),
                    "person": exposing.person,
                    "case_id": exposing.case,
                    "at": exposing.at,
                }
                await connection.execute(self._database.upsert(exposures, row), row)
            return known

    async def _refused(
        self, connection: AsyncConnection, exposing: RevealRequest, known: Exposed
    ) -> Exposed:
        reached = Full(
            power=Power.EVIDENCE,
            holder=exposing.person,
            most=exposing.most or 0,
            within=exposing.at - exposing.since,
            used=known.seen,
        )
        key = f"{exposing.case}/{exposing.item}"
        noted = await note_overrun(
            self._database, connection, reached, key, exposing.at, exposing.case
        )
        return known.model_copy(update={"alert": noted.alert})


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
    """A case with all cases merged into it, also indirectly."""
    found, fresh = [case], [case]
    while fresh and len(found) < MOST_MERGED:
        query = sa.select(events.c.data).where(
            events.c.case_id.in_(fresh), events.c.kind == kind_of(CaseAbsorbed)
        )
        absorbed = (await connection.execute(query)).scalars().all()
        fresh = sorted({str(data["case"]) for data in absorbed} - set(found))
        found += fresh
    return found


def _piece(key: str, item: int) -> dict[str, Any]:
    detector, alert_id = named(key)
    return {"detector": detector, "alert_id": alert_id, "item": item}


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


async def _known(connection: AsyncConnection, exposing: RevealRequest, image: bool) -> Exposed:
    matching = (exposures.c.person == exposing.person, exposures.c.at >= exposing.since)
    query = sa.select(exposures).where(*matching).order_by(exposures.c.at)
    rows = (await connection.execute(query)).all()
    key = _piece(exposing.alert, exposing.item)
    others = [row for row in rows if any(getattr(row, name) != key[name] for name in key)]
    return Exposed(
        found=True,
        image=image,
        again=len(others) < len(rows),
        seen=len(others),
        since=others[0].at if others else None,
    )


def note_reveals(
    connection: sa.Connection, case: str, links: Sequence[Link], audit: AuditLog
) -> None:
    """Records a look-up for each reveal among the new events of a case."""
    revealed = [link for link in links if link.kind == kind_of(EvidenceRevealed)]
    if not revealed:
        return
    query = sa.select(cases.c.subject_type, cases.c.subject_id).where(cases.c.id == case)
    found = connection.execute(query).mappings().one_or_none()
    subject = found or {"subject_type": "case", "subject_id": case}  # the row is lost
    insert_lookups(connection, [{**_look(link), **subject} for link in revealed], audit)


def _look(link: Link) -> dict[str, Any]:
    assert link.data is not None, "a new event"
    kind = "image" if link.data["image"] else "text"
    return {
        "at": link.at,
        "actor": link.actor or "",
        "why": f"evidence revealed: {link.data['alert_key']} #{link.data['item'] + 1} ({kind})",
        "case_id": link.case_id,
    }
