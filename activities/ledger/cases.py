"""Ledger of cases: openings, alerts, events and snapshots, each write in one transaction."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from temporalio import activity

from activities.ledger.alert_records import (
    FindShadows,
    insert_records,
    note_snoozes,
    snoozed_in,
)
from activities.ledger.audit_log import lasting
from activities.ledger.brakes import note_outcomes
from activities.ledger.database import Database
from activities.ledger.erasure import cleared
from activities.ledger.event_log import append
from activities.ledger.evidence import note_reveals
from activities.ledger.feedback import queue
from activities.ledger.policies import SNAPSHOT, StoredPolicies, snapshot_text
from activities.ledger.rows import (
    action_values,
    alert_row,
    case_values,
    recorded_of,
    snapshot_values,
    status_values,
    subject_of,
)
from activities.ledger.schema import actions, alerts, cases, events
from activities.ledger.team import pauses_now
from activities.signatures import Signer
from workflows.domain.alerts import Alert, Subject
from workflows.domain.brakes import LastCase, is_silenced
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import IN_FORCE, TOOK_EFFECT
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.model import Phase, Sanction, SubjectHistory
from workflows.domain.case.projection import CaseRow
from workflows.domain.case.snapshot import CaseSnapshot, ReceivedAlert
from workflows.domain.ids import case_id
from workflows.domain.policy.matching import AlertRecord, RecordFacts, RecordKind
from workflows.domain.policy.playbook import PackedPolicy, Severity
from workflows.ports.cases import (
    CasePlace,
    ClaimAlerts,
    ClaimedAlerts,
    LedgerWrite,
    OpenCase,
    OpenedCase,
)

log = structlog.get_logger()

MOST_CASES = 5
"""Open cases that a card has room for."""


def history_of(connection: sa.Connection, subject: Subject, case: str) -> SubjectHistory:
    """Prior sanctions and other cases of `subject`, without those of `case`."""
    values = {"type": subject.type, "id": subject.id, "case": case}
    sanctions = connection.execute(_SANCTIONS, values).mappings()
    return SubjectHistory(
        sanctions=tuple(Sanction.model_validate(dict(row)) for row in sanctions),
        open_cases=tuple(connection.execute(_OPEN_CASES, values).scalars().all()),
        closed_cases=connection.execute(_CLOSED_CASES, values).scalar_one(),
    )


# Every statement is built once: building and looking it up in SQLAlchemy's statement cache takes
# longer than executing it.
_TYPE: sa.BindParameter[str] = sa.bindparam("type")
_ID: sa.BindParameter[str] = sa.bindparam("id")
_CASE: sa.BindParameter[str] = sa.bindparam("case")

_SANCTIONS = (
    sa.select(
        actions.c.action,
        sa.func.count().label("times"),
        sa.func.sum(sa.case((actions.c.status.in_(status_values(IN_FORCE)), 1), else_=0)).label(
            "in_force"
        ),
    )
    .where(
        actions.c.subject_type == _TYPE,
        actions.c.subject_id == _ID,
        actions.c.case_id != _CASE,
        actions.c.status.in_(status_values(TOOK_EFFECT)),
        # Automatic protections are no judgement of the subject.
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

# A merged case ended without a verdict: the other one counts for both.
_CLOSED_CASES = sa.select(sa.func.count()).where(
    *_OTHERS, cases.c.phase == Phase.CLOSED.value, cases.c.verdict.is_not(None)
)

_CLEARED = frozenset({Verdict.NO_VIOLATION.value, Verdict.FALSE_POSITIVE.value})


def last_case(connection: sa.Connection, row: CaseRow, case: str) -> LastCase | None:
    """The last case of a playbook about the subject of `row`, except `case`."""
    columns = cases.c["id", "severity", "closed_at", "verdict"]
    query = sa.select(*columns).where(*_OTHERS, cases.c.playbook == row.playbook)
    values = {"type": row.subject.type, "id": row.subject.id, "case": case}
    newest = query.order_by(cases.c.opened_at.desc(), cases.c.id).limit(1)
    found = connection.execute(newest, values).one_or_none()
    if found is None:
        return None
    cleared = found.verdict in _CLEARED
    return LastCase(
        case=found.id,
        severity=Severity(found.severity).rank,
        closed_at=found.closed_at,
        cleared=cleared,
        content=_content_of(connection, found.id) if cleared else frozenset(),
    )


def _content_of(connection: sa.Connection, case: str) -> frozenset[str]:
    """The digests of what the alerts of a case show."""
    of_case = (alerts.c.case_id == case, alerts.c.content.is_not(None))
    query = sa.select(alerts.c.content).where(*of_case).distinct()
    return frozenset(connection.execute(query).scalars())


_OWNER = sa.select(cases.c.owner_key).where(cases.c.id == _CASE)

_LOCKED = sa.select(cases.c.owner_key, cases.c.version).where(cases.c.id == _CASE).with_for_update()

_FIRST_EVENT = sa.select(events).where(events.c.case_id == _CASE, events.c.seq == 1)

# Only a reopened case has a snapshot. An open one without may be a case whose workflow an operator
# terminated: it would never take its alerts.
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


def _snoozed(alert: Alert, facts: RecordFacts, policy: tuple[str, str], case: str) -> AlertRecord:
    """The record of an alert by a playbook and its version; `case` snoozed its detector."""
    playbook, version = policy
    return AlertRecord(
        kind=RecordKind.SNOOZED,
        alert=alert,
        playbook=playbook,
        policy_version=version,
        case=case,
        **dict(facts),
    )


def _stored(connection: sa.Connection, found: Iterable[Alert]) -> frozenset[str]:
    """The keys of the alerts that a case has."""
    key = sa.tuple_(alerts.c.detector, alerts.c.alert_id)
    query = sa.select(alerts.c.detector, alerts.c.alert_id)
    pairs = [(each.detector, each.id) for each in found]
    rows = connection.execute(query.where(key.in_(pairs)))
    return frozenset(f"{row.detector}/{row.alert_id}" for row in rows)


_MAX_IDS = 100
"""Attempts to find a free id: two in a row collide once in 10¹² cases."""


class _NotOpened(Exception):
    """Rolls the transaction of an opening back."""

    def __init__(self, result: OpenedCase) -> None:
        self.result = result


class Ledger:
    """Activities of cases: short and idempotent. All raise `LedgerUnavailable`."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] | None = None,
        policies: StoredPolicies | None = None,
        shadows: FindShadows = lambda _: (),
        feedback: Callable[[], Collection[str]] = tuple,
        queued: Callable[[frozenset[str]], None] = lambda _detectors: None,
    ) -> None:
        """`database` has to be migrated; pauses of automation end by `now`.

        `shadows` is asked about each alert that a case takes. `feedback` are the detectors that get
        the verdicts about their alerts; `queued` is called with those for which new ones wait.
        """
        self.database = database
        self._policies = policies or StoredPolicies(database, Signer())
        self._signer = self._policies.signer
        self._feedback = feedback
        self._queued = queued
        self._now = now or partial(datetime.now, UTC)
        self._shadows = shadows
        key = (alerts.c.detector, alerts.c.alert_id)
        self._insert_case = database.insert(cases).on_conflict_do_nothing().returning(cases.c.id)
        self._insert_alerts = database.insert(alerts).on_conflict_do_nothing().returning(*key)
        names = [column.name for column in actions.c if column.name not in ("bulk_id", "notice")]
        self._upsert_action = database.upsert(actions, names)

    # -- opening --------------------------------------------------------------------------

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Inserts a case's row, first alert and first event under a new id."""
        policy = self._policies.fresh(wanted.row.playbook, wanted.row.policy_version)
        try:
            opened = await self.database.write(
                lambda connection: self._open(connection, wanted, policy)
            )
        except _NotOpened as stopped:
            await self._record_without_case(wanted, stopped.result)
            return stopped.result
        self._policies.note(policy)
        return opened

    def _open(
        self, connection: sa.Connection, wanted: OpenCase, policy: PackedPolicy | None
    ) -> OpenedCase:
        case, opened = self._own_row(connection, wanted)
        pauses = pauses_now(connection, self._now()) if wanted.automation else ()
        if opened is not None:
            return OpenedCase(event=opened, pauses=pauses)
        history = history_of(connection, wanted.event.subject, case)
        event = wanted.event.model_copy(update={"case": case, "history": history})
        if self._claim(connection, case, (ReceivedAlert(alert=wanted.alert, at=event.at),)):
            raise _NotOpened(OpenedCase())
        self._check_snooze(connection, wanted)
        self._check_reopened(connection, wanted, case)
        self._check_silence(connection, wanted, case)
        audit = self.database.audit
        own = lasting(cases, {**dict(wanted.row), "owner_key": wanted.key})
        beside = audit.entries(cases.name, {case: own})
        append(connection, case, [Recorded(seq=1, event=event)], audit, beside)
        if policy is not None:
            self._policies.keep(connection, policy)
        return OpenedCase(event=event, pauses=pauses)

    async def restore_opening(
        self, wanted: OpenCase, event: CaseOpened, policy: PackedPolicy | None
    ) -> None:
        """Writes an opening as Temporal's history has it; the rows that exist are left as is."""
        await self.database.write(
            lambda connection: self._reopen(connection, wanted, event, policy)
        )

    def _reopen(
        self,
        connection: sa.Connection,
        wanted: OpenCase,
        event: CaseOpened,
        policy: PackedPolicy | None,
    ) -> None:
        row = case_values(wanted.row.model_copy(update={"id": event.case}))
        values = {**row, "owner_key": wanted.key}
        made = connection.execute(self._insert_case, values).scalar_one_or_none()
        self._claim(connection, event.case, (ReceivedAlert(alert=wanted.alert, at=event.at),))
        audit = self.database.audit
        own = lasting(cases, {**dict(wanted.row), "owner_key": wanted.key})
        beside = audit.entries(cases.name, {event.case: own}) if made is not None else ()
        append(connection, event.case, [Recorded(seq=1, event=event)], audit, beside)
        if policy is not None:
            self._policies.keep(connection, policy)

    def _own_row(
        self, connection: sa.Connection, wanted: OpenCase
    ) -> tuple[str, CaseOpened | None]:
        """Inserts the row under the first free id; with the event of an earlier attempt.

        A concurrent attempt waits for the row's transaction, and then sees the row.
        """
        for attempt in range(_MAX_IDS):
            case = case_id(wanted.key, attempt)
            row = case_values(wanted.row.model_copy(update={"id": case}))
            row["owner_key"] = wanted.key
            if connection.execute(self._insert_case, row).scalar_one_or_none() is not None:
                return case, None
            if connection.execute(_OWNER, {"case": case}).scalar_one() == wanted.key:
                first = connection.execute(_FIRST_EVENT, {"case": case}).one()
                event = recorded_of(first, Recorded).event
                assert isinstance(event, CaseOpened)
                return case, event
        raise RuntimeError("no free id for a new case")

    def _check_reopened(self, connection: sa.Connection, wanted: OpenCase, case: str) -> None:
        """Stops where a reopened case of the same group takes the alert."""
        values = {"workflow_id": wanted.row.workflow_id, "case": case, "after": wanted.after}
        found = connection.execute(_REOPENED, values).scalar_one_or_none()
        if found is not None:
            raise _NotOpened(OpenedCase(joins=found))

    def _check_snooze(self, connection: sa.Connection, wanted: OpenCase) -> None:
        """Stops where people snoozed the alert's detector for its subject."""
        if wanted.facts is None:
            return
        found = snoozed_in(connection, [(wanted.alert, wanted.facts)], wanted.event.at)
        if found:
            raise _NotOpened(OpenedCase(snoozed=found[wanted.alert.key]))

    def _check_silence(self, connection: sa.Connection, wanted: OpenCase, case: str) -> None:
        """Stops where people have cleared what the alert shows."""
        ask = wanted.silence
        last = None if ask is None else last_case(connection, wanted.row, case)
        if ask is None or last is None:
            return
        rank = ask.record.severity.rank
        if is_silenced(ask.rule, last, ask.content, rank, wanted.event.at):
            raise _NotOpened(OpenedCase(silenced=last.case))

    async def _record_without_case(self, wanted: OpenCase, result: OpenedCase) -> None:
        """Records a silenced or snoozed alert once; its opening was rolled back."""
        record: AlertRecord | None = None
        if wanted.silence is not None and result.silenced:
            record = wanted.silence.record.model_copy(update={"case": result.silenced})
        elif wanted.facts is not None and result.snoozed:
            policy = (wanted.row.playbook, wanted.row.policy_version)
            record = _snoozed(wanted.alert, wanted.facts, policy, result.snoozed)
        if record is not None:
            records, at = [record, *self._shadows(wanted.alert)], wanted.event.at
            await self.database.write(
                lambda connection: insert_records(self.database, connection, records, at)
            )

    # -- alerts ---------------------------------------------------------------------------

    @activity.defn(name="claim_alerts")
    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Stores alerts with their case; the result lists those that another claim stored.

        Alerts of snoozed detectors are recorded instead.
        """
        return await self.database.write(lambda connection: self._claim_all(connection, claim))

    def _claim_all(self, connection: sa.Connection, claim: ClaimAlerts) -> ClaimedAlerts:
        snoozed = self._record_snoozed(connection, claim)
        received = tuple(
            ReceivedAlert(alert=each, at=claim.at)
            for each in claim.alerts
            if each.key not in snoozed
        )
        known = self._claim(connection, claim.case, received)
        # An earlier attempt of this claim may have stored some.
        own = self._claimed_at(connection, claim) if known else frozenset()
        pauses = pauses_now(connection, self._now()) if claim.automation else ()
        known = tuple(key for key in known if key not in own)
        return ClaimedAlerts(known=known, snoozed=tuple(sorted(snoozed)), pauses=pauses)

    def _record_snoozed(self, connection: sa.Connection, claim: ClaimAlerts) -> frozenset[str]:
        """Records the new alerts of snoozed detectors; returns their keys."""
        pairs = list(zip(claim.alerts, claim.facts, strict=False))
        found = snoozed_in(connection, pairs, claim.at)
        if not found:
            return frozenset()
        stored = _stored(connection, (each for each, _ in pairs if each.key in found))
        policy = (claim.playbook, claim.policy_version)
        records = [
            _snoozed(alert, facts, policy, found[alert.key])
            for alert, facts in pairs
            if alert.key in found.keys() - stored
        ]
        insert_records(self.database, connection, records, claim.at)
        return frozenset(each.alert.key for each in records)

    def _claim(
        self, connection: sa.Connection, case: str, received: tuple[ReceivedAlert, ...]
    ) -> tuple[str, ...]:
        """Inserts the alerts; the keys of those that existed."""
        if not received:
            return ()
        # Sorted against deadlocks between two claims of the same alerts.
        received = tuple(sorted(received, key=lambda each: (each.alert.detector, each.alert.id)))
        rows = [alert_row(each.alert, case, each.at) for each in received]
        added = {tuple(row) for row in connection.execute(self._insert_alerts, rows)}
        self._record_shadows(connection, received, added)
        return tuple(
            each.alert.key for each in received if (each.alert.detector, each.alert.id) not in added
        )

    def _record_shadows(
        self,
        connection: sa.Connection,
        received: tuple[ReceivedAlert, ...],
        added: set[tuple[Any, ...]],
    ) -> None:
        """Records what playbooks in shadow mode would do with the new alerts."""
        for each in received:
            if (each.alert.detector, each.alert.id) in added:
                records = self._shadows(each.alert)
                if records:
                    insert_records(self.database, connection, records, each.at)

    def _claimed_at(self, connection: sa.Connection, claim: ClaimAlerts) -> frozenset[str]:
        query = sa.select(alerts.c.detector, alerts.c.alert_id).where(
            alerts.c.case_id == claim.case, alerts.c.received_at == claim.at
        )
        return frozenset(f"{row.detector}/{row.alert_id}" for row in connection.execute(query))

    # -- events ---------------------------------------------------------------------------

    @activity.defn(name="record")
    async def record(self, write: LedgerWrite) -> None:
        """Appends events and updates rows, but no newer ones. Raises `ChainBroken`."""
        waiting = await self.database.write(lambda connection: self._write(connection, write))
        if waiting:
            self._queued(waiting)

    def _write(self, connection: sa.Connection, write: LedgerWrite) -> frozenset[str]:
        """Writes everything; the detectors for which it queued feedback."""
        version = self._locked_version(connection, write)
        new = append(connection, write.case, write.events, self.database.audit)
        self._claim(connection, write.case, write.alerts)
        if write.row is not None and version <= write.row.version:
            self._update(connection, write)
        note_reveals(connection, write.case, new, self.database.audit)
        note_outcomes(connection, write.case, new)
        note_snoozes(connection, self.database, write.case, new)
        return queue(connection, self.database, write, self._feedback(), self._now())

    def _locked_version(self, connection: sa.Connection, write: LedgerWrite) -> int:
        """The version of the case's row, locked against other workers."""
        found = connection.execute(_LOCKED, {"case": write.case}).one_or_none()
        if found is None:
            if write.row is not None:  # the row is lost
                row = {**case_values(write.row), "owner_key": write.owner_key}
                connection.execute(sa.insert(cases).values(row))
                self.database.audit.enter(connection, cases.name, {write.case: lasting(cases, row)})
            return 0
        if found.owner_key != write.owner_key:
            raise RuntimeError(f"{write.case} is the id of another case")
        return int(found.version)

    def _update(self, connection: sa.Connection, write: LedgerWrite) -> None:
        assert write.row is not None
        row = case_values(write.row)
        if write.card is not None:
            row |= {"card_channel": write.card.channel, "card_ts": write.card.ts}
        if write.snapshot is not None:
            if write.snapshot.policy is not None:
                self._policies.keep(connection, write.snapshot.policy)
            values = snapshot_values(write.snapshot)
            values = cleared(connection, write.case, write.row.subject, values)
            row["snapshot"] = values
            text = snapshot_text(write.case, write.row.playbook, write.row.policy_version, values)
            row["snapshot_signature"] = self._signer.sign(SNAPSHOT, text)
        connection.execute(_ROW_OF_CASE, {**row, "case": write.case})
        for action in write.actions:
            connection.execute(self._upsert_action, action_values(write.case, action))

    # -- closed cases ---------------------------------------------------------------------

    @activity.defn(name="load_case")
    async def load_case(self, case: str) -> CaseSnapshot | None:
        """The snapshot of a closed case with its policy; None without one, or if it was changed."""
        columns = cases.c["snapshot", "snapshot_signature", "playbook", "policy_version"]
        async with self.database.reading() as connection:
            query = sa.select(*columns).where(cases.c.id == case)
            row = (await connection.execute(query)).one_or_none()
        if row is None or row.snapshot is None:
            return None
        text = snapshot_text(case, row.playbook, row.policy_version, row.snapshot)
        if not self._signer.verifies(SNAPSHOT, text, row.snapshot_signature or ""):
            log.error("snapshot_refused", case=case)
            return None
        snapshot = CaseSnapshot.model_validate(row.snapshot)
        packed = await self._policies.find(row.playbook, row.policy_version)
        return snapshot if packed is None else snapshot.model_copy(update={"policy": packed})

    @activity.defn(name="place_of")
    async def place_of(self, case: str) -> CasePlace | None:
        """Subject, workflow and phase of a case; None for an unknown one."""
        columns = cases.c["subject_type", "subject_id", "workflow_id", "playbook", "phase"]
        query = sa.select(*columns).where(cases.c.id == case)
        for row in await self.database.rows(query):
            return CasePlace(
                subject=subject_of(row),
                workflow_id=row["workflow_id"],
                playbook=row["playbook"],
                open=row["phase"] != Phase.CLOSED.value,
            )
        return None
