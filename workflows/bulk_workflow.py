"""One decision for many subjects: waves of enforcements, each with a subject of its own.

Nothing grows with the ring. Its subjects stand in the ledger, where each of them is is a letter,
and between waves the workflow starts again before its history gets long. Who is held up by the
platform keeps a place in the wave: one subject never stops the others, and a platform that is
away stops them all.
"""

from collections import deque
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ParentClosePolicy

from workflows.activity_options import DELIVER_REPORT, execute
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import BULK, WAVE
from workflows.domain.case.bulk_progress import HELD_UP, MemberStatus
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.ids import enforcement_workflow_id
from workflows.enforcement.bulk_progress import BulkProgress
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import TASK_TIMEOUT, EnforcementStart, Job
from workflows.ports import bulk, cases
from workflows.ports.bulk import BulkPart, BulkRows, BulkStart, Member
from workflows.ports.cases import Delivery
from workflows.shared.tasks import Tasks

LONG = 1_000
"""Events of a history: some eight waves. A run is short, and restarts are rare."""
EVERY = timedelta(seconds=3)
"""How often it tells: one chat.update budget (50 a minute) serves the whole workspace."""
TOGETHER = timedelta(seconds=5)
"""Lifts come by the hundred: they are written down and told together, and wake the case once."""
AT_ONCE = 200
"""Rows of one write."""

_LOST = Problem(kind=ProblemKind.UNREACHABLE)
_WISH = {
    MemberStatus.TO_RETRY: AskKind.RETRY,
    MemberStatus.TO_UNDO: AskKind.UNDO,
    MemberStatus.TO_GIVE_UP: AskKind.GIVE_UP,
}


@workflow.defn
class BulkWorkflow:
    """Carries one ring out. Stays while something can fail, be lifted or be retried."""

    @workflow.init
    def __init__(self, start: BulkStart) -> None:
        self._start = start
        self._asks: deque[Ask] = deque(start.asks)
        self._roll = BulkProgress(start)
        self._watches = Tasks()
        self._step = start.step
        self._writes = start.writes
        self._told = start.told
        self._asked_by = start.asked_by
        self._told_at: datetime | None = None
        self._behind = False

    @workflow.signal
    def ask(self, ask: Ask) -> None:
        """A person wants to stop it, to try what failed again, to give that up, or an undo."""
        self._asks.append(ask)

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """News of one subject."""
        self._roll.hear(report)

    @workflow.run
    async def run(self, start: BulkStart) -> EnforcementReport:
        """Works wave after wave, then waits for lifts and wishes; returns the last news."""
        if not start.marks:
            await self._begin()
        while True:
            self._execute()
            wave = self._roll.next_wave(WAVE)
            if wave:
                await self._wave(wave)
            elif self._roll.rows:
                await self._hear_more()
            elif self._settled:
                await self._tell_end()
            elif self._roll.over:
                return self._report(self._ended())
            else:
                await self._rest()
            self._may_start_again()

    async def _begin(self) -> None:
        """Where it did not begin just now, the ledger says how far it came."""
        if not self._start.fresh:
            self._roll.recall(await execute(bulk.bulk_statuses, self._start.bulk))
        if self._start.stopped:
            self._roll.stop()
        if self._start.undo:
            self._asks.append(Ask(kind=AskKind.UNDO, by=self._start.actor))

    @property
    def _settled(self) -> bool:
        """Whether there is an end to tell of."""
        return not self._told and not self._roll.has(*HELD_UP)

    async def _hear_more(self) -> None:
        """News of subjects that no wave waits for."""
        if self._told:
            await workflow.sleep(TOGETHER)
        await self._write()
        self._told, self._behind = False, True

    async def _rest(self) -> None:
        """Until somebody wants or tells something."""
        if self._behind and self._told_at is not None:
            await workflow.sleep(max(EVERY - (workflow.now() - self._told_at), timedelta(0)))
        if self._behind:
            await self._tell(())
        await workflow.wait_condition(self._is_wanted)

    def _is_wanted(self) -> bool:
        roll = self._roll
        news = self._asks or roll.rows or roll.next_wave(WAVE) or roll.over
        return bool(news) or self._settled or self._is_long()

    # -- wishes ---------------------------------------------------------------------------

    def _execute(self) -> None:
        while self._asks:
            ask = self._asks.popleft()
            self._told, self._asked_by = False, ask.by
            match ask.kind:
                case AskKind.STOP:
                    self._roll.stop()
                case AskKind.RETRY:
                    self._roll.retry()
                case AskKind.GIVE_UP:
                    self._roll.give_up()
                case AskKind.UNDO:
                    self._roll.undo()
                case _:
                    pass  # of protections

    # -- waves ----------------------------------------------------------------------------

    async def _wave(self, places: tuple[int, ...]) -> None:
        part = BulkPart(bulk=self._start.bulk, places=places)
        members = await execute(bulk.bulk_part, part)
        for member in members:
            wanted = self._roll.marks[member.place]
            alive = member.place in self._roll.alive
            self._roll.begin(member.place)
            self._watches.run(self._take(member, wanted, alive))
        await workflow.wait_condition(lambda: not self._roll.at_work)
        await self._write()
        if not self._settled or self._roll.next_wave(WAVE):
            await self._tell_soon()

    async def _take(self, member: Member, wanted: MemberStatus, alive: bool) -> None:
        """Begins one subject's enforcement, or asks the one that is there."""
        wish = _WISH.get(wanted)
        if wish is not None and alive and await self._ask(member.place, wish):
            return
        if wish is AskKind.GIVE_UP:
            self._roll.forget(member.place)
            return
        await self._enforce(member, undo=wish is AskKind.UNDO)

    async def _ask(self, place: int, wish: AskKind) -> bool:
        """Whether the subject's own workflow was there to be asked."""
        workflow_id = enforcement_workflow_id(self._start.case, self._start.decision, place)
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(
                "ask", Ask(kind=wish, by=self._asked_by)
            )
        except FailureError:
            return False
        return True

    async def _enforce(self, member: Member, undo: bool) -> None:
        start = self._one(member, undo)
        if not start.jobs:
            self._roll.forget(member.place)
            return
        try:
            report = await workflow.execute_child_workflow(
                EnforcementWorkflow.run,
                start,
                id=enforcement_workflow_id(start.case, start.decision, member.place),
                parent_close_policy=ParentClosePolicy.ABANDON,
                task_timeout=TASK_TIMEOUT,
                priority=self._priority,
            )
        except WorkflowAlreadyStartedError:
            # A run before this one began it. Asked for anything, it tells how it ended.
            if not await self._ask(member.place, AskKind.UNDO if undo else AskKind.RETRY):
                self._roll.lose(member.place, _LOST)
        except ChildWorkflowError:
            self._roll.lose(member.place, _LOST)
        else:
            if undo or not self._roll.is_taken_back(member.place):
                self._roll.hear(report)

    def _one(self, member: Member, undo: bool) -> EnforcementStart:
        start = self._start
        return EnforcementStart(
            case=start.case,
            workflow_id=enforcement_workflow_id(start.case, start.decision),
            decision=start.decision,
            actor=self._asked_by if undo else start.actor,
            jobs=tuple(
                Job(
                    planned=PlannedAction(
                        action=job.action, subject=member.subject, lasts=job.lasts
                    ),
                    spec=job.spec,
                )
                for job in start.jobs
                if not undo or job.action in member.standing
            ),
            undo=undo,
            rank=self._rank,
            conduct=start.conduct,
            dry_run=start.dry_run,
            place=member.place,
        )

    @property
    def _rank(self) -> int:
        """Behind single decisions of the same severity: a crowd must not hold up the next case."""
        return min(self._start.rank + 1, 5)

    @property
    def _priority(self) -> Priority:
        return Priority(priority_key=self._rank, fairness_key=self._start.case)

    # -- news -----------------------------------------------------------------------------

    async def _write(self) -> None:
        """Writes down what became of whom; nothing is told before."""
        rows, self._roll.rows = self._roll.rows, []
        for first in range(0, len(rows), AT_ONCE):
            self._writes += 1
            written = BulkRows(
                bulk=self._start.bulk,
                case=self._start.case,
                decision=self._start.decision,
                by=self._start.actor,
                at=workflow.now(),
                version=self._writes,
                rows=tuple(rows[first : first + AT_ONCE]),
            )
            await execute(bulk.record_bulk, written)

    async def _tell_soon(self) -> None:
        """Tells how far it is, unless it told a moment ago: the next wave, or the end, follows."""
        self._behind = True
        if self._told_at is None or workflow.now() - self._told_at >= EVERY:
            await self._tell(())

    async def _tell_end(self) -> None:
        self._told = True
        await self._tell(self._ended())
        self._roll.undoing = False

    def _ended(self) -> tuple[ActionReport, ...]:
        status = self._roll.outcome()
        subject = Subject(type=BULK, id=self._start.bulk)
        failed = status is ActionStatus.FAILED
        would = f"{self._start.count} × …" if status is ActionStatus.DRY_RUN else ""
        return tuple(
            ActionReport(
                action=PlannedAction(action=job.action, subject=subject).key,
                status=status,
                until=self._roll.until if job.lasts is not None else None,
                problem=(self._roll.problem or _LOST) if failed else None,
                would=would,
            )
            for job in self._start.jobs
        )

    def _report(self, actions: tuple[ActionReport, ...]) -> EnforcementReport:
        return EnforcementReport(
            id=f"{workflow.info().run_id}/{self._step}",
            case=self._start.case,
            decision=self._start.decision,
            actions=actions,
            tally=self._roll.tally(self._step),
        )

    async def _tell(self, actions: tuple[ActionReport, ...]) -> None:
        """Tells the case, waking it up where it is closed."""
        self._step, self._behind, self._told_at = self._step + 1, False, workflow.now()
        report = self._report(actions)
        case = workflow.get_external_workflow_handle(self._start.workflow_id)
        try:
            await case.signal("report", report)
        except FailureError:
            delivery = Delivery(case=self._start.case, report=report)
            await execute(cases.deliver, delivery, DELIVER_REPORT)

    # -- starting again -------------------------------------------------------------------

    def _is_long(self) -> bool:
        info = workflow.info()
        return info.get_current_history_length() > LONG or info.is_continue_as_new_suggested()

    def _may_start_again(self) -> None:
        """Whoever is still at work tells it to the next run, by signal."""
        if not self._is_long() or self._roll.at_work or self._roll.rows:
            return
        roll = self._roll
        carried = {
            "asks": tuple(self._asks),
            "step": self._step,
            "marks": roll.letters(),
            "alive": roll.lives(),
            "undoing": roll.undoing,
            "asked_by": self._asked_by,
            "problem": roll.problem,
            "until": roll.until,
            "writes": self._writes,
            "told": self._told,
            "stopped": roll.stopped,
            "undo": False,
        }
        workflow.continue_as_new(self._start.model_copy(update=carried))
