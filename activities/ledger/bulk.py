"""Ledger of bulk decisions: their subjects and the actions on each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.ledger.audit_log import json_of
from activities.ledger.database import Repository, Row
from activities.ledger.queries import CHUNK
from activities.ledger.rows import action_values, status_values, storable, subject_of
from activities.ledger.schema import actions, bulk_decisions, events
from workflows.domain.alerts import Subject
from workflows.domain.case import bulk_progress
from workflows.domain.case.bulk_progress import NOTICE_MARKS, NoticeMark
from workflows.domain.case.decision import Decision, NoticeStatus
from workflows.domain.case.enforcement import IN_FORCE, ActionStatus
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import Decided
from workflows.domain.case.projection import ActionRow
from workflows.ports.bulk import BulkPart, BulkRow, BulkRows, Member

_BAD_FIRST = (ActionStatus.FAILED, ActionStatus.DRIFTED, ActionStatus.RETRYING)
_OF_BULK = sa.and_(
    actions.c.bulk_id == bulk_decisions.c.bulk_id,
    actions.c.subject_type == bulk_decisions.c.subject_type,
    actions.c.subject_id == bulk_decisions.c.subject_id,
)


@dataclass(frozen=True)
class Page:
    """Some subjects of a bulk decision with their actions, failed ones first; `total` of all."""

    total: int
    rows: Sequence[Row]


class BulkLedger(Repository):
    """Reads and writes bulk decisions."""

    async def stored(self, bulk: str) -> tuple[Subject, ...]:
        """The subjects of a bulk decision in order; empty for an unknown one."""
        query = (
            sa.select(bulk_decisions)
            .where(bulk_decisions.c.bulk_id == bulk)
            .order_by(bulk_decisions.c.place)
        )
        return tuple(subject_of(row) for row in await self._database.rows(query))

    async def store(self, bulk: str, case: str, subjects: Sequence[Subject]) -> tuple[Subject, ...]:
        """Stores the subjects, unless there are some; the stored ones."""
        rows = [
            {
                "bulk_id": bulk,
                "place": place,
                "case_id": case,
                "subject_type": each.type,
                "subject_id": storable(each.id),
            }
            for place, each in enumerate(subjects)
        ]
        async with self._database.writing() as connection:
            known = sa.select(bulk_decisions.c.place).where(bulk_decisions.c.bulk_id == bulk)
            if rows and (await connection.execute(known.limit(1))).first() is None:
                await connection.execute(sa.insert(bulk_decisions), rows)
                enter = self._database.audit.enter
                members = {bulk: members_of(rows)}
                await connection.run_sync(enter, bulk_decisions.name, members)
        return await self.stored(bulk)

    async def sanctioned(self, subjects: Sequence[Subject]) -> int:
        """The number of subjects with an active action that a person decided."""
        found: set[tuple[str, str]] = set()
        pair = sa.tuple_(actions.c.subject_type, actions.c.subject_id)
        keys = [(each.type, each.id) for each in subjects]
        for start in range(0, len(keys), CHUNK):
            query = sa.select(actions.c.subject_type, actions.c.subject_id).where(
                pair.in_(keys[start : start + CHUNK]),
                actions.c.status.in_(status_values(IN_FORCE)),
                actions.c.decided_by.is_not(None),
            )
            found |= {
                (row["subject_type"], row["subject_id"]) for row in await self._database.rows(query)
            }
        return len(found)

    async def members(self, part: BulkPart) -> tuple[Member, ...]:
        """The subjects at some places in order, with their active actions."""
        columns = actions.c["action", "status", "until", "problem", "life", "version"]
        query = sa.select(bulk_decisions, *columns)
        query = query.outerjoin(actions, _OF_BULK).where(
            bulk_decisions.c.bulk_id == part.bulk, bulk_decisions.c.place.in_(part.places)
        )
        rows = await self._database.rows(query.order_by(bulk_decisions.c.place, actions.c.action))
        in_force = status_values(IN_FORCE)
        return tuple(
            Member(
                place=place,
                subject=subject_of(group[0]),
                in_force=tuple(row["action"] for row in group if row["status"] in in_force),
                **(_results(group) if part.results else {}),
            )
            for place, group in _by_place(rows)
        )

    @activity.defn(name="bulk_statuses")
    async def bulk_statuses(self, bulk: str) -> str:
        """The status of each subject in order, one letter per subject."""
        query = sa.select(bulk_decisions.c.place, actions.c.status).outerjoin(actions, _OF_BULK)
        rows = await self._database.rows(
            query.where(bulk_decisions.c.bulk_id == bulk).order_by(bulk_decisions.c.place)
        )
        return "".join(_mark(group) for _, group in _by_place(rows))

    @activity.defn(name="bulk_notices")
    async def bulk_notices(self, bulk: str) -> str:
        """The state of each subject's notice in order, one letter per subject."""
        query = sa.select(bulk_decisions.c.place, actions.c.notice).outerjoin(actions, _OF_BULK)
        rows = await self._database.rows(
            query.where(bulk_decisions.c.bulk_id == bulk).order_by(bulk_decisions.c.place)
        )
        return "".join(_notice(group) for _, group in _by_place(rows))

    @activity.defn(name="record_bulk")
    async def record_bulk(self, written: BulkRows) -> None:
        """Upserts actions on some subjects; an older write never replaces a newer one."""
        async with self._database.writing() as connection:
            subjects = await _subjects_at(connection, written)
            rows = _action_rows(written, subjects)
            places = {each: place for place, each in subjects.items()}
            if rows:
                await connection.run_sync(self._upsert, rows, places)
            for status in set(written.notices.values()):
                await connection.run_sync(self._note_notices, written, status, places)

    def _upsert(
        self,
        connection: sa.Connection,
        rows: Sequence[dict[str, Any]],
        places: Mapping[Subject, int],
    ) -> None:
        upsert = self._database.upsert(
            actions, rows[0], where=lambda new: actions.c.version <= new.version
        ).returning(actions)
        self._enter(connection, connection.execute(upsert, rows).mappings(), places)

    def _note_notices(
        self,
        connection: sa.Connection,
        written: BulkRows,
        status: NoticeStatus | None,
        places: Mapping[Subject, int],
    ) -> None:
        """Writes one status of notices to the rows of their subjects."""
        told = {place for place, each in written.notices.items() if each is status}
        ids = sorted(subject.id for subject, place in places.items() if place in told)
        mine = (actions.c.bulk_id == written.bulk, actions.c.version <= written.version)
        values = {"notice": status and status.value, "version": written.version}
        for start in range(0, len(ids), CHUNK):
            some = actions.c.subject_id.in_(ids[start : start + CHUNK])
            update = sa.update(actions).where(*mine, some).values(values).returning(actions)
            self._enter(connection, connection.execute(update).mappings(), places)

    def _enter(
        self, connection: sa.Connection, changed: Iterable[Row], places: Mapping[Subject, int]
    ) -> None:
        entered = {action_key(row, places[subject_of(row)]): json_of(row) for row in changed}
        self._database.audit.enter(connection, actions.name, entered)

    async def last_of(self, case: str) -> Decision | None:
        """The last decision of a case, where it is a bulk decision."""
        decided = events.c.kind == kind_of(Decided)
        query = sa.select(events.c.data).where(events.c.case_id == case, decided)
        rows = await self._database.rows(query.order_by(events.c.seq.desc()).limit(1))
        if not rows:
            return None
        decision = Decision.model_validate(rows[0]["data"]["decision"])
        return decision if decision.bulk is not None else None

    async def page(self, bulk: str, first: int, size: int) -> Page:
        """Subjects with their actions, those first that need a person's attention."""
        bad = sa.func.max(sa.case((actions.c.status.in_(status_values(_BAD_FIRST)), 1), else_=0))
        ranked = (
            sa.select(bulk_decisions.c.place, bad.label("bad"))
            .outerjoin(actions, _OF_BULK)
            .where(bulk_decisions.c.bulk_id == bulk)
            .group_by(bulk_decisions.c.place)
            .order_by(bad.desc(), bulk_decisions.c.place)
            .limit(size)
            .offset(first)
        ).subquery()
        query = (
            sa.select(
                bulk_decisions, ranked.c.bad, *actions.c["action", "status", "until", "problem"]
            )
            .join(ranked, ranked.c.place == bulk_decisions.c.place)
            .outerjoin(actions, _OF_BULK)
            .where(bulk_decisions.c.bulk_id == bulk)
            .order_by(ranked.c.bad.desc(), bulk_decisions.c.place, actions.c.action)
        )
        count = sa.select(sa.func.count().label("total")).where(bulk_decisions.c.bulk_id == bulk)
        total = (await self._database.rows(count))[0]["total"]
        return Page(total=total, rows=await self._database.rows(query))


def members_of(rows: Iterable[Mapping[Any, Any]]) -> list[Any]:
    """The content of a bulk decision for the audit log: case and subjects by place."""
    ordered = sorted(rows, key=itemgetter("place"))
    names = ("place", "case_id", "subject_type", "subject_id")
    return [[row[name] for name in names] for row in ordered]


def action_key(row: Mapping[Any, Any], place: int) -> str:
    """The key in the audit log of an action on the subject at a place of a bulk decision."""
    return f"{row['bulk_id']}/{place}/{row['action']}"


def _by_place(rows: Iterable[Row]) -> list[tuple[int, list[Row]]]:
    grouped = groupby(rows, key=itemgetter("place"))
    return [(place, list(group)) for place, group in grouped]


def _results(rows: Sequence[Row]) -> dict[str, Any]:
    """The states of one subject, and the number of the latest write."""
    return {
        "rows": tuple(BulkRow.model_validate(dict(row)) for row in rows if row["status"]),
        "version": max(row["version"] or 0 for row in rows),
    }


def _mark(rows: Sequence[Row]) -> str:
    statuses = [ActionStatus(row["status"]) for row in rows if row["status"] is not None]
    return bulk_progress.of(statuses).value


def _notice(rows: Sequence[Row]) -> str:
    known = next((row["notice"] for row in rows if row["notice"] is not None), None)
    mark = NoticeMark.NONE if known is None else NOTICE_MARKS[NoticeStatus(known)]
    return mark.value


async def _subjects_at(connection: AsyncConnection, written: BulkRows) -> dict[int, Subject]:
    places = sorted({*(row.place for row in written.rows), *written.notices})
    query = sa.select(bulk_decisions).where(
        bulk_decisions.c.bulk_id == written.bulk, bulk_decisions.c.place.in_(places)
    )
    rows = (await connection.execute(query)).mappings().all()
    return {row["place"]: subject_of(row) for row in rows}


def _action_rows(written: BulkRows, subjects: dict[int, Subject]) -> list[dict[str, Any]]:
    """The last row of each action; duplicates in one statement are an error."""
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for row in written.rows:
        subject = subjects.get(row.place)
        if subject is not None:
            action = ActionRow(
                decision=written.decision,
                action=row.action,
                subject=subject,
                status=row.status,
                version=written.version,
                until=row.until,
                decided_by=written.by,
                decided_at=written.at,
                problem=row.problem,
                life=row.life,
            )
            values = action_values(written.case, action)
            rows[row.place, row.action] = {**values, "bulk_id": written.bulk}
    return list(rows.values())
