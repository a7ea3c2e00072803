"""Recovery after the loss of a store: the ledger's identity, cases and appeals from events."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa

from activities.ledger.audit_log import ENTRY, EntryKind, entry_text
from activities.ledger.database import Database, LedgerError, Repository, Row
from activities.ledger.event_log import event_of
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import OPEN_OR_UNDOING, Queries, case_rows
from activities.ledger.rows import Link, R, card_of, first_break, recorded_of, status_values
from activities.ledger.schema import (
    actions,
    alerts,
    appeals,
    audit,
    bulk_decisions,
    cases,
    events,
    installation,
)
from workflows.domain.appeal.events import AppealFiled, AppealRecorded
from workflows.domain.appeal.model import OVER, AppealRequest
from workflows.domain.appeal.rules import apply_all_to_appeal, received
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import IN_FORCE, ActionStatus
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import (
    ActionFailed,
    ActionLifted,
    ActionUndone,
    AppealAnswered,
    Event,
    Recorded,
    UndoRequested,
)
from workflows.domain.case.evolve import rebuilt
from workflows.domain.case.model import Phase
from workflows.domain.case.snapshot import SEEN, CaseSnapshot, short
from workflows.domain.policy.playbook import PackedPolicy
from workflows.ports.appeals import AppealSnapshot, AppealStart

MOST = 5_000
"""Cases of one look, and of one repair."""
LARGEST_UNPOSTED = 500_000
"""Bytes of events for the thread: Temporal refuses a start of 2 MB."""
_LOCK = 0x4B6F6262
"""Key of the identity among PostgreSQL's advisory locks."""

FindPolicy = Callable[[str, str], Awaitable[PackedPolicy | None]]
"""Returns the policy of a playbook and version."""


class NotRestorable(LedgerError):
    """The ledger has too little to rebuild a case; the message says which part is missing."""


_TO_END = (
    sa.select(actions.c.case_id)
    .where(
        sa.or_(
            sa.and_(actions.c.status.in_(status_values(IN_FORCE)), actions.c.until.is_not(None)),
            actions.c.status == ActionStatus.UNDOING.value,
            actions.c.notice.in_([NoticeStatus.RETRYING.value, NoticeStatus.PENDING.value]),
        )
    )
    .distinct()
)
# The undo of a bulk decision changes none of its rows before each subject is undone.
_BULK_UNDONE = (
    sa.select(events.c.case_id)
    .where(
        events.c.case_id.in_(sa.select(bulk_decisions.c.case_id)),
        events.c.kind == kind_of(UndoRequested),
    )
    .distinct()
)
_UNDO = [kind_of(each) for each in (UndoRequested, ActionUndone, ActionFailed, ActionLifted)]


class Recovery(Repository):
    """Reads what Temporal should run, and rebuilds it. All raise `LedgerUnavailable`."""

    def __init__(self, database: Database, stored: StoredPolicies) -> None:
        """`stored` verifies the policies."""
        super().__init__(database)
        self._queries = Queries(database)
        self._stored = stored

    # -- identity -------------------------------------------------------------------------

    async def identity(self) -> str | None:
        """The id of this ledger; None for a new one."""
        return await self._queries.identity()

    async def identify(self, wanted: str | None = None) -> str:
        """Gives the ledger an id, `wanted` or a random one, unless it has one; returns its id."""
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK)
            found = await connection.scalar(sa.select(installation.c.id))
            if found is not None:
                return str(found)
            made = wanted or uuid4().hex
            row = {"id": made, "at": datetime.now(UTC)}
            await connection.execute(sa.insert(installation).values(row))
            return made

    async def is_empty(self) -> bool:
        """Whether it has no case."""
        return await self._database.scalar(sa.select(cases.c.id).limit(1)) is None

    # -- cases ----------------------------------------------------------------------------

    async def unfinished(self) -> Sequence[Row]:
        """Cases that should run at Temporal: open, waiting for an approval, or open again."""
        query = case_rows().where(OPEN_OR_UNDOING).order_by(cases.c.opened_at)
        return await self._database.rows(query.limit(MOST))

    async def is_unfinished(self, case: str) -> bool:
        """Whether a case should run at Temporal."""
        query = sa.select(cases.c.id).where(cases.c.id == case, OPEN_OR_UNDOING)
        return await self._database.scalar(query) is not None

    async def to_end(self) -> Sequence[Row]:
        """Closed cases with an action to lift or to undo, or a notice in bulk to send."""
        some = sa.or_(cases.c.id.in_(_TO_END), cases.c.id.in_(_BULK_UNDONE))
        query = case_rows().where(some, cases.c.phase == Phase.CLOSED.value)
        return await self._database.rows(query.order_by(cases.c.opened_at).limit(MOST))

    async def version(self, case: str) -> int:
        """The version of a case's row; 0 without one."""
        query = sa.select(cases.c.version).where(cases.c.id == case)
        return int(await self._database.scalar(query) or 0)

    async def open_appeals(self) -> Sequence[Row]:
        """Appeals that should run at Temporal."""
        over = sorted(state.value for state in OVER)
        query = sa.select(appeals).where(appeals.c.state.not_in(over))
        return await self._database.rows(query.order_by(appeals.c.received_at).limit(MOST))

    async def known_workflows(self) -> Collection[str]:
        """The workflow ids of all cases."""
        rows = await self._database.rows(sa.select(cases.c.workflow_id).distinct())
        return {row["workflow_id"] for row in rows}

    async def has(self, case: str) -> bool:
        """Whether the ledger has a case."""
        return await self._queries.case(case) is not None

    async def decisions_to_end(self, case: str) -> Sequence[str]:
        """The decisions and protections with an action to lift or to undo, or a notice to send."""
        query = _TO_END.with_only_columns(actions.c.decision_id).where(actions.c.case_id == case)
        found = {row["decision_id"] for row in await self._database.rows(query)}
        return sorted(found | await self._being_undone(case))

    async def _being_undone(self, case: str) -> set[str]:
        about = sa.select(events).where(events.c.case_id == case, events.c.kind.in_(_UNDO))
        for row in await self._database.rows(about.order_by(events.c.seq.desc()).limit(1)):
            if row["kind"] == kind_of(UndoRequested) and row["data"] is not None:
                return {row["data"]["decision"]}
        return set()

    async def snapshot(self, row: Row, current: PackedPolicy | None) -> CaseSnapshot:
        """The state of a case from its events, with its policy. Raises `NotRestorable`.

        `current` is today's policy, for one that the ledger lacks.
        """
        packed = await self._stored.find(row["playbook"], row["policy_version"]) or current
        if packed is None:
            raise NotRestorable("its policy is missing")
        recorded = await self._recorded(row, Recorded)
        happened = [each.event for each in recorded]
        try:
            case = rebuilt(row["workflow_id"], packed.policy, happened)
        except (ValueError, KeyError, AssertionError) as error:
            raise NotRestorable("its events do not make a case") from error
        return CaseSnapshot(
            key=row["owner_key"],
            case=case,
            policy=packed,
            card=card_of(row),
            seen=(*await self._seen(row["id"]), *_answered(happened)),
            # A look at the thread finds those that were posted.
            unposted=_newest([each for each in recorded if each.event.in_thread]),
        )

    async def request(self, row: Row) -> AppealRequest:
        """The request of an appeal. Raises `NotRestorable`."""
        for each in (await self._recorded(row, AppealRecorded))[:1]:
            if isinstance(each.event, AppealFiled):
                return each.event.request
        raise NotRestorable("its events do not make an appeal")

    async def appeal(self, row: Row, start: AppealStart) -> AppealStart:
        """The start of an appeal with its state from its events. Raises `NotRestorable`.

        `start` has today's rules; the time for the answer is that of the receipt.
        """
        recorded = await self._recorded(row, AppealRecorded)
        first = recorded[0].event if recorded else None
        if not isinstance(first, AppealFiled) or first.due != row["due_at"]:
            raise NotRestorable("its events do not make an appeal")
        within = {"answer_within": first.due - row["received_at"]}
        rules = start.rules.model_copy(update=within)
        fresh = received(row["id"], first.request, rules, row["received_at"], start.titles)
        try:
            appeal = apply_all_to_appeal(fresh, [each.event for each in recorded])
        except (ValueError, KeyError, AssertionError) as error:
            raise NotRestorable("its events do not make an appeal") from error
        memory = AppealSnapshot(appeal=appeal, card=card_of(row), unposted=_newest(recorded))
        known = {"request": first.request, "rules": rules, "memory": memory, "rebuilt": True}
        return start.model_copy(update=known)

    async def _recorded(self, row: Row, kind: type[R]) -> list[R]:
        links = [Link(**each) for each in await self._queries.events_of(row["id"])]
        broken = first_break(links, await self._erased(row["id"]))
        if broken is not None:
            raise NotRestorable(f"event {broken.seq}: {broken.why}")
        if len(links) != row["version"]:
            raise NotRestorable(f"it has {len(links)} of {row['version']} events")
        try:
            return [recorded_of(link, kind) for link in links]
        except ValueError as error:  # erased
            raise NotRestorable("its events can't be read") from error

    async def _erased(self, case: str) -> dict[int, str]:
        """The digest of what is left of each erased event, by its seq; only as a worker signed."""
        query = sa.select(audit).where(
            audit.c.source == events.name,
            audit.c.kind == EntryKind.ERASED,
            audit.c.key.startswith(f"{case}/", autoescape=True),
        )
        verifies = self._database.audit.signer.verifies
        left = {}
        for entry in await self._database.rows(query.order_by(audit.c.id)):
            _, seq = event_of(entry["key"])
            if seq is not None and verifies(ENTRY, entry_text(entry), entry["signature"] or ""):
                left[seq] = entry["digest"]
        return left

    async def _seen(self, case: str) -> tuple[str, ...]:
        query = sa.select(alerts.c.detector, alerts.c.alert_id).where(alerts.c.case_id == case)
        newest = query.order_by(alerts.c.received_at.desc()).limit(SEEN)
        rows = await self._database.rows(newest)
        return tuple(short(f"alert/{row['detector']}/{row['alert_id']}") for row in reversed(rows))


def _answered(events: Iterable[Event]) -> tuple[str, ...]:
    """The keys of the answers to appeals that the case has: a second one has no effect."""
    found = (each.answer.appeal for each in events if isinstance(each, AppealAnswered))
    return tuple(short(f"appeal/{appeal}") for appeal in found)


def _newest(recorded: Sequence[R]) -> tuple[R, ...]:
    """The newest events that a start has room for."""
    kept: list[R] = []
    left = LARGEST_UNPOSTED
    for each in reversed(recorded):
        left -= len(each.model_dump_json())
        if left < 0:
            break
        kept.append(each)
    return tuple(reversed(kept))
