"""Data of the team's numbers: counted events, open cases and running protections."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Repository, Row
from activities.ledger.queries import OPEN_OR_UNDOING
from activities.ledger.rows import status_values
from activities.ledger.schema import actions, alert_records, cases, events
from workflows.domain.case import events as ev
from workflows.domain.case.enforcement import IN_FORCE
from workflows.domain.case.event_base import EventBase, kind_of
from workflows.domain.case.model import Phase
from workflows.domain.metrics.metrics import (
    COUNTED,
    CaseStatus,
    CountedEvent,
    Numbers,
    WithoutCase,
    numbers,
)
from workflows.domain.policy.matching import RecordKind
from workflows.domain.policy.playbook import Severity

MOST_PROTECTIONS = 200

_TRUE = ("true", "1", 1)
"""The text of a JSON true on PostgreSQL and SQLite."""

_RUNNING = sa.and_(
    # The decision id of a protection is P1, P2, …, of a decision D1, D2, …
    actions.c.decision_id.like("P%"),
    actions.c.status.in_(status_values(IN_FORCE)),
)


def _data(*place: str, of: tuple[type[EventBase], ...]) -> sa.ColumnElement[Any]:
    """A field in the data of some events, as text."""
    kinds = [kind_of(each) for each in of]
    return sa.case((events.c.kind.in_(kinds), events.c.data[place].as_string()))


# All data of a week is tens of megabytes: loading it would delay every button press.
_FIELDS = {
    "occurred_at": _data("alert", "occurred_at", of=(ev.CaseOpened,)),
    "verdict": _data("decision", "verdict", of=(ev.Decided,)),
    "due": _data("due", of=(ev.CaseClaimed, ev.Decided)),
    "granted": _data("granted", of=(ev.Approved,)),
    "outcome": _data("outcome", of=(ev.ApprovalExpired,)),
    "done": _data("tally", "done", of=(ev.BulkProgressed,)),
}
"""Everything counted of an event, except for its kind and time."""


class Statistics(Repository):
    """Reads the data of the team's numbers."""

    async def numbers(self, since: datetime, until: datetime) -> Numbers:
        """The numbers of [since, until), with the current open cases and protections."""
        async with self._database.reading() as connection:
            events = await _counted_events(connection, since, until)
            open_rows = await _open_cases(connection)
            running = await connection.scalar(
                sa.select(sa.func.count()).select_from(actions).where(_RUNNING)
            )
            unopened = await _without_case(connection, since, until)
        waiting = sum(row["approval_expires_at"] is not None for row in open_rows)
        open_cases = [_case_status(row) for row in open_rows if row["phase"] != Phase.CLOSED.value]
        # A week of ten thousand cases takes a quarter of a second.
        return await asyncio.to_thread(
            numbers, events, open_cases, since, until, waiting, int(running or 0), unopened
        )

    async def ending_protections(self, until: datetime) -> Sequence[Row]:
        """The running protections that end before `until`, soonest first, with their case."""
        query = (
            sa.select(
                *actions.c["case_id", "action", "until"],
                *cases.c["title", "severity", "card_channel", "card_ts"],
            )
            .join(cases, cases.c.id == actions.c.case_id)
            .where(_RUNNING, actions.c.until < until)
        )
        soonest = query.order_by(actions.c.until, actions.c.case_id)
        return await self._database.rows(soonest.limit(MOST_PROTECTIONS))


async def _counted_events(
    connection: AsyncConnection, since: datetime, until: datetime
) -> list[CountedEvent]:
    """All counted events before `until` of the cases that have one in [since, until)."""
    counted = events.c.kind.in_(sorted(COUNTED))
    concerned = sa.select(events.c.case_id).where(
        events.c.at >= since, events.c.at < until, counted
    )
    query = (
        sa.select(
            *events.c["case_id", "kind", "at"],
            *(column.label(name) for name, column in _FIELDS.items()),
            *cases.c["playbook", "severity"],
        )
        # The events of appeals have no case of that id.
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


async def _without_case(
    connection: AsyncConnection, since: datetime, until: datetime
) -> WithoutCase:
    """The recorded alerts that opened and joined no case; what shadows would do is beside them."""
    within = (alert_records.c.at >= since, alert_records.c.at < until)
    query = sa.select(alert_records.c.kind, sa.func.count()).where(*within)
    rows = await connection.execute(query.group_by(alert_records.c.kind))
    counts = {kind: int(number) for kind, number in rows}
    return WithoutCase(
        logged=counts.get(RecordKind.LOGGED, 0),
        silenced=counts.get(RecordKind.SILENCED, 0),
        snoozed=counts.get(RecordKind.SNOOZED, 0),
    )


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


async def _open_cases(connection: AsyncConnection) -> Sequence[Row]:
    """Open cases, and closed ones whose undo waits for an approval."""
    columns = cases.c["id", "severity", "phase", "owner", "opened_at", "claim_due", "decide_due"]
    query = sa.select(*columns, cases.c.approval_expires_at).where(OPEN_OR_UNDOING)
    rows: Sequence[Row] = (await connection.execute(query)).mappings().all()
    return rows


def _case_status(row: Row) -> CaseStatus:
    due: Any = row["claim_due"] if row["owner"] is None else row["decide_due"]
    return CaseStatus(
        case=row["id"],
        severity=Severity(row["severity"]),
        phase=Phase(row["phase"]),
        opened_at=row["opened_at"],
        due=row["approval_expires_at"] or due,
        claim_due=row["claim_due"] if row["owner"] is None else None,
        decide_due=row["decide_due"],
    )
