"""The events and rows that the team's numbers are made of. It reads, and counts nothing itself."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Database
from activities.ledger.queries import Row
from activities.ledger.schema import actions, cases, events
from workflows.domain.case.enforcement import STANDING
from workflows.domain.case.model import Phase
from workflows.domain.metrics.metrics import COUNTED, CaseStatus, CountedEvent, Numbers, numbers
from workflows.domain.policy.playbook import Severity

MOST_PROTECTIONS = 200

_TRUE = ("true", "1", 1)
"""How the databases write the text of a JSON true."""

_RUNNING = sa.and_(
    # A protection is P1, P2, … within its case, a decision D1, D2, …
    actions.c.decision_id.like("P%"),
    actions.c.status.in_(sorted(status.value for status in STANDING)),
)


def _said(kind: str, *place: str) -> sa.ColumnElement[Any]:
    """A part of the data of one kind of event, as text."""
    return sa.case((events.c.kind == kind, events.c.data[place].as_string()))


# The whole data of a week is tens of megabytes, and reading them would hold up every click.
_SAID = {
    "occurred_at": _said("case_opened", "alert", "occurred_at"),
    "verdict": _said("decided", "decision", "verdict"),
    "due": _said("decided", "due"),
    "granted": _said("approved", "granted"),
    "outcome": _said("approval_expired", "outcome"),
    "done": _said("bulk_progressed", "tally", "done"),
}
"""All that is counted of any event beside its kind and its time."""


class Statistics:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def numbers(self, since: datetime, until: datetime) -> Numbers:
        """The numbers of [since, until); what stands is what stands now."""
        async with self._database.reading() as connection:
            happened = await _happened(connection, since, until)
            standing = await _standing(connection)
            running = await connection.scalar(
                sa.select(sa.func.count()).select_from(actions).where(_RUNNING)
            )
        waiting = sum(row["approval_expires_at"] is not None for row in standing)
        open_cases = [_as_standing(row) for row in standing if row["phase"] != Phase.CLOSED.value]
        # A week of ten thousand cases takes a quarter of a second: clicks go on beside it.
        return await asyncio.to_thread(
            numbers, happened, open_cases, since, until, waiting, int(running or 0)
        )

    async def ending_protections(self, until: datetime) -> Sequence[Row]:
        """The protections that stand and end before `until`, soonest first, with their case."""
        query = (
            sa.select(
                actions.c.case_id,
                actions.c.action,
                actions.c.until,
                cases.c.title,
                cases.c.severity,
                cases.c.card_channel,
                cases.c.card_ts,
            )
            .join(cases, cases.c.id == actions.c.case_id)
            .where(_RUNNING, actions.c.until < until)
        )
        async with self._database.reading() as connection:
            found = await connection.execute(
                query.order_by(actions.c.until, actions.c.case_id).limit(MOST_PROTECTIONS)
            )
            rows: Sequence[Row] = found.mappings().all()
        return rows


async def _happened(
    connection: AsyncConnection, since: datetime, until: datetime
) -> list[CountedEvent]:
    """All counted events, up to `until`, of the cases that have one in the time."""
    counted = events.c.kind.in_(sorted(COUNTED))
    concerned = sa.select(events.c.case_id).where(
        events.c.at >= since, events.c.at < until, counted
    )
    query = (
        sa.select(
            events.c.case_id,
            events.c.kind,
            events.c.at,
            *(said.label(name) for name, said in _SAID.items()),
            cases.c.playbook,
            cases.c.severity,
        )
        # An appeal's events stand here as well, without a case of that id.
        .join(cases, cases.c.id == events.c.case_id)
        .where(events.c.case_id.in_(concerned), counted, events.c.at < until)
        .order_by(events.c.case_id, events.c.seq)
    )
    rows = (await connection.execute(query)).all()
    return [
        CountedEvent(
            case=row.case_id,
            playbook=row.playbook,
            severity=Severity(row.severity),
            kind=row.kind,
            at=row.at,
            occurred_at=_moment(row.occurred_at),
            verdict=row.verdict,
            due=_moment(row.due),
            granted=row.granted in _TRUE,
            outcome=row.outcome,
            done=int(row.done or 0),
        )
        for row in rows
    ]


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


async def _standing(connection: AsyncConnection) -> Sequence[Row]:
    """Every case that is not closed, or whose undo waits for an approval."""
    query = sa.select(
        cases.c.id,
        cases.c.severity,
        cases.c.phase,
        cases.c.owner,
        cases.c.opened_at,
        cases.c.claim_due,
        cases.c.decide_due,
        cases.c.approval_expires_at,
    ).where(sa.or_(cases.c.phase != Phase.CLOSED.value, cases.c.approval_expires_at.is_not(None)))
    rows: Sequence[Row] = (await connection.execute(query)).mappings().all()
    return rows


def _as_standing(row: Row) -> CaseStatus:
    due: Any = row["claim_due"] if row["owner"] is None else row["decide_due"]
    return CaseStatus(
        case=row["id"],
        severity=Severity(row["severity"]),
        phase=Phase(row["phase"]),
        opened_at=row["opened_at"],
        due=row["approval_expires_at"] or due,
        decide_due=row["decide_due"],
    )
