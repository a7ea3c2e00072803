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
from activities.ledger.team import pause_now
from workflows.domain.alerts import Subject
from workflows.domain.case.enforcement import STANDING, ActionStatus
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.model import Phase, Sanction, SubjectHistory
from workflows.domain.case.snapshot import CaseSnapshot, ReceivedAlert
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

    async def known(self, subject: Subject, case: str) -> SubjectHistory:
        """Prior sanctions and other cases of `subject`, without those of `case`."""
        async with self._database.reading() as connection:
            return await connection.run_sync(known_of, subject, case)

    async def of_case(self, case: str) -> CasePlace | None:
        """Whom a case is about, where it runs, and whether it is open; None for an unknown one."""
        wanted = ("subject_type", "subject_id", "workflow_id", "playbook", "phase")
        query = sa.select(*(cases.c[name] for name in wanted)).where(cases.c.id == case)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        subject = Subject(type=row.subject_type, id=row.subject_id)
        is_open = row.phase != Phase.CLOSED.value
        return CasePlace(
            subject=subject, workflow_id=row.workflow_id, playbook=row.playbook, open=is_open
        )


def known_of(connection: sa.Connection, subject: Subject, case: str) -> SubjectHistory:
    """Prior sanctions and other cases of `subject`, without those of `case`."""
    whose = {"type": subject.type, "id": subject.id, "case": case}
    sanctions = connection.execute(_SANCTIONS, whose).all()
    return SubjectHistory(
        sanctions=tuple(_sanction(row) for row in sanctions),
        open_cases=tuple(connection.execute(_OPEN_CASES, whose).scalars().all()),
        closed_cases=connection.execute(_CLOSED_CASES, whose).scalar_one(),
    )


def _sanction(row: sa.Row[Any]) -> Sanction:
    return Sanction(action=row.action, times=row.times, standing=row.standing)


def _values(statuses: frozenset[ActionStatus]) -> Sequence[str]:
    return sorted(status.value for status in statuses)


# Every statement is made once: making one, and finding it among those that were made into SQL
# before, takes SQLAlchemy longer than carrying it out.
_TYPE: sa.BindParameter[str] = sa.bindparam("type")
_ID: sa.BindParameter[str] = sa.bindparam("id")
_CASE: sa.BindParameter[str] = sa.bindparam("case")

_SANCTIONS = (
    sa.select(
        actions.c.action,
        sa.func.count().label("times"),
        sa.func.sum(sa.case((actions.c.status.in_(_values(STANDING)), 1), else_=0)).label(
            "standing"
        ),
    )
    .where(
        actions.c.subject_type == _TYPE,
        actions.c.subject_id == _ID,
        actions.c.case_id != _CASE,
        actions.c.status.in_(_values(TOOK_EFFECT)),
        # What Koban does by itself protects; it is nobody's judgement of the subject.
        actions.c.decided_by.is_not(None),
    )
    .group_by(actions.c.action)
    .order_by(actions.c.action)
)

_OTHERS = (cases.c.subject_type == _TYPE, cases.c.subject_id == _ID, cases.c.id != _CASE)

_OPEN_CASES = (
    sa.select(cases.c.id)
    .where(*_OTHERS, cases.c.phase != Phase.CLOSED.value)
    .order_by(cases.c.opened_at.desc(), cases.c.id)
    .limit(MOST_CASES)
)

# A case that was merged ended without a verdict: the other one counts for both.
_CLOSED_CASES = sa.select(sa.func.count()).where(
    *_OTHERS, cases.c.phase == Phase.CLOSED.value, cases.c.verdict.is_not(None)
)

_OWNER = sa.select(cases.c.owner_key).where(cases.c.id == _CASE)

_LOCKED = sa.select(cases.c.owner_key, cases.c.version).where(cases.c.id == _CASE).with_for_update()

_FIRST_EVENT = sa.select(events).where(events.c.case_id == _CASE, events.c.seq == 1)

# Only such a one runs under its own id, and only it has a snapshot. One without may be a case
# whose workflow an operator ended: it would never take its alerts.
_REOPENED = (
    sa.select(cases.c.id)
    .where(
        cases.c.workflow_id == sa.bindparam("workflow_id"),
        cases.c.phase != Phase.CLOSED.value,
        cases.c.snapshot.is_not(None),
        cases.c.id.not_in([_CASE, sa.bindparam("after")]),
    )
    .order_by(cases.c.opened_at.desc(), cases.c.id)
    .limit(1)
)

_ROW_OF_CASE = sa.update(cases).where(cases.c.id == sa.bindparam("case"))


class _Inserts:
    """What adds rows, in the database's own dialect."""

    def __init__(self, database: Database) -> None:
        named = (alerts.c.detector, alerts.c.alert_id)
        self.case = database.insert(cases).on_conflict_do_nothing().returning(cases.c.id)
        self.alerts = database.insert(alerts).on_conflict_do_nothing().returning(*named)
        self.policy = database.insert(policies).on_conflict_do_nothing()
        action = database.insert(actions)
        keys = [column.name for column in actions.primary_key]
        changed = {name: action.excluded[name] for name in _ACTION_ROW if name not in keys}
        self.action = action.on_conflict_do_update(index_elements=keys, set_=changed)


_ACTION_ROW = [column.name for column in actions.c if column.name != "bulk_id"]
"""What a case knows of an action."""

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
        self._inserts = _Inserts(database)

    # -- opening --------------------------------------------------------------------------

    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Writes a case's row, first alert and first event under an id of its own."""
        try:
            return await self.database.write(lambda connection: self._open(connection, wanted))
        except _NotOpened as stopped:
            return stopped.found

    def _open(self, connection: sa.Connection, wanted: OpenCase) -> OpenedCase:
        case, opened = self._own_row(connection, wanted)
        pause = None
        if wanted.automation:
            pause = pause_now(connection, wanted.row.playbook, self._now())
        if opened is not None:
            return OpenedCase(event=opened, pause=pause)
        known = known_of(connection, wanted.event.subject, case)
        event = wanted.event.model_copy(update={"case": case, "known": known})
        if self._claim(connection, case, (ReceivedAlert(alert=wanted.alert, at=event.at),)):
            raise _NotOpened(OpenedCase())
        self._stop_where_joined(connection, wanted, case)
        append(connection, case, [Recorded(seq=1, event=event)])
        return OpenedCase(event=event, pause=pause)

    def _own_row(
        self, connection: sa.Connection, wanted: OpenCase
    ) -> tuple[str, CaseOpened | None]:
        """Adds the row of a case under its first free id; what an earlier attempt opened there.

        An attempt that races for the id waits for the other one to end, and then sees its row.
        """
        for attempt in range(_CANDIDATES):
            case = case_id(wanted.key, attempt)
            row = case_values(wanted.row.model_copy(update={"id": case}))
            row["owner_key"] = wanted.key
            if connection.execute(self._inserts.case, row).scalar_one_or_none() is not None:
                return case, None
            if connection.execute(_OWNER, {"case": case}).scalar_one() == wanted.key:
                return case, self._opening_of(connection, case)
        raise RuntimeError("no id could be found for a new case")

    def _opening_of(self, connection: sa.Connection, case: str) -> CaseOpened:
        event = recorded_of(connection.execute(_FIRST_EVENT, {"case": case}).one(), Recorded).event
        assert isinstance(event, CaseOpened)
        return event

    def _stop_where_joined(self, connection: sa.Connection, wanted: OpenCase, case: str) -> None:
        """Opens no second case where one of the same group is open that was closed before."""
        given = {"workflow_id": wanted.row.workflow_id, "case": case, "after": wanted.after}
        found = connection.execute(_REOPENED, given).scalar_one_or_none()
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
        pause = pause_now(connection, claim.playbook, self._now()) if claim.playbook else None
        return ClaimedAlerts(known=tuple(key for key in known if key not in mine), pause=pause)

    def _claim(
        self, connection: sa.Connection, case: str, received: tuple[ReceivedAlert, ...]
    ) -> tuple[str, ...]:
        """Adds the alerts; the keys of those that were there."""
        if not received:
            return ()
        # In one order: two claims of the same alerts would wait for each other's rows.
        received = tuple(sorted(received, key=lambda each: (each.alert.detector, each.alert.id)))
        rows = [alert_row(each.alert, case, each.at) for each in received]
        added = {tuple(row) for row in connection.execute(self._inserts.alerts, rows)}
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
        found = connection.execute(_LOCKED, {"case": write.case}).one_or_none()
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
        connection.execute(_ROW_OF_CASE, {**row, "case": write.case})
        for action in write.actions:
            connection.execute(self._inserts.action, action_values(write.case, action))

    # -- closed cases ---------------------------------------------------------------------

    def _keep_policy(self, connection: sa.Connection, snapshot: CaseSnapshot) -> None:
        packed = snapshot.policy
        if packed is not None:
            connection.execute(self._inserts.policy, packed.model_dump())

    async def load_case(self, case: str) -> CaseSnapshot | None:
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
        memory = CaseSnapshot.model_validate(row.snapshot)
        if row.data is None:
            return memory
        packed = PackedPolicy(version=row.version, playbook=row.playbook, data=row.data)
        return memory.model_copy(update={"policy": packed})
