"""Enforcements of a case: child workflows that its events start or signal."""

from collections.abc import Callable, Iterable
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ParentClosePolicy

from workflows.activity_options import execute
from workflows.case.bulk_members import bulk_start
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Decision, NoticeStatus, PlannedAction
from workflows.domain.case.enforcement import (
    ACTING,
    UNSETTLED,
    ActionReport,
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
    terms_of,
)
from workflows.domain.case.model import Case, Intent, Protection
from workflows.domain.case.notices import notice_of
from workflows.domain.case.rules.enforcement import begins, proof_of, stays_under_way
from workflows.domain.ids import enforcement_workflow_id
from workflows.inputs import TASK_TIMEOUT, EnforcementStart, Job
from workflows.ports.bulk import BulkStart
from workflows.ports.cases import CasePort, ProofRequest
from workflows.shared.tasks import Tasks

_SIGNALS: dict[type, AskKind] = {
    ev.ActionRetried: AskKind.RETRY,
    ev.ActionsGivenUp: AskKind.GIVE_UP,
    ev.NoticeRetried: AskKind.TELL,
    ev.BulkStopped: AskKind.STOP,
    ev.UndoRequested: AskKind.UNDO,
    ev.ProtectionHeld: AskKind.HOLD,
    ev.ProtectionResumed: AskKind.RESUME,
    ev.ProtectionConfirmed: AskKind.KEEP,
    ev.ProtectionDismissed: AskKind.LIFT,
}

_INTENDED = {
    Intent.HOLD: AskKind.HOLD,
    Intent.HAND_OVER: AskKind.KEEP,
    Intent.LIFT_NOW: AskKind.LIFT,
}
"""Asks of a protection that was lost before it did what its case intends."""

_UNREACHABLE = Problem(kind=ProblemKind.UNREACHABLE)

ENFORCEMENT, BULK = "EnforcementWorkflow", "BulkWorkflow"
"""Workflow types by name: importing the classes would make an import circle."""


class Enforcements:
    """Child workflows of one case; their last reports go to `receive`.

    `starting` is the number of those that Temporal has not started yet.
    """

    def __init__(
        self, workflow_id: str, tasks: Tasks, receive: Callable[[EnforcementReport], None]
    ) -> None:
        self._workflow_id = workflow_id
        self._tasks = tasks
        self._waiting = Tasks(reports_to=tasks)
        self._receive = receive
        self.starting = 0

    def act_on(self, case: Case, event: ev.Event) -> None:
        """Starts or signals what an event requires; `case` includes the event."""
        match event:
            case ev.Decided() | ev.Approved() | ev.EnforcementStarted():
                if begins(case, event):
                    self._carry_out(case, case.current_actions)
            case ev.ProtectionStarted():
                self._protect(case, event.protection, event.action, event.by)
            case (
                ev.ActionRetried(decision=of)
                | ev.ActionsGivenUp(decision=of)
                | ev.NoticeRetried(decision=of)
                | ev.BulkStopped(decision=of)
                | ev.UndoRequested(decision=of)
                | ev.ProtectionHeld(protection=of)
                | ev.ProtectionResumed(protection=of)
                | ev.ProtectionConfirmed(protection=of)
                | ev.ProtectionDismissed(protection=of)
            ):
                kind, unique = _SIGNALS[type(event)], workflow.uuid4().hex
                ask = Ask(kind=kind, by=event.by, id=unique, at=event.at)
                self._tasks.run(self._ask_running(case, of, ask))
            case _:
                pass

    # -- start ----------------------------------------------------------------------------

    def _carry_out(
        self,
        case: Case,
        jobs: tuple[ActionState, ...],
        undo: bool = False,
        asks: tuple[Ask, ...] = (),
        decision: Decision | None = None,
    ) -> None:
        """Starts the last decision, or its undo; `asks` are passed on to a bulk decision."""
        decision = decision or case.decision
        assert decision is not None
        actor = jobs[0].ended_by or decision.by if undo else decision.by
        if decision.bulk is not None:
            self._carry_out_bulk(case, decision, undo, actor, asks)
            return
        self._start(
            case,
            decision.id,
            jobs,
            actor=actor,
            undo=undo,
            conduct=decision.conduct,
            dry_run=decision.dry_run,
            notice=None if undo else notice_of(case, decision),
        )

    def _carry_out_bulk(
        self,
        case: Case,
        decision: Decision,
        undo: bool,
        actor: str | None,
        asks: tuple[Ask, ...] = (),
        rebuilt: bool = False,
    ) -> None:
        bulk = bulk_start(case, self._workflow_id, undo, actor, asks, decision)
        # Of one that was lost, the ledger has the progress.
        changed = {"rebuilt": True, "fresh": False} if rebuilt else {}
        self._waiting.run(self._enforce(bulk.model_copy(update=changed), BULK))

    def _repeat_notice(self, case: Case, ask: Ask) -> None:
        """Starts an enforcement that sends only the notice. An undo can still reach it."""
        decision = case.decision
        letter = notice_of(case, decision) if decision is not None else None
        if decision is None or letter is None:
            return
        if decision.bulk is not None:
            self._carry_out_bulk(case, decision, False, decision.by, (ask,))
            return
        done = tuple(each for each in case.current_actions if each.in_force)
        by = decision.by
        self._start(case, decision.id, done, actor=by, notice=letter, notice_only=True)

    def _protect(
        self, case: Case, protection: str, action: ActionState, by: str | None, undo: bool = False
    ) -> None:
        dry_run = case.policy.playbook.dry_run
        actions = (action,)
        self._start(case, protection, actions, actor=by, undo=undo, protects=True, dry_run=dry_run)

    def _start(
        self,
        case: Case,
        decision: str,
        actions: tuple[ActionState, ...],
        resumes: bool = False,
        **options: Any,
    ) -> None:
        specs = case.policy.catalog.actions
        proof = proof_of(
            case,
            decision,
            by=options["actor"],
            undo=options.get("undo", False),
            dry_run=options.get("dry_run", False),
        )
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._workflow_id,
            decision=decision,
            jobs=tuple(
                Job(
                    planned=a.planned,
                    terms=terms_of(specs[a.planned.action]),
                    proof=proof,
                    state=a if resumes else None,
                    life=a.life,
                    began=a.began,
                )
                for a in actions
            ),
            rank=case.severity.rank,
            detectors=_detectors_of(case, decision),
            **options,
        )
        self._waiting.run(self._enforce(start))

    async def _enforce(
        self, start: EnforcementStart | BulkStart, workflow_type: str = ENFORCEMENT
    ) -> None:
        """Runs one to its end. One that waits for a lift also reports by signal."""
        try:
            report = await (await self._started(start, workflow_type))
        except WorkflowAlreadyStartedError:
            return  # it reports by signal
        except ChildWorkflowError:
            # Terminated by an operator: the card offers Retry instead of waiting forever.
            report = _terminated(start)
        self._receive(_unproven(start) if report.unproven else report)

    async def _started(
        self, start: EnforcementStart | BulkStart, workflow_type: str
    ) -> workflow.ChildWorkflowHandle[Any, EnforcementReport]:
        """Starts one. A run must not end before that: the child might never start."""
        self.starting += 1
        try:
            return await workflow.start_child_workflow(
                workflow_type,
                await _proven(start),
                id=enforcement_workflow_id(start.case, start.decision),
                result_type=EnforcementReport,
                parent_close_policy=ParentClosePolicy.ABANDON,
                task_timeout=TASK_TIMEOUT,
                priority=Priority(priority_key=start.rank),
            )
        finally:
            self.starting -= 1

    def take_over(self, case: Case) -> None:
        """Waits for the end of an enforcement that the previous run started."""
        if case.acting:
            self._waiting.run(self._see_the_end(case))

    def start_again(self, case: Case) -> None:
        """Continues every enforcement of a case whose workflows Temporal lost.

        No change is sent twice: what was under way counts as failed without an answer. An undo
        that was under way is sent again, under the same idempotency key.
        """
        for decision in case.decisions:
            if stays_under_way(case, decision.id):
                self._continue(case, decision)
        for protection in case.protections:
            if stays_under_way(case, protection.id):
                self._continue_protection(case, protection)

    def _continue(self, case: Case, decision: Decision) -> None:
        states = case.actions_of(decision.id)
        undoing = tuple(each for each in states if each.status is ActionStatus.UNDOING)
        if decision.bulk is not None:
            by = undoing[0].ended_by or decision.by if undoing else decision.by
            # Failed subjects of a decision that has ended were given up.
            ended = not any(each.status in UNSETTLED | ACTING for each in states)
            asks = (Ask(kind=AskKind.GIVE_UP, by=by),) if ended else ()
            self._carry_out_bulk(case, decision, bool(undoing), by, asks, rebuilt=True)
            return
        if undoing:
            self._carry_out(case, undoing, undo=True, decision=decision)
            return
        state, letter = case.notices.get(decision.id), notice_of(case, decision)
        failed = state is not None and state.status is NoticeStatus.FAILED
        self._start(
            case,
            decision.id,
            states,
            actor=decision.by,
            resumes=True,
            conduct=decision.conduct,
            dry_run=decision.dry_run,
            # The enforcement adds what is in effect.
            notice=None if letter is None else letter.model_copy(update={"done": ()}),
            notice_state=state if failed else None,
        )

    def _continue_protection(self, case: Case, protection: Protection) -> None:
        states = case.actions_of(protection.id)
        kind = _INTENDED.get(protection.intent)
        self._start(
            case,
            protection.id,
            states,
            actor=None,
            resumes=True,
            protects=True,
            dry_run=case.policy.playbook.dry_run,
            asks=() if kind is None else (Ask(kind=kind, by=states[0].ended_by),),
        )

    async def _see_the_end(self, case: Case) -> None:
        decision = case.current_actions[0].decision
        report = await execute(CasePort.outcome, enforcement_workflow_id(case.id, decision))
        planned = (each.planned for each in case.current_actions)
        if report is not None and report.unproven:
            report = _failed(case.id, decision, planned, Problem(kind=ProblemKind.UNPROVEN))
        self._receive(report or _failed(case.id, decision, planned))

    # -- signal ------------------------------------------------------------------------------

    async def _ask_running(self, case: Case, of: str, ask: Ask) -> None:
        """Signals the enforcement; if it is over, starts another one for the rest."""
        # One that is not started yet would not be found.
        await workflow.wait_condition(lambda: not self.starting)
        workflow_id = enforcement_workflow_id(case.id, of)
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal("ask", ask)
        except FailureError:
            self._do_without(case, of, ask)

    def _do_without(self, case: Case, of: str, ask: Ask) -> None:
        """Does what is asked of an enforcement that is over."""
        if ask.kind is AskKind.TELL:
            self._repeat_notice(case, ask)
            return
        undo = ask.kind in (AskKind.UNDO, AskKind.LIFT)
        status = ActionStatus.UNDOING if ask.kind is AskKind.UNDO else ActionStatus.PENDING
        state = case.protected(of) if any(p.id == of for p in case.protections) else None
        if state is not None:
            self._end_protection(case, of, state, ask)
            return
        jobs = tuple(a for a in case.actions_of(of) if a.status is status)
        if jobs and ask.kind not in (AskKind.GIVE_UP, AskKind.STOP):
            self._carry_out(case, jobs, undo, () if undo else (ask,))

    def _end_protection(self, case: Case, of: str, state: ActionState, ask: Ask) -> None:
        """Ends a protection whose workflow is over: its lift failed, or it was terminated."""
        if ask.kind is AskKind.KEEP and state.in_force:
            self._receive(_kept(case, of, state))
        elif ask.kind is AskKind.LIFT and (state.in_force or state.status is ActionStatus.KEPT):
            self._protect(case, of, state, ask.by, undo=True)


def _detectors_of(case: Case, decision: str) -> tuple[str, ...]:
    """Returns the detectors by whose alerts Koban decided or protects."""
    known = {each.id: each.detectors for each in case.decisions}
    known |= {each.id: each.detectors for each in case.protections}
    return known.get(decision, ())


async def _proven(start: EnforcementStart | BulkStart) -> EnforcementStart | BulkStart:
    """Returns the start with signed proofs: a worker makes no request without one."""
    if not start.jobs:
        return start
    wanted = ProofRequest(
        case=start.case,
        decision=start.decision,
        actions=_planned(start),
        proof=start.jobs[0].proof,
    )
    proofs = await execute(CasePort.prove, wanted)
    jobs = tuple(
        job.model_copy(update={"proof": proof})
        for job, proof in zip(start.jobs, proofs, strict=True)
    )
    return start.model_copy(update={"jobs": jobs})


def _planned(start: EnforcementStart | BulkStart) -> tuple[PlannedAction, ...]:
    if isinstance(start, EnforcementStart):
        return tuple(job.planned for job in start.jobs)
    return tuple(job.planned(start.bulk) for job in start.jobs)


def _unproven(start: EnforcementStart | BulkStart) -> EnforcementReport:
    """Returns the report of a decision whose signature no worker accepts: its keys differ."""
    problem = Problem(kind=ProblemKind.UNPROVEN)
    return _failed(start.case, start.decision, _planned(start), problem)


def _terminated(start: EnforcementStart | BulkStart) -> EnforcementReport:
    """Returns the report of a workflow that was terminated: everything left to do failed."""
    if isinstance(start, BulkStart):
        only_notices = {each.kind for each in start.asks} == {AskKind.TELL}
    else:
        only_notices = start.notice_only
    if not only_notices:
        return _failed(start.case, start.decision, _planned(start))
    notice = NoticeState(status=NoticeStatus.FAILED, problem=_UNREACHABLE)
    return _failed(start.case, start.decision, ()).model_copy(update={"notice": notice})


def _failed(
    case: str, decision: str, planned: Iterable[PlannedAction], problem: Problem = _UNREACHABLE
) -> EnforcementReport:
    failed = ActionStatus.FAILED
    return EnforcementReport(
        id=workflow.uuid4().hex,
        case=case,
        decision=decision,
        actions=tuple(
            ActionReport(action=each.key, status=failed, problem=problem) for each in planned
        ),
    )


def _kept(case: Case, of: str, state: ActionState) -> EnforcementReport:
    kept = ActionReport(action=state.planned.key, status=ActionStatus.KEPT)
    unique = workflow.uuid4().hex
    return EnforcementReport(id=unique, case=case.id, decision=of, actions=(kept,))
