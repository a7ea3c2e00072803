"""Ledger and Temporal compared: their common id, what one of them lost, and the repair."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleSpec,
    ScheduleState,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.cache import Cache, CacheMiss
from activities.ledger.cases import Ledger
from activities.ledger.database import Database, LedgerError, LedgerUnavailable, Row, migrate
from activities.ledger.policies import StoredPolicies
from activities.ledger.recovery import MOST, NotRestorable, Recovery
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from bot.encryption import Undecryptable
from bot.policies import Policies
from workflows.client import Appeals, Cases, OutOfReach
from workflows.domain.case.model import Phase
from workflows.domain.ids import appeal_workflow_id, closed_workflow_id, enforcement_workflow_id
from workflows.inputs import CaseStart, PendingWork
from workflows.ports.appeals import AppealWrite
from workflows.ports.cases import ClaimAlerts, ClaimedAlerts, LedgerWrite, OpenCase, OpenedCase

MARK = "koban/installation"
"""Id of the Temporal Schedule whose note has the installation's id. It never runs."""
NOTE = "Koban installation "
TRY = timedelta(seconds=5)
CONFIRMED = 50
"""Cases that one look asks Temporal about, one by one: its list is a second late."""
COMPARED, AT_ONCE = 200, 10
"""Running cases whose version one look compares, and how many of them at the same time."""
NAMED = 5
YOUNG = timedelta(minutes=1)
"""A workflow that began since then may not be in the ledger yet."""
KEPT = timedelta(minutes=1)
"""Age of an answer that `check` gives again."""
READ_SECONDS = 60.0
"""Most seconds of one comparison, which goes on where its caller gives up."""
_AWAY = (RPCError, RuntimeError, LedgerUnavailable)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
CASE, APPEAL, ENFORCEMENT = "CaseWorkflow", "AppealWorkflow", "EnforcementWorkflow"
FIX = "run koban doctor --fix."

log = structlog.get_logger()


class Line(NamedTuple):
    """One line of a repair; not `done`: something that a person has to look at."""

    done: bool
    text: str


class Run(NamedTuple):
    """One run of a workflow; the latest one without `run_id`."""

    workflow_id: str
    run_id: str | None = None
    began: datetime = _NEVER


class Compared(NamedTuple):
    """Cases of the ledger that Temporal lacks, and ids of those of which it has newer events."""

    lost: list[Row]
    behind: list[str]


class Stores:
    """The ledger and Temporal of one deployment. Temporal's errors are `RPCError`."""

    def __init__(
        self,
        client: Client,
        task_queue: str,
        database: Database,
        policies: Policies,
        signer: Signer,
        unsigned_until: datetime | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`signer` is that of `koban work`: what is filled in has to be signed as well.

        What is older than `unsigned_until` needs no signature.
        """
        stored = StoredPolicies(database, signer, policies.current_packed)
        self._client = client
        self._database = database
        self._policies = policies
        self._cases = Cases(client, task_queue, rpc_timeout=TRY)
        self._appeals = Appeals(client, task_queue, rpc_timeout=TRY)
        self._next = 0
        self._ledger = Ledger(
            database,
            policies=stored,
            shadows=policies.shadow_records,
            feedback=policies.with_feedback,
        )
        self._recovery = Recovery(database, stored)
        self._unsigned_until = unsigned_until
        self._last = Cache(
            "stores", lambda _: self.problems(), KEPT, _AWAY, clock=clock, timeout=READ_SECONDS
        )

    # -- identity -------------------------------------------------------------------------

    async def settle(self, writes: bool = True) -> str | None:
        """Compares both ids; a sentence if they differ. With `writes` a new deployment gets one.

        Raises `LedgerUnavailable`.
        """
        own, marked = await self._recovery.identity(), await self._mark()
        if own == marked and own is not None:
            return None
        if own is not None and marked is not None:
            return (
                "The ledger and Temporal belong to different installations: set "
                "KOBAN_LEDGER__URL or KOBAN_TEMPORAL__NAMESPACE."
            )
        if marked is not None:
            return (
                "The ledger is new, and Temporal has the cases of an earlier one: restore the "
                f"ledger from a backup, or {FIX}"
            )
        if own is not None and not await self._recovery.is_empty():
            return f"Temporal is new, and the ledger has the cases of an earlier one: {FIX}"
        if writes:
            await self._write_mark(await self._recovery.identify())
        return None

    async def _mark(self) -> str | None:
        try:
            found = await self._client.get_schedule_handle(MARK).describe(rpc_timeout=TRY)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return (found.schedule.state.note or "").removeprefix(NOTE)

    async def _write_mark(self, identity: str) -> None:
        # A schedule outlives the retention of closed workflows, and needs no worker.
        schedule = Schedule(
            action=ScheduleActionStartWorkflow("Installation", id=MARK, task_queue=MARK),
            spec=ScheduleSpec(),
            state=ScheduleState(paused=True, note=f"{NOTE}{identity}"),
        )
        try:
            await self._client.create_schedule(MARK, schedule, rpc_timeout=TRY)
        except ScheduleAlreadyRunningError:
            log.info("installation_known", id=identity)

    # -- comparison -----------------------------------------------------------------------

    async def check(self) -> str | None:
        """The last result of `problems`, read again after a minute; for `/readyz`."""
        try:
            return await self._last.get("", patience=READ_SECONDS, first=READ_SECONDS)
        except CacheMiss:
            return None

    async def problems(self, writes: bool = True) -> str | None:
        """Sentences on what one store lacks, None without any. Raises `LedgerUnavailable`."""
        apart = await self.settle(writes)
        lost, behind = await self.compared()
        orphans = await self.orphans()
        found = [apart] if apart else []
        if lost:
            found.append(f"Temporal lacks {_named([row['id'] for row in lost])}: {FIX}")
        if behind:
            found.append(f"The ledger lacks events of {_named(behind)}: {FIX}")
        if orphans:
            ids = sorted({run.workflow_id for run in orphans})
            found.append(f"The ledger lacks the cases of {_named(ids)}: {FIX}")
        appeals = await self.lost_appeals()
        if appeals:
            found.append(f"Temporal lacks the appeals {_named([a['id'] for a in appeals])}: {FIX}")
        return " ".join(found) or None

    async def compared(self, whole: bool = False) -> Compared:
        """Compares open cases, and closed ones with an action to lift or to undo.

        Of those that Temporal does not list it is asked for the first `CONFIRMED` one by one; the
        rest counts as lost if all of these are. Versions are compared of some, or the `whole`.
        """
        rows = await self._recovery.unfinished()
        running = await self._running(CASE) if rows else set()
        holders = _holders(rows)
        missing = [row for row in rows if not _runs(row, running, holders)]
        asked = missing[:CONFIRMED]
        lost = [row for row in asked if await self._is_lost(row, holders)]
        if len(lost) == len(asked):
            lost += missing[CONFIRMED:]
        lost += await self._without_end(await self._recovery.to_end())
        ended = set(await self._behind_runs(lost if whole else lost[:CONFIRMED]))
        others = [row for row in rows if _runs(row, running, holders)]
        behind = sorted({*ended, *await self._behind(others if whole else self._some(others))})
        return Compared([row for row in lost if row["id"] not in ended], behind)

    async def _is_lost(self, row: Row, holders: dict[str, str]) -> bool:
        ids = [closed_workflow_id(row["id"])]
        if holders.get(row["workflow_id"]) == row["id"]:
            ids.append(row["workflow_id"])
        if any([await self._is_running(each) for each in ids]):
            return False
        # It may have ended since its row was read.
        return await self._recovery.is_unfinished(row["id"])

    async def _without_end(self, closed: Sequence[Row]) -> list[Row]:
        running = await self._running(ENFORCEMENT) if closed else set()
        found = []
        for row in closed:
            decisions = await self._recovery.decisions_to_end(row["id"])
            ids = {enforcement_workflow_id(row["id"], each) for each in decisions} - running
            lacks = any([not await self._is_running(each) for each in sorted(ids)])
            # A closed case that runs starts its enforcement itself.
            if lacks and not await self._is_running(closed_workflow_id(row["id"])):
                found.append(row)
        return found

    # -- an older backup of the ledger ----------------------------------------------------

    def _some(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The next few: each look goes on where the previous one ended."""
        first = self._next if self._next < len(rows) else 0
        self._next = first + COMPARED
        return rows[first : self._next]

    async def _behind(self, rows: Sequence[Row]) -> list[str]:
        """Running cases that wrote events which the ledger lacks; a worker has to answer."""
        try:
            return await _which(self._is_behind, rows)
        except OutOfReach as error:
            log.warning("versions_not_compared", error=str(error))
            return []

    async def _behind_runs(self, rows: Sequence[Row]) -> list[str]:
        """Cases of which runs that have ended wrote events which the ledger lacks."""
        some = await self._runs(f"WorkflowType = '{CASE}'", 1) if rows else []
        return await _which(self._has_newer, rows) if some else []

    async def _is_behind(self, row: Row) -> bool:
        case = row["id"]
        for workflow_id in (row["workflow_id"], closed_workflow_id(case)):
            memory = await self._cases.memory(workflow_id)
            state = memory.case if memory is not None else None
            if state is not None and state.id == case and state.version > row["version"]:
                # Its latest events may still be on their way to the ledger.
                written = (await self._written(Run(workflow_id))).get(case, 0)
                return written > await self._recovery.version(case)
        return False

    async def _has_newer(self, row: Row) -> bool:
        """Whether a run wrote events which the ledger lacks; also if it can't be read."""
        for workflow_id in dict.fromkeys((row["workflow_id"], closed_workflow_id(row["id"]))):
            for run in await self._runs(f"WorkflowId = '{workflow_id}'"):
                try:
                    written = await self._written(run)
                except (ApplicationError, Undecryptable):
                    return True
                if written.get(row["id"], 0) > row["version"]:
                    return True
        return False

    async def _written(self, run: Run) -> dict[str, int]:
        """The last event of each case that a run found in the ledger, or wrote there."""
        found: dict[str, int] = {}
        async for name, given, result in _steps(self._client, run):
            if name == STARTED:
                memory, pending = given.memory, given.under_way
                if memory is not None and memory.case is not None:
                    waiting = len(pending.events) if pending is not None else 0
                    found[memory.case.id] = memory.case.version - waiting
            elif name == "open_case" and result.event is not None:
                found[result.event.case] = 1
            elif name == "record" and given.events:
                found[given.case] = max(found.get(given.case, 0), given.events[-1].seq)
        return found

    async def orphans(self) -> list[Run]:
        """Running cases that the ledger does not have."""
        before = datetime.now(UTC) - YOUNG
        runs = await self._runs(f"WorkflowType = '{CASE}' AND ExecutionStatus = 'Running'")
        known = await self._recovery.known_workflows() if runs else ()
        return [
            run
            for run in runs
            if run.began < before and not await self._is_known(run.workflow_id, known)
        ]

    async def _is_known(self, workflow_id: str, known: Collection[str]) -> bool:
        return workflow_id in known or await self._recovery.has(workflow_id.rpartition("/")[2])

    async def lost_appeals(self) -> list[Row]:
        """Open appeals of the ledger that do not run at Temporal."""
        waiting = await self._recovery.open_appeals()
        running = await self._running(APPEAL) if waiting else set()
        missing = [row for row in waiting if appeal_workflow_id(row["id"]) not in running]
        if not any([not await self._is_running(appeal_workflow_id(row["id"])) for row in missing]):
            return []
        # One may have ended since its row was read.
        open_now = {row["id"] for row in await self._recovery.open_appeals()}
        return [
            row
            for row in missing
            if row["id"] in open_now and not await self._is_running(appeal_workflow_id(row["id"]))
        ]

    async def _running(self, type_: str) -> set[str]:
        runs = await self._runs(f"WorkflowType = '{type_}' AND ExecutionStatus = 'Running'")
        return {run.workflow_id for run in runs}

    async def _runs(self, query: str, most: int = MOST) -> list[Run]:
        listed = self._client.list_workflows(query, limit=most)
        return [_run_of(each) async for each in listed]

    async def _is_running(self, workflow_id: str) -> bool:
        try:
            handle = self._client.get_workflow_handle(workflow_id)
            status = (await handle.describe(rpc_timeout=TRY)).status
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return status is WorkflowExecutionStatus.RUNNING

    # -- repair ---------------------------------------------------------------------------

    async def repair(self) -> AsyncIterator[Line]:
        """Fills the ledger from Temporal, and starts what Temporal lost; a line for each case.

        Can be repeated. Deletes nothing, and changes no row that exists.
        """
        was_missing = self._database.is_missing
        await migrate(self._database)
        if was_missing:
            yield Line(True, "the ledger's file was missing, and is made again")
        own, marked = await self._recovery.identity(), await self._mark()
        if own is not None and marked is not None and own != marked:
            yield Line(False, str(await self.settle(writes=False)))
            return
        compared = await self.compared(whole=True)
        if (own is None and marked is not None) or compared.behind or await self.orphans():
            async for line in self._fill():
                yield line
            compared = await self.compared(whole=True)
        async for line in self._restart(compared, await self.lost_appeals()):
            yield line
        identity = await self._recovery.identify(marked)
        if marked is None:
            await self._write_mark(identity)

    async def _restart(self, compared: Compared, appeals: Sequence[Row]) -> AsyncIterator[Line]:
        """Starts what Temporal lost, unless it has newer events than the ledger."""
        for case in compared.behind:
            yield Line(False, f"{case}: not all of its events are in the ledger")
        if (compared.lost or appeals) and await self._is_forged():
            yield Line(False, "nothing is started again: koban audit verify finds faults")
            return
        for row in (*compared.lost, *appeals):
            line = await self._restarted(row, is_appeal=row in appeals)
            if line is not None:
                yield line

    async def _is_forged(self) -> bool:
        """Whether the audit finds a fault, entries aside that no worker has sealed yet."""
        found = await Verifier(self._database).run((), _NEVER, self._unsigned_until)
        return bool(found.findings)

    async def _restarted(self, row: Row, is_appeal: bool) -> Line | None:
        """Starts a case or appeal; no line for one that runs meanwhile."""
        what = row["id"]
        try:
            began = await (self._appeal_again(row) if is_appeal else self._case_again(row))
        except NotRestorable as error:
            return Line(False, f"{what}: not started again: {error}")
        except OutOfReach as error:
            return Line(False, f"{what}: not started again: {error}; repeat the command")
        except RPCError as error:
            return Line(False, f"{what}: not started again: Temporal says {error.status.name}")
        except (ApplicationError, Undecryptable):
            return Line(False, f"{what}: not started again: its history can't be read")
        return Line(True, f"{what}: started again at Temporal") if began else None

    async def _case_again(self, row: Row) -> bool:
        """Starts a case in its group, or beside another one under its own id.

        False if it runs meanwhile. Raises `NotRestorable`, `OutOfReach` and `RPCError`.
        """
        case, own = row["id"], closed_workflow_id(row["id"])
        if not await self._is_still_lost(row):
            return False
        packed = self._policies.current_packed(row["playbook"])
        snapshot = await self._recovery.snapshot(row, packed)
        start = CaseStart(
            workflow_id=row["workflow_id"] if _is_open(row) else own,
            memory=snapshot,
            under_way=PendingWork(stale=True, unsure_since=row["opened_at"]),
            rebuilt=True,
        )
        if await self._cases.start_again(start):
            return True
        if start.workflow_id != own:
            # Another repair may have started it since.
            if case in await self._written(Run(start.workflow_id)):
                return False
            if await self._cases.start_again(start.model_copy(update={"workflow_id": own})):
                return True
        raise OutOfReach(f"{own} runs")

    async def _is_still_lost(self, row: Row) -> bool:
        if await self._recovery.is_unfinished(row["id"]):
            return await self._is_lost(row, {})
        return bool(await self._without_end([row]))

    async def _appeal_again(self, row: Row) -> bool:
        """Starts an appeal; False if it runs meanwhile. Raises as `_case_again`."""
        workflow_id = appeal_workflow_id(row["id"])
        for run in await self._runs(f"WorkflowId = '{workflow_id}'"):
            if await self._appeal_version(run) > row["version"]:
                raise NotRestorable("Temporal has newer events of it than the ledger")
        request = await self._recovery.request(row)
        start = self._policies.appeal_start(row["id"], request)
        if start is None:
            raise NotRestorable("appeals.yaml is missing")
        return await self._appeals.start_again(await self._recovery.appeal(row, start))

    async def _appeal_version(self, run: Run) -> int:
        """The last event of an appeal that a run wrote to the ledger."""
        written = [
            given.events[-1].seq
            async for name, given, _ in _steps(self._client, run)
            if name == "record_appeal" and given.events
        ]
        return max(written, default=0)

    async def _fill(self) -> AsyncIterator[Line]:
        runs = sorted(await self._runs(f"WorkflowType = '{CASE}'"), key=lambda run: run.began)
        filled: set[str] = set()
        for run in runs:
            try:
                async for case in self._fill_from(run):
                    if case not in filled:
                        filled.add(case)
                        yield Line(True, f"{case}: written to the ledger")
            except (LedgerError, ApplicationError, Undecryptable, RPCError) as error:
                yield Line(False, f"{run.workflow_id}: not all of it is in the ledger: {error}")
        yield Line(
            False,
            "not restored: cases that ended before Temporal's retention, look-ups, covers, pauses, "
            "settings of people, appeals and subjects of bulk decisions",
        )

    async def _fill_from(self, run: Run) -> AsyncIterator[str]:
        """Repeats the writes of one run, which are in its history; yields their cases."""
        start: CaseStart | None = None
        async for name, given, result in _steps(self._client, run):
            if name == STARTED:
                start = given
            elif name == "open_case" and result.event is not None:
                packed = start.policy if start is not None else None
                fits = packed is not None and packed.version == given.row.policy_version
                await self._ledger.restore_opening(given, result.event, packed if fits else None)
                yield result.event.case
            elif name == "claim_alerts":
                new = [each for each in given.alerts if each.key not in result.known]
                await self._ledger.claim_alerts(given.model_copy(update={"alerts": tuple(new)}))
            elif name == "record":
                await self._ledger.record(given)
                yield given.case


async def compare(stores: Stores) -> None:
    """Gives a new deployment its id; an error in the log if the stores don't belong together."""
    try:
        problem = await stores.settle()
    except (RPCError, LedgerUnavailable) as error:
        log.warning("stores_not_compared", error=type(error).__name__)
    else:
        if problem is not None:
            log.error("stores_apart", problem=problem)


STARTED = "started"
_WRITES: dict[str, tuple[type, type | None]] = {
    "open_case": (OpenCase, OpenedCase),
    "claim_alerts": (ClaimAlerts, ClaimedAlerts),
    "record": (LedgerWrite, None),
    "record_appeal": (AppealWrite, None),
}
"""Activities that write to the ledger, with the types of their argument and result."""


async def _steps(client: Client, run: Run) -> AsyncIterator[tuple[str, Any, Any]]:
    """The start of a run and its completed writes to the ledger: (name, argument, result)."""
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    scheduled: dict[int, Any] = {}
    async for event in handle.fetch_history_events():
        if event.HasField("workflow_execution_started_event_attributes"):
            given = event.workflow_execution_started_event_attributes.input.payloads
            is_case = not run.workflow_id.startswith(appeal_workflow_id(""))
            start = await _decoded(client, run, given, CaseStart) if is_case else None
            yield STARTED, start, None
        elif event.HasField("activity_task_scheduled_event_attributes"):
            task = event.activity_task_scheduled_event_attributes
            if task.activity_type.name in _WRITES:
                scheduled[event.event_id] = task
        elif event.HasField("activity_task_completed_event_attributes"):
            done = event.activity_task_completed_event_attributes
            task = scheduled.pop(done.scheduled_event_id, None)
            if task is None:
                continue
            argument, result = _WRITES[task.activity_type.name]
            yield (
                task.activity_type.name,
                await _decoded(client, run, task.input.payloads, argument),
                await _decoded(client, run, done.result.payloads, result),
            )


async def _decoded(
    client: Client, run: Run, payloads: Sequence[Payload], type_: type | None
) -> Any:
    if type_ is None:
        return None
    context = WorkflowSerializationContext(client.namespace, run.workflow_id)
    (value,) = await client.data_converter.with_context(context).decode(payloads[:1], [type_])
    return value


def _run_of(found: WorkflowExecution) -> Run:
    return Run(found.id, found.run_id, found.start_time)


async def _which(ask: Callable[[Row], Awaitable[bool]], rows: Sequence[Row]) -> list[str]:
    """The ids of those for which the answer is yes; a few are asked at the same time."""
    found: list[str] = []
    for first in range(0, len(rows), AT_ONCE):
        part = rows[first : first + AT_ONCE]
        answers = await asyncio.gather(*(ask(row) for row in part))
        found += [row["id"] for row, yes in zip(part, answers, strict=True) if yes]
    return found


def _is_open(row: Row) -> bool:
    return bool(row["phase"] != Phase.CLOSED.value)


def _holders(rows: Sequence[Row]) -> dict[str, str]:
    """The newest open case of each group."""
    return {row["workflow_id"]: row["id"] for row in rows if _is_open(row)}


def _runs(row: Row, running: Collection[str], holders: dict[str, str]) -> bool:
    """Whether a case runs; of several open ones of a group the newest has the group's workflow."""
    group = row["workflow_id"]
    return closed_workflow_id(row["id"]) in running or (
        group in running and holders.get(group) == row["id"]
    )


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{', '.join(ids[:NAMED])}{more}"
