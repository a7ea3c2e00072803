"""Recovery after the loss of a store: the ledger's identity, and cases rebuilt from events."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa

from activities.ledger.database import Database, LedgerError, Repository, Row
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import OPEN_OR_UNDOING, Queries, case_rows
from activities.ledger.rows import Link, card_of, first_break, recorded_of, status_values
from activities.ledger.schema import actions, alerts, appeals, cases, installation
from workflows.domain.appeal.model import OVER
from workflows.domain.case.enforcement import IN_FORCE
from workflows.domain.case.events import Recorded
from workflows.domain.case.evolve import rebuilt
from workflows.domain.case.model import Phase
from workflows.domain.case.snapshot import SEEN, CaseSnapshot, short
from workflows.domain.policy.playbook import PackedPolicy

MOST = 5_000
"""Cases of one look, and of one repair."""
_LOCK = 0x4B6F6262
"""Key of the identity among PostgreSQL's advisory locks."""

FindPolicy = Callable[[str, str], Awaitable[PackedPolicy | None]]
"""Returns the policy of a playbook and version."""


class NotRestorable(LedgerError):
    """The ledger has too little to rebuild a case; the message says which part is missing."""


_TO_LIFT = (
    sa.select(actions.c.case_id)
    .where(
        actions.c.status.in_(status_values(IN_FORCE)),
        actions.c.until.is_not(None),
        # A bulk decision has a workflow of its own.
        actions.c.bulk_id.is_(None),
    )
    .distinct()
)


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

    async def to_lift(self) -> Sequence[Row]:
        """Closed cases with an action that Koban has to lift."""
        query = case_rows().where(cases.c.id.in_(_TO_LIFT), cases.c.phase == Phase.CLOSED.value)
        return await self._database.rows(query.order_by(cases.c.opened_at).limit(MOST))

    async def open_appeals(self) -> Sequence[str]:
        """The ids of appeals that should run at Temporal."""
        over = sorted(state.value for state in OVER)
        query = sa.select(appeals.c.id).where(appeals.c.state.not_in(over)).limit(MOST)
        return [row["id"] for row in await self._database.rows(query)]

    async def known_workflows(self) -> Collection[str]:
        """The workflow ids of all cases."""
        rows = await self._database.rows(sa.select(cases.c.workflow_id).distinct())
        return {row["workflow_id"] for row in rows}

    async def has(self, case: str) -> bool:
        """Whether the ledger has a case."""
        return await self._queries.case(case) is not None

    async def decisions_to_lift(self, case: str) -> Sequence[str]:
        """The decisions and protections of a case that Koban has to lift."""
        query = _TO_LIFT.with_only_columns(actions.c.decision_id).where(actions.c.case_id == case)
        return [row["decision_id"] for row in await self._database.rows(query)]

    async def snapshot(self, row: Row, current: PackedPolicy | None) -> CaseSnapshot:
        """The state of a case from its events, with its policy. Raises `NotRestorable`.

        `current` is today's policy, for one that the ledger lacks.
        """
        packed = await self._stored.find(row["playbook"], row["policy_version"]) or current
        if packed is None:
            raise NotRestorable("its policy is missing")
        recorded = await self._recorded(row)
        events = [each.event for each in recorded]
        try:
            case = rebuilt(row["workflow_id"], packed.policy, events)
        except (ValueError, KeyError, AssertionError) as error:
            raise NotRestorable("its events do not make a case") from error
        return CaseSnapshot(
            key=row["owner_key"],
            case=case,
            policy=packed,
            card=card_of(row),
            seen=await self._seen(row["id"]),
            # A look at the thread finds those that were posted.
            unposted=tuple(each for each in recorded if each.event.in_thread),
        )

    async def _recorded(self, row: Row) -> list[Recorded]:
        links = [Link(**each) for each in await self._queries.events_of(row["id"])]
        broken = first_break(links)
        if broken is not None:
            raise NotRestorable(f"event {broken.seq}: {broken.why}")
        if len(links) != row["version"]:
            raise NotRestorable(f"it has {len(links)} of {row['version']} events")
        return [recorded_of(link, Recorded) for link in links]

    async def _seen(self, case: str) -> tuple[str, ...]:
        query = sa.select(alerts.c.detector, alerts.c.alert_id).where(alerts.c.case_id == case)
        newest = query.order_by(alerts.c.received_at.desc()).limit(SEEN)
        rows = await self._database.rows(newest)
        return tuple(short(f"alert/{row['detector']}/{row['alert_id']}") for row in reversed(rows))
