"""The ledger's side of appeals: what they are against, and their own story."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from temporalio import activity

from activities.ledger.database import Database
from activities.ledger.event_log import append
from activities.ledger.queries import Queries, Row
from activities.ledger.rows import appeal_values
from activities.ledger.schema import appeals
from workflows.domain.alerts import Subject
from workflows.domain.appeal.model import Appealed
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import STANDING, ActionStatus
from workflows.domain.case.snapshot import CardRef
from workflows.domain.values import Text
from workflows.ports.appeals import Against, AppealWrite

TOOK_EFFECT = frozenset({*STANDING, ActionStatus.LIFTED})
"""A measure whose time is over still stands in the person's record: it can be appealed against."""


class _FiledBefore(Exception):
    """Another appeal has this one's name; the transaction is rolled back."""


class AppealsLedger:
    """The activities of appeals: short and idempotent."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database
        self._queries = Queries(database)

    @activity.defn(name="load_appealed")
    async def load_appealed(self, against: Against) -> Appealed | None:
        """What the ledger knows of a decision, or None where there is no such case."""
        row = await self._queries.case(against.case)
        if row is None:
            return None
        story = await self._queries.events_of(against.case)
        actions = await self._queries.actions_of(against.case)
        return _appealed(row, story, actions, against.decision)

    @activity.defn(name="record_appeal")
    async def record_appeal(self, write: AppealWrite) -> bool:
        """Appends events and updates the row; False where another appeal has this one's name.

        Raises:
            LedgerUnavailable: nothing was written.
            StoryBroken: an event is missing, or another one is in its place.
        """
        try:
            await self._database.write(lambda connection: self._write(connection, write))
        except _FiledBefore:
            return False
        return True

    def _write(self, connection: sa.Connection, write: AppealWrite) -> None:
        version = self._locked_version(connection, write)
        append(connection, write.row.id, write.events)
        if version <= write.row.version:
            values = appeal_values(write.row, write.card)
            if write.card is None:
                del values["card_channel"], values["card_ts"]
            update = sa.update(appeals).where(appeals.c.id == write.row.id)
            connection.execute(update.values(values))

    def _locked_version(self, connection: sa.Connection, write: AppealWrite) -> int:
        """Makes or finds the appeal's row and locks it: the version in the ledger."""
        row = appeal_values(write.row, write.card)
        made = connection.execute(
            self._database.insert(appeals).values(row).on_conflict_do_nothing()
        )
        if made.rowcount == 1:
            return write.row.version
        mine = sa.select(appeals.c.version, appeals.c.received_at).where(
            appeals.c.id == write.row.id
        )
        found = connection.execute(mine.with_for_update()).one_or_none()
        if found is None or found.received_at != write.row.received_at:
            raise _FiledBefore
        return int(found.version)


def _appealed(
    row: Row, story: Sequence[Row], actions: Sequence[Row], named: str | None
) -> Appealed:
    worked = {each["decision_id"] for each in actions if each["status"] in TOOK_EFFECT}
    decisions = [
        Decision.model_validate(each["data"]["decision"])
        for each in story
        if each["kind"] == "decided"
    ]
    meant = [d for d in decisions if (d.id == named if named else d.id in worked)]
    if not meant and named is None:
        # What a ring did stands by its members, and not among the case's own actions.
        meant = [decision for decision in decisions if decision.bulk is not None]
    decision = meant[-1] if meant else None
    return Appealed(
        case=row["id"],
        workflow_id=row["workflow_id"],
        title=Text.model_validate(row["title"]),
        subject=Subject(type=row["subject_type"], id=row["subject_id"]),
        card=_card(row),
        decision=decision,
        deciders=_deciders(decision, story) if decision else (),
        effective=decision is not None and decision.id in worked,
    )


def _deciders(decision: Decision, story: Sequence[Row]) -> tuple[str, ...]:
    """Who took the decision, then who approved it, and in whose stead."""
    people = [decision.by]
    undoing = False
    for each in story:
        if each["kind"] == "approval_requested":
            undoing = each["data"]["approval"].get("purpose") == Purpose.UNDO.value
        elif each["kind"] == "approved" and each["data"]["decision"] == decision.id:
            # Whoever agreed to take it back has not taken it.
            people += [] if undoing else _agreed(each)
    return tuple(dict.fromkeys(people))


def _agreed(approved: Row) -> list[str]:
    covered = approved["data"]["consent"].get("covers")
    return [approved["actor"], covered] if covered else [approved["actor"]]


def _card(row: Row) -> CardRef | None:
    channel: Any = row["card_channel"]
    return CardRef(channel=channel, ts=row["card_ts"]) if channel and row["card_ts"] else None
