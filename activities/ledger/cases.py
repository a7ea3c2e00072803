"""Ledger writer: every step of a case in one transaction, and what it needs to know of before."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.event_log import append
from activities.ledger.evidence import note_reveals
from activities.ledger.rows import (
    action_values,
    alert_row,
    case_values,
    recorded_of,
    snapshot_of,
)
from activities.ledger.schema import actions, alerts, cases, events, policies
from activities.ledger.team import halt_now
from workflows.domain.alerts import Subject
from workflows.domain.case.enforcement import STANDING, ActionStatus
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.model import Known, Phase, Sanction
from workflows.domain.case.snapshot import Memory, ReceivedAlert
from workflows.domain.ids import case_id
from workflows.domain.policy.packed import PackedPolicy
from workflows.ports.cases import (
    CasePlace,
    ClaimAlerts,
    ClaimedAlerts,
    LedgerWrite,
    OpenCase,
    OpenedCase,
)

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


_CANDIDATES = 100
"""Ids of a new case that are tried: two in a row collide once in a million millions of cases."""


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class _NotOpened(Exception):
    """The reason why no case is opened; the transaction is rolled back."""

    def __init__(self, found: OpenedCase) -> None:
        self.found = found


class Ledger:
    """The record of all cases. Every call raises `LedgerUnavailable` while the database is away."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        """`database` has to be migrated; `now` tells which pauses of automation are over."""
        self.database = database
        self._now = now

    # -- opening --------------------------------------------------------------------------

    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Writes a case's row, first alert and first event under an id of its own."""
        try:
            return await self.database.write(lambda connection: self._open(connection, wanted))
        except _NotOpened as stopped:
            return stopped.found

    def _open(self, connection: sa.Connection, wanted: OpenCase) -> OpenedCase:
        case, opened = self._own_row(connection, wanted)
        halt = None
        if wanted.automation:
            halt = halt_now(connection, wanted.row.playbook, self._now())
        if opened is not None:
            return OpenedCase(event=opened, halt=halt)
        known = known_of(connection, wanted.event.subject, case)
        event = wanted.event.model_copy(update={"case": case, "known": known})
        if self._claim(connection, case, (ReceivedAlert(alert=wanted.alert, at=event.at),)):
            raise _NotOpened(OpenedCase())
        self._stop_where_joined(connection, wanted, case)
        append(connection, case, [Recorded(seq=1, event=event)])
        return OpenedCase(event=event, halt=halt)

    def _own_row(
        self, connection: sa.Connection, wanted: OpenCase
    ) -> tuple[str, CaseOpened | None]:
        """Adds the row of a case under its first free id; what an earlier attempt opened there.

        An attempt that races for the id waits for the other one to end, and then sees its row.
        """
        for attempt in range(_CANDIDATES):
            case = case_id(wanted.key, attempt)
            row = case_values(wanted.row.model_copy(update={"id": case}))
            adding = self.database.insert(cases).values(owner_key=wanted.key, **row)
            added = adding.on_conflict_do_nothing().returning(cases.c.id)
            if connection.execute(added).scalar_one_or_none() is not None:
                return case, None
            query = sa.select(cases.c.owner_key).where(cases.c.id == case)
            if connection.execute(query).scalar_one() == wanted.key:
                return case, self._opening_of(connection, case)
        raise RuntimeError("no id could be found for a new case")

    def _opening_of(self, connection: sa.Connection, case: str) -> CaseOpened:
        query = sa.select(events).where(events.c.case_id == case, events.c.seq == 1)
        event = recorded_of(connection.execute(query).one(), Recorded).event
        assert isinstance(event, CaseOpened)
        return event

    def _stop_where_joined(self, connection: sa.Connection, wanted: OpenCase, case: str) -> None:
        """Opens no second case where one of the same group is open that was closed before.

        Only such a one runs under its own id, and only it has a snapshot. One without may be a case
        whose workflow an operator ended: it would never take its alerts.
        """
        query = (
            sa.select(cases.c.id)
            .where(
                cases.c.route == wanted.row.route,
                cases.c.phase != Phase.CLOSED.value,
                cases.c.snapshot.is_not(None),
                cases.c.id.not_in([case, wanted.after]),
            )
            .order_by(cases.c.opened_at.desc(), cases.c.id)
            .limit(1)
        )
        found = connection.execute(query).scalar_one_or_none()
        if found is not None:
            raise _NotOpened(OpenedCase(joins=found))

    # -- alerts ---------------------------------------------------------------------------

    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Stores alerts with their case; those of other claims are known."""
        return await self.database.write(lambda connection: self._claim_all(connection, claim))

    def _claim_all(self, connection: sa.Connection, claim: ClaimAlerts) -> ClaimedAlerts:
        received = tuple(ReceivedAlert(alert=each, at=claim.at) for each in claim.alerts)
        known = self._claim(connection, claim.case, received)
        # An earlier attempt of the same claim is no other claim.
        mine = self._claimed_at(connection, claim) if known else frozenset()
        halt = halt_now(connection, claim.playbook, self._now()) if claim.playbook else None
        return ClaimedAlerts(known=tuple(key for key in known if key not in mine), halt=halt)

    def _claim(
        self, connection: sa.Connection, case: str, received: tuple[ReceivedAlert, ...]
    ) -> tuple[str, ...]:
        """Adds the alerts; the keys of those that were there."""
        if not received:
            return ()
        # In one order: two claims of the same alerts would wait for each other's rows.
        received = tuple(sorted(received, key=lambda each: (each.alert.detector, each.alert.id)))
        rows = [alert_row(each.alert, case, each.at) for each in received]
        named = (alerts.c.detector, alerts.c.alert_id)
        adding = self.database.insert(alerts).on_conflict_do_nothing().returning(*named)
        added = {tuple(row) for row in connection.execute(adding, rows)}
        names = ((row["detector"], row["alert_id"]) for row in rows)
        pairs = zip(received, names, strict=True)
        return tuple(each.alert.key for each, name in pairs if name not in added)

    def _claimed_at(self, connection: sa.Connection, claim: ClaimAlerts) -> frozenset[str]:
        query = sa.select(alerts.c.detector, alerts.c.alert_id).where(
            alerts.c.case_id == claim.case, alerts.c.received_at == claim.at
        )
        return frozenset(f"{row.detector}/{row.alert_id}" for row in connection.execute(query))

    # -- events ---------------------------------------------------------------------------

    async def record(self, write: LedgerWrite) -> None:
        """Appends events in their order and updates the rows; an older write changes no row.

        Raises:
            StoryBroken: an event is missing, or another one is in its place.
        """
        await self.database.write(lambda connection: self._write(connection, write))

    def _write(self, connection: sa.Connection, write: LedgerWrite) -> None:
        version = self._locked_version(connection, write)
        new = append(connection, write.case, write.events)
        self._claim(connection, write.case, write.alerts)
        if write.row is not None and version <= write.row.version:
            self._update(connection, write)
        note_reveals(connection, write.case, new)

    def _locked_version(self, connection: sa.Connection, write: LedgerWrite) -> int:
        """The version of the case's row, which serialises two workers that write for one case."""
        query = sa.select(cases.c.owner_key, cases.c.version).where(cases.c.id == write.case)
        found = connection.execute(query.with_for_update()).one_or_none()
        if found is None:
            return self._restored(connection, write)
        if found.owner_key != write.owner_key:
            raise RuntimeError(f"{write.case} is the id of another case")
        return int(found.version)

    def _restored(self, connection: sa.Connection, write: LedgerWrite) -> int:
        """Makes the row of a case whose row got lost."""
        if write.row is not None:
            row = {**case_values(write.row), "owner_key": write.owner_key}
            connection.execute(sa.insert(cases).values(row))
        return 0

    def _update(self, connection: sa.Connection, write: LedgerWrite) -> None:
        assert write.row is not None
        row = case_values(write.row)
        if write.card is not None:
            row |= {"card_channel": write.card.channel, "card_ts": write.card.ts}
        if write.snapshot is not None:
            self._keep_policy(connection, write.snapshot)
            row["snapshot"] = snapshot_of(write.snapshot)
        connection.execute(sa.update(cases).where(cases.c.id == write.case).values(row))
        for action in write.actions:
            values = action_values(write.case, action)
            keys = [column.name for column in actions.primary_key]
            changed = {name: value for name, value in values.items() if name not in keys}
            made = self.database.insert(actions).values(values)
            connection.execute(made.on_conflict_do_update(index_elements=keys, set_=changed))

    # -- closed cases ---------------------------------------------------------------------

    def _keep_policy(self, connection: sa.Connection, snapshot: Memory) -> None:
        packed = snapshot.policy
        if packed is not None:
            made = self.database.insert(policies).values(packed.model_dump())
            connection.execute(made.on_conflict_do_nothing())

    async def load_case(self, case: str) -> Memory | None:
        """The snapshot of a closed case with its policy, or None where there is none."""
        query = (
            sa.select(cases.c.snapshot, policies.c.data, policies.c.version, policies.c.playbook)
            .outerjoin(
                policies,
                (policies.c.version == cases.c.policy_version)
                & (policies.c.playbook == cases.c.playbook),
            )
            .where(cases.c.id == case)
        )
        async with self.database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or row.snapshot is None:
            return None
        memory = Memory.model_validate(row.snapshot)
        if row.data is None:
            return memory
        packed = PackedPolicy(version=row.version, playbook=row.playbook, data=row.data)
        return memory.model_copy(update={"policy": packed})
