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
from workflows.domain.case.decision import Verdict
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
from workflows.domain.policy.bands import TRIAL_TIME, Trial
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
            trials = await connection.run_sync(trials_now, until)
        waiting = sum(row["approval_expires_at"] is not None for row in open_rows)
        open_cases = [_case_status(row) for row in open_rows if row["phase"] != Phase.CLOSED.value]
        # A week of ten thousand cases takes a quarter of a second.
        counted = await asyncio.to_thread(
            numbers, events, open_cases, since, until, waiting, int(running or 0), unopened
        )
        return counted.model_copy(update={"trials": trials})

    async def trial(self, playbook: str, until: datetime) -> Trial:
        """The comparison of one playbook on trial; without alerts all counts are 0."""
        async with self._database.reading() as connection:
            found = await connection.run_sync(trials_now, until, playbook)
        return found[0] if found else Trial(playbook=playbook)

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


def trials_now(
    connection: sa.Connection, until: datetime, playbook: str | None = None
) -> tuple[Trial, ...]:
    """The playbooks on trial with alerts in `TRIAL_TIME` before `until`, by name."""
    since = until - TRIAL_TIME
    rows = connection.execute(_trial_query(since, until, playbook)).mappings()
    return tuple(Trial(**{name: each or 0 for name, each in row.items()}) for row in rows)


def _trial_query(
    since: datetime, until: datetime, playbook: str | None
) -> sa.Select[tuple[Any, ...]]:
    subjects = _trial_subjects(since, until, playbook)
    acts = subjects.c.acting > 0

    def judged(*verdicts: Verdict | None) -> sa.ColumnElement[bool]:
        """Whether people judged the subject so in a case of this time; None: not yet."""
        named = cases.c.verdict.in_([each.value for each in verdicts if each is not None])
        own = sa.and_(
            cases.c.subject_type == subjects.c.subject_type,
            cases.c.subject_id == subjects.c.subject_id,
            cases.c.opened_at >= since,
            named if None not in verdicts else cases.c.phase != Phase.CLOSED.value,
        )
        return sa.exists().where(own)

    violated, cleared = judged(Verdict.VIOLATION), judged(*_CLEARED)
    counts = {
        "acts": acts,
        "violations": sa.and_(acts, violated),
        "cleared": sa.and_(acts, cleared, sa.not_(violated)),
        "open": sa.and_(acts, judged(None), sa.not_(violated), sa.not_(cleared)),
    }
    return (
        sa.select(
            subjects.c.playbook,
            sa.func.sum(subjects.c.alerts).label("alerts"),
            sa.func.count().label("subjects"),
            *(sa.func.sum(sa.case((of, 1), else_=0)).label(name) for name, of in counts.items()),
        )
        .group_by(subjects.c.playbook)
        .order_by(subjects.c.playbook)
    )


_CLEARED = (Verdict.NO_VIOLATION, Verdict.FALSE_POSITIVE)


def _trial_subjects(since: datetime, until: datetime, playbook: str | None) -> sa.Subquery:
    """Each playbook and subject with its alerts, and how many would start something."""
    table = alert_records
    acting = sa.or_(table.c.preset.is_not(None), sa.cast(table.c.actions, sa.Text) != "[]")
    key = table.c["playbook", "subject_type", "subject_id"]
    found = (
        sa.select(
            *key,
            sa.func.count().label("alerts"),
            sa.func.sum(sa.case((acting, 1), else_=0)).label("acting"),
        )
        .where(table.c.kind == RecordKind.SHADOW.value, table.c.at >= since, table.c.at < until)
        .group_by(*key)
    )
    return (found if playbook is None else found.where(table.c.playbook == playbook)).subquery()


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
