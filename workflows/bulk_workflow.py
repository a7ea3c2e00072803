"""Bulk workflow: one decision for many subjects, in waves of enforcements with one subject each.

Its size does not grow with the number of subjects: they are in the ledger, their states are one
letter each, and between waves the workflow continues as new. A subject that the platform holds up
keeps its place in the wave: one never stops the others, and an unreachable platform stops all.
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

from workflows.activity_options import execute
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import BULK, WAVE
from workflows.domain.case.bulk_progress import HELD_UP, LOST, MemberStatus, NoticeMark
from workflows.domain.case.decision import (
    Measure,
    NoticeStatus,
    PersonNotice,
    PlannedAction,
)
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
from workflows.domain.case.notices import addressed
from workflows.domain.case.snapshot import SeenKeys
from workflows.domain.ids import enforcement_workflow_id
from workflows.enforcement.bulk_progress import BulkProgress
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import TASK_TIMEOUT, EnforcementStart, Job
from workflows.ports.bulk import BulkPart, BulkPort, BulkRows, BulkStart, Member
from workflows.shared.signals import signal_or_deliver
from workflows.shared.tasks import Tasks

LONG = 1_000
"""Events after which it continues as new: about eight waves."""
REPORT_EVERY = timedelta(seconds=3)
"""Between two reports: the whole workspace shares one `chat.update` limit (50 a minute)."""
LATE_REPORTS = timedelta(seconds=5)
"""Lifts come by the hundred: they are collected for 5 s, and wake the case once."""
AT_ONCE = 200
"""Rows of one write."""

_VANISHED = Problem(kind=ProblemKind.UNREACHABLE)
_ASKS = {
    MemberStatus.TO_RETRY: AskKind.RETRY,
    MemberStatus.TO_UNDO: AskKind.UNDO,
    MemberStatus.TO_GIVE_UP: AskKind.GIVE_UP,
}


@workflow.defn
class BulkWorkflow:
    """One bulk decision. Runs while something can be retried, lifted or undone."""

    @workflow.init
    def __init__(self, start: BulkStart) -> None:
        self._start = start
        self._asks: deque[Ask] = deque(start.asks)
        self._progress = BulkProgress(start)
        self._seen = SeenKeys(start.seen)
        self._tasks = Tasks()
        self._step = start.step
        self._writes = start.writes
        self._end_reported = start.end_reported
        self._asked_by = start.asked_by
        self._reported_at: datetime | None = None
        self._report_due = False

    @workflow.signal
    def ask(self, ask: Ask) -> None:
        """A person stops it, retries or gives up what failed, or undoes it."""
        if not ask.id or self._seen.add(ask.id):
            self._asks.append(ask)

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """An enforcement of one subject reports."""
        self._progress.note(report)

    @workflow.run
    async def run(self, start: BulkStart) -> EnforcementReport:
        """Works in waves, then waits for lifts and signals; returns the last report."""
        if not start.marks:
            await self._begin()
        while True:
            self._execute()
            wave = self._progress.next_lost(WAVE) or self._progress.next_wave(WAVE)
            if wave:
                await self._run_wave(wave)
            elif self._progress.unwritten:
                await self._note_late()
            elif self._settled:
                await self._report_end()
            elif self._progress.over:
                return self._report(self._ended())
            else:
                await self._wait()
            self._may_continue_as_new()

    async def _begin(self) -> None:
        """Restores the progress of an earlier run from the ledger."""
        if not self._start.fresh:
            self._progress.restore(await execute(BulkPort.bulk_statuses, self._start.bulk))
        if not self._start.fresh and self._start.notice is not None:
            notices = await execute(BulkPort.bulk_notices, self._start.bulk)
            self._progress.restore_notices(notices)
        if self._start.rebuilt:
            self._progress.rebuild()
        if self._start.rebuilt and self._start.stopped and not self._start.undo:
            self._progress.doubt(WAVE)
        if self._start.stopped:
            self._progress.stop()
        if self._start.undo:
            self._asks.append(Ask(kind=AskKind.UNDO, by=self._start.actor))

    @property
    def _settled(self) -> bool:
        """Whether an end is to be reported."""
        return not self._end_reported and not self._progress.has(*HELD_UP)

    async def _note_late(self) -> None:
        """Writes reports that came outside of a wave."""
        if self._end_reported:
            await workflow.sleep(LATE_REPORTS)
        await self._write()
        self._end_reported, self._report_due = False, True

    async def _wait(self) -> None:
        """Reports what is due, and waits for a signal."""
        if self._report_due and self._reported_at is not None:
            await workflow.sleep(
                max(REPORT_EVERY - (workflow.now() - self._reported_at), timedelta(0))
            )
        if self._report_due:
            await self._send_report(())
        await workflow.wait_condition(self._wakes)

    def _wakes(self) -> bool:
        progress = self._progress
        news = self._asks or progress.unwritten or progress.next_wave(WAVE) or progress.over
        return bool(news) or self._settled or self._is_long()

    # -- signals --------------------------------------------------------------------------

    def _execute(self) -> None:
        while self._asks:
            ask = self._asks.popleft()
            self._end_reported, self._asked_by = False, ask.by
            match ask.kind:
                case AskKind.STOP:
                    self._progress.stop()
                case AskKind.RETRY:
                    self._progress.retry()
                case AskKind.GIVE_UP:
                    self._progress.give_up()
                case AskKind.UNDO:
                    self._progress.undo()
                case AskKind.TELL:
                    self._progress.notify_again()
                case _:
                    pass  # of protections

    # -- waves ----------------------------------------------------------------------------

    async def _run_wave(self, places: tuple[int, ...]) -> None:
        start = self._start
        part = BulkPart(
            bulk=start.bulk,
            places=places,
            case=start.case,
            decision=start.decision,
            jobs=start.jobs,
            results=True,
        )
        members = await execute(BulkPort.bulk_part, part)
        # The ledger takes no write with a lower number.
        self._writes = max((self._writes, *(member.version for member in members)))
        for place in sorted(set(places) - {member.place for member in members}):
            self._miss(place)
        for member in members:
            wanted = self._progress.marks[member.place]
            notifies = self._progress.only_notifies(member.place)
            kind = AskKind.TELL if notifies else _ASKS.get(wanted)
            alive = member.place in self._progress.alive
            self._progress.begin(member.place)
            self._tasks.run(self._start_or_ask(member, kind, notifies or wanted in LOST, alive))
        await workflow.wait_condition(lambda: not self._progress.at_work)
        await self._write()
        if not self._settled or self._progress.next_wave(WAVE):
            await self._report_soon()

    def _miss(self, place: int) -> None:
        """Marks a subject that the ledger has lost: a person has to give it up."""
        given_up = self._progress.marks[place] is MemberStatus.TO_GIVE_UP
        self._progress.begin(place)
        if given_up:
            self._progress.forget(place)
        else:
            self._progress.lose(place, _VANISHED)

    async def _start_or_ask(
        self, member: Member, kind: AskKind | None, resumes: bool, alive: bool
    ) -> None:
        """Starts one subject's enforcement, or signals the one that runs."""
        if kind is not None and alive and await self._ask(member.place, kind):
            return
        if kind is AskKind.GIVE_UP:
            self._progress.forget(member.place)
            return
        await self._enforce(member, kind, resumes)

    async def _ask(self, place: int, kind: AskKind) -> bool:
        """Signals a subject's enforcement; returns whether it runs."""
        workflow_id = enforcement_workflow_id(self._start.case, self._start.decision, place)
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(
                "ask", Ask(kind=kind, by=self._asked_by, id=workflow.uuid4().hex)
            )
        except FailureError:
            return False
        return True

    async def _enforce(self, member: Member, kind: AskKind | None, resumes: bool) -> None:
        undo = kind is AskKind.UNDO
        start = self._member_start(member, undo, resumes)
        if not start.jobs:
            self._progress.forget(member.place)
            return
        try:
            report = await workflow.execute_child_workflow(
                EnforcementWorkflow.run,
                start,
                id=enforcement_workflow_id(start.case, start.decision, member.place),
                parent_close_policy=ParentClosePolicy.ABANDON,
                task_timeout=TASK_TIMEOUT,
                priority=Priority(priority_key=start.rank, fairness_key=start.case),
            )
        except WorkflowAlreadyStartedError:
            # An earlier run started it. After any signal it reports its end.
            if not await self._ask(member.place, kind or AskKind.RETRY):
                self._progress.lose(member.place, _VANISHED)
        except ChildWorkflowError:
            self._progress.lose(member.place, _VANISHED)
        else:
            if report.unproven:
                self._progress.lose(member.place, Problem(kind=ProblemKind.UNPROVEN))
            elif undo or not self._progress.is_undoing(member.place):
                self._progress.note(report)

    def _member_start(self, member: Member, undo: bool, resumes: bool) -> EnforcementStart:
        start = self._start
        planned = {
            job.action: PlannedAction(action=job.action, subject=member.subject, lasts=job.lasts)
            for job in start.jobs
        }
        return EnforcementStart(
            case=start.case,
            workflow_id=enforcement_workflow_id(start.case, start.decision),
            decision=start.decision,
            actor=self._asked_by if undo else start.actor,
            jobs=tuple(
                Job(
                    planned=planned[job.action],
                    terms=job.terms,
                    proof=proof,
                    state=self._state(member, planned[job.action]) if resumes else None,
                    life=_life(member, job.action, undo or resumes),
                    began=start.began,
                )
                for job, proof in zip(start.jobs, member.proofs, strict=False)
                if not undo or job.action in member.in_force
            ),
            undo=undo,
            # One behind single decisions of the same severity: a bulk must not delay the next case.
            rank=min(start.rank + 1, 5),
            conduct=start.conduct,
            dry_run=start.dry_run,
            place=member.place,
            notice=None if undo else self._notice(member),
            notice_state=self._notice_state(member),
        )

    def _notice(self, member: Member) -> PersonNotice | None:
        """The notice to a subject, unless it was sent; its enforcement adds what is in effect."""
        letter, mark = self._start.notice, self._progress.notices[member.place]
        if letter is None or mark is NoticeMark.SENT:
            return None
        ended = {row.action for row in member.rows if row.status is ActionStatus.LIFTED}
        done = (
            Measure(title=job.terms.title, lasts=job.lasts)
            for job in self._start.jobs
            if job.action in ended
        )
        return addressed(letter, member.subject, tuple(done))

    def _notice_state(self, member: Member) -> NoticeState | None:
        """The state of a notice that failed: only a person repeats it."""
        failed = self._progress.notices[member.place] is NoticeMark.FAILED
        problem = self._progress.notice_problem
        return NoticeState(status=NoticeStatus.FAILED, problem=problem) if failed else None

    def _state(self, member: Member, planned: PlannedAction) -> ActionState:
        """The state of an action on a subject; PENDING if the ledger has no result."""
        rows = (row for row in member.rows if row.action == planned.action)
        known = next(rows, None)
        result = {} if known is None else known.model_dump(include={"status", "until", "problem"})
        decision = self._start.decision
        return ActionState.model_validate({"decision": decision, "planned": planned, **result})

    # -- reports --------------------------------------------------------------------------

    async def _write(self) -> None:
        """Writes the new states to the ledger, before they are reported."""
        rows, self._progress.rows = self._progress.rows, []
        notices, self._progress.notice_rows = self._progress.notice_rows, {}
        for first in range(0, max(len(rows), 1), AT_ONCE):
            self._writes += 1
            last = first + AT_ONCE >= len(rows)
            written = BulkRows(
                bulk=self._start.bulk,
                case=self._start.case,
                decision=self._start.decision,
                by=self._start.actor,
                at=workflow.now(),
                version=self._writes,
                rows=tuple(rows[first : first + AT_ONCE]),
                # They are columns of the rows.
                notices=notices if last else {},
            )
            await execute(BulkPort.record_bulk, written)

    async def _report_soon(self) -> None:
        """Reports the progress, at most every 3 s."""
        self._report_due = True
        if self._reported_at is None or workflow.now() - self._reported_at >= REPORT_EVERY:
            await self._send_report(())

    async def _report_end(self) -> None:
        self._end_reported = True
        await self._send_report(self._ended())
        self._progress.undoing = False

    def _ended(self) -> tuple[ActionReport, ...]:
        status = self._progress.outcome()
        subject = Subject(type=BULK, id=self._start.bulk)
        failed = status is ActionStatus.FAILED
        would = f"{self._start.count} × …" if status is ActionStatus.DRY_RUN else ""
        return tuple(
            ActionReport(
                action=PlannedAction(action=job.action, subject=subject).key,
                status=status,
                until=self._progress.until if job.lasts is not None else None,
                problem=(self._progress.problem or _VANISHED) if failed else None,
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
            tally=self._progress.tally(self._step),
            notice=self._progress.notices_state if actions else None,
        )

    async def _send_report(self, actions: tuple[ActionReport, ...]) -> None:
        """Reports to the case, and wakes a closed one."""
        self._step, self._report_due, self._reported_at = self._step + 1, False, workflow.now()
        await signal_or_deliver(self._start.workflow_id, self._report(actions))

    # -- continue as new ------------------------------------------------------------------

    def _is_long(self) -> bool:
        info = workflow.info()
        return info.get_current_history_length() > LONG or info.is_continue_as_new_suggested()

    def _may_continue_as_new(self) -> None:
        """Continues as new between waves. Running enforcements report to the next run."""
        if not self._is_long() or self._progress.at_work or self._progress.unwritten:
            return
        progress = self._progress
        carried = {
            "asks": tuple(self._asks),
            "seen": self._seen.kept,
            "step": self._step,
            "marks": progress.letters(),
            "alive": progress.alive_digits(),
            "notices": progress.notice_letters(),
            "notice_problem": progress.notice_problem,
            "undoing": progress.undoing,
            "asked_by": self._asked_by,
            "problem": progress.problem,
            "until": progress.until,
            "writes": self._writes,
            "end_reported": self._end_reported,
            "stopped": progress.stopped,
            "undo": False,
        }
        workflow.continue_as_new(self._start.model_copy(update=carried))


def _life(member: Member, action: str, keeps: bool) -> int:
    """The `life` of an action on a subject; one more if it is made again after a rollback."""
    row = next((row for row in member.rows if row.action == action), None)
    if row is None:
        return 1
    return row.life + (not keeps and row.status is ActionStatus.ROLLED_BACK)
