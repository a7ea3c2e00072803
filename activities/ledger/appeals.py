"""Ledger of appeals: the appealed decision, and the appeal's events and row."""

from collections.abc import Sequence

import sqlalchemy as sa
from temporalio import activity

from activities.ledger.audit_log import lasting
from activities.ledger.database import Repository, Row
from activities.ledger.erasure import cleared_appeal
from activities.ledger.event_log import append
from activities.ledger.queries import Queries
from activities.ledger.rows import appeal_values, card_of, subject_of
from activities.ledger.schema import appeals
from workflows.domain.appeal.model import Appealed
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import TOOK_EFFECT
from workflows.domain.case.event_base import kind_of
from workflows.domain.values import Text
from workflows.ports.appeals import Against, AppealWrite


class _OtherAppeal(Exception):
    """Another appeal has this id; the transaction is rolled back."""


class AppealsLedger(Repository):
    """Activities of appeals: short and idempotent."""

    @activity.defn(name="load_appealed")
    async def load_appealed(self, against: Against) -> Appealed | None:
        """The appealed decision with its case, or None for an unknown case."""
        queries = Queries(self._database)
        row = await queries.case(against.case)
        if row is None:
            return None
        events = await queries.events_of(against.case)
        actions = await queries.actions_of(against.case)
        return _appealed(row, events, actions, against.decision)

    @activity.defn(name="record_appeal")
    async def record_appeal(self, write: AppealWrite) -> bool:
        """Writes events and row; False where another appeal has this id. Raises `ChainBroken`."""
        try:
            await self._database.write(lambda connection: self._write(connection, write))
        except _OtherAppeal:
            return False
        return True

    def _write(self, connection: sa.Connection, write: AppealWrite) -> None:
        version = self._locked_version(connection, write)
        append(connection, write.row.id, write.events, self._database.audit)
        if version <= write.row.version:
            update = sa.update(appeals).where(appeals.c.id == write.row.id)
            values = cleared_appeal(
                connection, write.row.case, appeal_values(write.row, write.card)
            )
            connection.execute(update.values(values))

    def _locked_version(self, connection: sa.Connection, write: AppealWrite) -> int:
        """The version of the appeal's row, inserted or locked."""
        insert = self._database.insert(appeals).on_conflict_do_nothing()
        row = appeal_values(write.row, write.card)
        if connection.execute(insert.values(row)).rowcount == 1:
            self._database.audit.enter(connection, appeals.name, {row["id"]: lasting(appeals, row)})
            return write.row.version
        query = sa.select(appeals.c.version, appeals.c.received_at).where(
            appeals.c.id == write.row.id
        )
        found = connection.execute(query.with_for_update()).one_or_none()
        if found is None or found.received_at != write.row.received_at:
            raise _OtherAppeal
        return int(found.version)


def _appealed(
    row: Row, events: Sequence[Row], actions: Sequence[Row], named: str | None
) -> Appealed:
    effective = {each["decision_id"] for each in actions if each["status"] in TOOK_EFFECT}
    decisions = [
        Decision.model_validate(each["data"]["decision"])
        for each in events
        if each["kind"] == kind_of(ev.Decided)
    ]
    matching = [d for d in decisions if (d.id == named if named else d.id in effective)]
    if not matching and named is None:
        # The actions of a bulk decision are not among the case's own.
        matching = [decision for decision in decisions if decision.bulk is not None]
    decision = matching[-1] if matching else None
    return Appealed(
        case=row["id"],
        workflow_id=row["workflow_id"],
        title=Text.model_validate(row["title"]),
        subject=subject_of(row),
        card=card_of(row),
        decision=decision,
        deciders=_deciders(decision, events) if decision else (),
        effective=decision is not None and decision.id in effective,
    )


def _deciders(decision: Decision, events: Sequence[Row]) -> tuple[str, ...]:
    """The decider, then the approvers, each with the person they cover for; never Koban."""
    people = [] if decision.automatic else [decision.by]
    undoing = False
    for each in events:
        if each["kind"] == kind_of(ev.ApprovalRequested):
            undoing = each["data"]["approval"].get("purpose") == Purpose.UNDO.value
        elif each["kind"] == kind_of(ev.Approved) and each["data"]["decision"] == decision.id:
            # An approver of the undo did not approve the decision.
            people += [] if undoing else _approvers(each)
    return tuple(dict.fromkeys(people))


def _approvers(approved: Row) -> list[str]:
    covered = approved["data"]["consent"].get("covers")
    return [approved["actor"], covered] if covered else [approved["actor"]]
