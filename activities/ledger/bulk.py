"""Rings: whom one decision is about where that is many, and what became of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.ledger.database import Database
from activities.ledger.queries import CHUNK, Row
from activities.ledger.rows import storable
from activities.ledger.schema import actions, bulk_decisions, events
from workflows.domain.alerts import Subject
from workflows.domain.case import bulk_progress
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import STANDING, ActionStatus
from workflows.ports.bulk import BulkPart, BulkRows, Member

_BAD_FIRST = (ActionStatus.FAILED, ActionStatus.DRIFTED, ActionStatus.RETRYING)
_OF_BULK = sa.and_(
    actions.c.bulk_id == bulk_decisions.c.bulk_id,
    actions.c.subject_type == bulk_decisions.c.subject_type,
    actions.c.subject_id == bulk_decisions.c.subject_id,
)


@dataclass(frozen=True)
class Page:
    """Some subjects of a ring with their actions, failed ones first; `total` in the ring."""

    bulk: str
    total: int
    rows: Sequence[Row]


class BulkLedger:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def stored(self, bulk: str) -> tuple[Subject, ...]:
        """The subjects of a ring, in their order; none where it does not stand."""
        query = (
            sa.select(bulk_decisions)
            .where(bulk_decisions.c.bulk_id == bulk)
            .order_by(bulk_decisions.c.place)
        )
        return tuple(_subject(row) for row in await self._rows(query))

    async def store(self, bulk: str, case: str, subjects: Sequence[Subject]) -> tuple[Subject, ...]:
        """Writes a ring down for good, unless it stands; the subjects as they stand now."""
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
            if rows and not await _stands(connection, rows[0]):
                await connection.execute(sa.insert(bulk_decisions), rows)
        return await self.stored(bulk)

    async def sanctioned(self, subjects: Sequence[Subject]) -> int:
        """How many of these have an action standing that a person decided."""
        found: set[tuple[str, str]] = set()
        pair = sa.tuple_(actions.c.subject_type, actions.c.subject_id)
        keys = [(each.type, each.id) for each in subjects]
        for start in range(0, len(keys), CHUNK):
            query = sa.select(actions.c.subject_type, actions.c.subject_id).where(
                pair.in_(keys[start : start + CHUNK]),
                actions.c.status.in_(_values(STANDING)),
                actions.c.decided_by.is_not(None),
            )
            found |= {(row["subject_type"], row["subject_id"]) for row in await self._rows(query)}
        return len(found)

    @activity.defn(name="bulk_part")
    async def bulk_part(self, part: BulkPart) -> tuple[Member, ...]:
        """The subjects at some places, in their order, with what stands of them."""
        query = sa.select(bulk_decisions, actions.c.action, actions.c.status)
        query = query.outerjoin(actions, _OF_BULK).where(
            bulk_decisions.c.bulk_id == part.bulk, bulk_decisions.c.place.in_(part.places)
        )
        rows = await self._rows(query.order_by(bulk_decisions.c.place, actions.c.action))
        standing = _values(STANDING)
        return tuple(
            Member(
                place=place,
                subject=_subject(mine[0]),
                standing=tuple(row["action"] for row in mine if row["status"] in standing),
            )
            for place, mine in _by_place(rows)
        )

    @activity.defn(name="bulk_statuses")
    async def bulk_statuses(self, bulk: str) -> str:
        """Where each subject stands, a letter a subject."""
        query = sa.select(bulk_decisions.c.place, actions.c.status).outerjoin(actions, _OF_BULK)
        rows = await self._rows(
            query.where(bulk_decisions.c.bulk_id == bulk).order_by(bulk_decisions.c.place)
        )
        return "".join(_mark(mine) for _, mine in _by_place(rows))

    @activity.defn(name="record_bulk")
    async def record_bulk(self, written: BulkRows) -> None:
        """Writes what became of some subjects; an older write never goes over a newer one."""
        async with self._database.writing() as connection:
            subjects = await _subjects_at(connection, written)
            rows = _action_rows(written, subjects)
            if not rows:
                return
            keys = [column.name for column in actions.primary_key]
            insert = self._database.insert(actions)
            changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
            await connection.execute(
                insert.on_conflict_do_update(
                    index_elements=keys,
                    set_=changed,
                    where=actions.c.version <= insert.excluded.version,
                ),
                rows,
            )

    async def last_of(self, case: str) -> Decision | None:
        """The last decision of a case, where it was about a ring."""
        query = sa.select(events.c.data).where(events.c.case_id == case, events.c.kind == "decided")
        rows = await self._rows(query.order_by(events.c.seq.desc()).limit(1))
        if not rows:
            return None
        decision = Decision.model_validate(rows[0]["data"]["decision"])
        return decision if decision.bulk is not None else None

    async def page(self, bulk: str, first: int, size: int) -> Page:
        """Subjects with what became of them, those first that a person has to look at."""
        bad = sa.func.max(sa.case((actions.c.status.in_(_values(_BAD_FIRST)), 1), else_=0))
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
            sa.select(bulk_decisions, ranked.c.bad, *(actions.c[name] for name in _SHOWN))
            .join(ranked, ranked.c.place == bulk_decisions.c.place)
            .outerjoin(actions, _OF_BULK)
            .where(bulk_decisions.c.bulk_id == bulk)
            .order_by(ranked.c.bad.desc(), bulk_decisions.c.place, actions.c.action)
        )
        count = sa.select(sa.func.count().label("total")).where(bulk_decisions.c.bulk_id == bulk)
        total = (await self._rows(count))[0]["total"]
        return Page(bulk=bulk, total=total, rows=await self._rows(query))

    async def _rows(self, query: sa.Select[Any]) -> Sequence[Row]:
        async with self._database.reading() as connection:
            rows: Sequence[Row] = (await connection.execute(query)).mappings().all()
            return rows


_SHOWN = ("action", "status", "until", "problem")


def _subject(row: Row) -> Subject:
    return Subject(type=row["subject_type"], id=row["subject_id"])


def _by_place(rows: Iterable[Row]) -> list[tuple[int, list[Row]]]:
    places: dict[int, list[Row]] = {}
    for row in rows:
        places.setdefault(row["place"], []).append(row)
    return list(places.items())


def _mark(rows: Sequence[Row]) -> str:
    statuses = [ActionStatus(row["status"]) for row in rows if row["status"] is not None]
    return bulk_progress.of(statuses).value


async def _stands(connection: AsyncConnection, row: dict[str, Any]) -> bool:
    query = sa.select(bulk_decisions.c.place).where(
        bulk_decisions.c.bulk_id == row["bulk_id"], bulk_decisions.c.place == row["place"]
    )
    return (await connection.execute(query)).first() is not None


async def _subjects_at(connection: AsyncConnection, written: BulkRows) -> dict[int, Subject]:
    places = sorted({row.place for row in written.rows})
    query = sa.select(bulk_decisions).where(
        bulk_decisions.c.bulk_id == written.bulk, bulk_decisions.c.place.in_(places)
    )
    rows = (await connection.execute(query)).mappings().all()
    return {row["place"]: _subject(row) for row in rows}


def _action_rows(written: BulkRows, subjects: dict[int, Subject]) -> list[dict[str, Any]]:
    """The last news of each action; the same row twice in one statement is an error."""
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for row in written.rows:
        subject = subjects.get(row.place)
        if subject is not None:
            rows[row.place, row.action] = {
                "case_id": written.case,
                "decision_id": written.decision,
                "action": row.action,
                "subject_type": subject.type,
                "subject_id": subject.id,
                "status": row.status.value,
                "until": row.until,
                "decided_by": written.by,
                "decided_at": written.at,
                "problem": row.problem.model_dump(mode="json") if row.problem else None,
                "version": written.version,
                "bulk_id": written.bulk,
            }
    return list(rows.values())


def _values(statuses: Iterable[ActionStatus]) -> list[str]:
    return sorted(status.value for status in statuses)
