"""Ledger activities: cases, limits, quotas, covers, pauses of automation, and retention."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from temporalio import activity

from activities.ledger.alert_records import delete_records
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import (
    CLOSED,
    CaseEraser,
    appeal_pending,
    count_in_run,
    enter_erasure,
    write_look,
)
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.limits import LimitLedger, overrun_key
from activities.ledger.rows import status_values
from activities.ledger.schema import (
    actions,
    alert_records,
    appeals,
    automatic_actions,
    cases,
    clearings,
    erasures,
    events,
    exposures,
    lookups,
    overruns,
    uses,
)
from activities.ledger.team import Covers, pauses_now
from activities.signatures import Signer
from workflows.domain.automation import AutomationPause
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.case.enforcement import ACTING, IN_FORCE
from workflows.domain.case.erasure import OfKinds
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import CaseMerged
from workflows.domain.people import Cover
from workflows.domain.policy.limits import Exposed
from workflows.domain.policy.reports import Kept, Retention
from workflows.ports.cases import RevealRequest
from workflows.ports.reports import ErasedBatch, RetentionRun, RetentionStep

log = structlog.get_logger()


class LedgerActivities(Ledger):
    """Activities of the ledger: short and idempotent."""

    @activity.defn(name="book")
    async def book(self, booking: Booking) -> Booked:
        """Books uses of powers, or returns the limit that prevents one of them."""
        return await LimitLedger(self.database).book(booking)

    @activity.defn(name="expose")
    async def expose(self, exposing: RevealRequest) -> Exposed:
        """Counts a piece of evidence on a person's quota."""
        return await EvidenceRecord(self.database).expose(exposing)

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        """The roles that a person covers now."""
        return await Covers(self.database).of(person, self._now())

    @activity.defn(name="automation_pauses")
    async def automation_pauses(self, case: str) -> tuple[AutomationPause, ...]:
        """The current pauses of automation, for a case."""
        async with self.database.reading() as connection:
            return await connection.run_sync(pauses_now, self._now())


CASES = 50
"""Cases of one batch, which is one transaction: SQLite's other writers wait for it."""
LOOKUPS = 500
COUNTED = 5_000
"""Rows of one table that limits counted."""
MOST_MERGED = 20
"""Cases in a row that were merged into each other."""


def _ended(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions of a case that ended `before` a time, with all its appeals and actions."""
    answered = sa.select(1).where(
        appeals.c.case_id == cases.c.id,
        sa.func.coalesce(appeals.c.answered_at, appeals.c.received_at) >= before,
    )
    acting = sa.select(1).where(
        actions.c.case_id == cases.c.id,
        sa.or_(
            actions.c.status.in_(status_values(ACTING)),
            # Also one whose lift is late, because the platform fails.
            sa.and_(actions.c.status.in_(status_values(IN_FORCE)), actions.c.until.is_not(None)),
        ),
    )
    return (
        CLOSED,
        cases.c.closed_at < before,
        sa.not_(appeal_pending()),
        sa.not_(sa.exists(answered)),
        sa.not_(sa.exists(acting)),
    )


class RetentionActivities:
    """Erasure of the kinds of data whose time is over. Each batch is counted with what it erases.

    Every method raises `LedgerUnavailable`.
    """

    def __init__(
        self,
        database: Database,
        signer: Signer,
        rules: Callable[[], Retention],
        batch: int = CASES,
    ) -> None:
        """`rules` returns the current times of retention.yaml; `signer` signs snapshots."""
        self._most = batch
        self._database = database
        self._rules = rules
        self._cases = CaseEraser(database, signer)

    # -- by kind --------------------------------------------------------------------------

    @activity.defn(name="erase_batch")
    async def erase_batch(self, step: RetentionStep) -> ErasedBatch:
        """Erases one batch of a kind in one transaction, and counts it in the row of the run."""
        after = self._rules().after(step.kind)
        if after is None:
            return ErasedBatch()
        other = {
            Kept.LOOKUPS: self._lookups,
            Kept.LIMITS: self._limits,
            Kept.RECORDS: self._records,
        }
        work = other.get(step.kind, self._batch)
        return await self._database.write(
            lambda connection: work(connection, step, step.at - after)
        )

    def _batch(
        self, connection: sa.Connection, step: RetentionStep, before: datetime
    ) -> ErasedBatch:
        ids = connection.execute(self._candidates(step, before)).scalars().all()
        erased, redraw = 0, []
        for case in ids:
            if self._is_over(connection, case, before):
                rows, stale = self._erase(connection, case, step)
                erased += rows
                redraw += [case] if stale else []
        count_in_run(self._database, connection, step, {step.kind.value: erased})
        after = ids[-1] if len(ids) == self._most else None
        return ErasedBatch(erased=erased, after=after, redraw=tuple(redraw))

    def _candidates(self, step: RetentionStep, before: datetime) -> sa.Select[Any]:
        """Ids of cases whose time is over, and that were not erased since they closed."""
        done = sa.select(1).where(
            clearings.c.case_id == cases.c.id,
            clearings.c.kind == step.kind.value,
            clearings.c.at >= cases.c.closed_at,
        )
        left = sa.not_(sa.exists(done))
        if step.kind is Kept.SNAPSHOTS:
            left = cases.c.snapshot.is_not(None)
        query = sa.select(cases.c.id).where(*_ended(before), left, cases.c.id > step.after)
        return query.order_by(cases.c.id).limit(self._most).with_for_update()

    def _is_over(self, connection: sa.Connection, case: str, before: datetime) -> bool:
        """Whether the case that continues a merged one ended as well."""
        for _ in range(MOST_MERGED):
            query = sa.select(events.c.data).where(
                events.c.case_id == case, events.c.kind == kind_of(CaseMerged)
            )
            merged = connection.execute(query.order_by(events.c.seq.desc()).limit(1)).scalar()
            verdict = sa.select(cases.c.verdict).where(cases.c.id == case)
            if merged is None or connection.execute(verdict).scalar() is not None:
                return True
            case = str(merged["into"])
            ended = sa.select(cases.c.id).where(cases.c.id == case, *_ended(before))
            if connection.execute(ended).scalar() is None:
                return False
        return False

    def _erase(self, connection: sa.Connection, case: str, step: RetentionStep) -> tuple[int, bool]:
        """Erases a kind in a case; the number of rows, and whether its card has to follow."""
        if step.kind is Kept.SNAPSHOTS:
            values = {"snapshot": None, "snapshot_signature": None}
            connection.execute(sa.update(cases).where(cases.c.id == case).values(**values))
            return 1, False
        changes = self._cases.changes(connection, case, OfKinds(frozenset({step.kind})))
        stale = self._cases.write(connection, changes, (step.kind.value,), step.at)
        counts = changes.counts
        return counts["alerts"] + counts["events"] + counts["appeals"], stale

    def _lookups(
        self, connection: sa.Connection, step: RetentionStep, before: datetime
    ) -> ErasedBatch:
        query = sa.select(lookups).where(lookups.c.at < before, lookups.c.subject_id != "")
        rows = connection.execute(query.order_by(lookups.c.id).limit(LOOKUPS)).all()
        for row in rows:
            write_look(connection, self._database, row.id, {"subject_id": "", "why": ""})
        count_in_run(self._database, connection, step, {step.kind.value: len(rows)})
        return ErasedBatch(
            erased=len(rows), after=str(rows[-1].id) if len(rows) == LOOKUPS else None
        )

    def _limits(
        self, connection: sa.Connection, step: RetentionStep, before: datetime
    ) -> ErasedBatch:
        """Deletes what limits, quotas and breakers counted."""
        erased, more = 0, False
        for table in (uses, overruns, exposures, automatic_actions):
            oldest = sa.select(table.c.at).where(table.c.at < before).order_by(table.c.at)
            last = connection.execute(oldest.offset(COUNTED - 1).limit(1)).scalar_one_or_none()
            due = table.c.at < before if last is None else table.c.at <= last
            gone = connection.execute(sa.delete(table).where(due).returning(table)).mappings().all()
            if table is overruns:
                keys = [overrun_key(row) for row in gone]
                self._database.audit.removed(connection, overruns.name, keys)
            erased += len(gone)
            more = more or last is not None
        count_in_run(self._database, connection, step, {step.kind.value: erased})
        return ErasedBatch(erased=erased, after=step.kind.value if more else None)

    def _records(
        self, connection: sa.Connection, step: RetentionStep, before: datetime
    ) -> ErasedBatch:
        """Deletes records of alerts without a case."""
        due = alert_records.c.at < before
        oldest = sa.select(alert_records.c.at).where(due).order_by(alert_records.c.at)
        last = connection.execute(oldest.offset(COUNTED - 1).limit(1)).scalar_one_or_none()
        chosen = due if last is None else alert_records.c.at <= last
        erased = delete_records(connection, self._database.audit, chosen)
        count_in_run(self._database, connection, step, {step.kind.value: erased})
        return ErasedBatch(erased=erased, after=None if last is None else step.kind.value)

    # -- runs ----------------------------------------------------------------------------

    @activity.defn(name="end_retention")
    async def end_retention(self, run: RetentionRun) -> dict[str, int]:
        """Records the end of a run; its counts by kind."""
        step = RetentionStep(run=run.run, at=run.at, kind=Kept.IMAGES)

        def end(connection: sa.Connection) -> dict[str, int]:
            count_in_run(self._database, connection, step, {})
            row = erasures.c.id == run.run
            ended = sa.update(erasures).where(row).values(ended_at=datetime.now(UTC))
            found = connection.execute(ended.returning(erasures)).mappings().one()
            enter_erasure(connection, self._database, found)
            return {str(key): int(number) for key, number in found["counts"].items()}

        counts = await self._database.write(end)
        log.info("retention_ended", run=run.run, **counts)
        return counts
