"""Subject history: prior sanctions and other cases of a subject."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.tables import actions, cases
from workflows.domain.alert import Subject
from workflows.domain.case_state import Phase
from workflows.domain.enforcement import STANDING, ActionStatus
from workflows.domain.known import Known, Sanction
from workflows.ports import CasePlace

MOST_CASES = 5
"""Open cases that are named; a card has no room for more."""

TOOK_EFFECT = STANDING | {ActionStatus.LIFTED}
"""A sanction that stands, or stood for its whole time. One that was taken back is none."""


class Subjects:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def known(self, subject: Subject, case: str) -> Known:
        """Prior sanctions and other cases of `subject`, without those of `case`."""
        async with self._database.reading() as connection:
            return await connection.run_sync(known_of, subject, case)

    async def of_case(self, case: str) -> CasePlace | None:
        """Whom a case is about, where it runs, and whether it is open; None for an unknown one."""
        wanted = ("subject_type", "subject_id", "route", "playbook", "phase")
        query = sa.select(*(cases.c[name] for name in wanted)).where(cases.c.id == case)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        subject = Subject(type=row.subject_type, id=row.subject_id)
        is_open = row.phase != Phase.CLOSED.value
        return CasePlace(subject=subject, route=row.route, playbook=row.playbook, open=is_open)


def known_of(connection: sa.Connection, subject: Subject, case: str) -> Known:
    """Prior sanctions and other cases of `subject`, without those of `case`."""
    sanctions = connection.execute(_sanctions(subject, case)).all()
    return Known(
        sanctions=tuple(_sanction(row) for row in sanctions),
        open_cases=tuple(connection.execute(_open_cases(subject, case)).scalars().all()),
        closed_cases=connection.execute(_closed_cases(subject, case)).scalar_one(),
    )


def _sanction(row: sa.Row[Any]) -> Sanction:
    return Sanction(action=row.action, times=row.times, standing=row.standing)


def _sanctions(subject: Subject, case: str) -> sa.Select[Any]:
    standing = sa.case((actions.c.status.in_(_values(STANDING)), 1), else_=0)
    return (
        sa.select(
            actions.c.action,
            sa.func.count().label("times"),
            sa.func.sum(standing).label("standing"),
        )
        .where(
            actions.c.subject_type == subject.type,
            actions.c.subject_id == subject.id,
            actions.c.case_id != case,
            actions.c.status.in_(_values(TOOK_EFFECT)),
            # What Koban does by itself protects; it is nobody's judgement of the subject.
            actions.c.decided_by.is_not(None),
        )
        .group_by(actions.c.action)
        .order_by(actions.c.action)
    )


def _open_cases(subject: Subject, case: str) -> sa.Select[Any]:
    query = sa.select(cases.c.id).where(
        *_others(subject, case), cases.c.phase != Phase.CLOSED.value
    )
    return query.order_by(cases.c.opened_at.desc(), cases.c.id).limit(MOST_CASES)


def _closed_cases(subject: Subject, case: str) -> sa.Select[Any]:
    # A case that was merged ended without a verdict: the other one counts for both.
    return sa.select(sa.func.count()).where(
        *_others(subject, case),
        cases.c.phase == Phase.CLOSED.value,
        cases.c.verdict.is_not(None),
    )


def _others(subject: Subject, case: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        cases.c.subject_type == subject.type,
        cases.c.subject_id == subject.id,
        cases.c.id != case,
    )


def _values(statuses: frozenset[ActionStatus]) -> Sequence[str]:
    return sorted(status.value for status in statuses)
