"""Enforcements of a case: child workflows that its events start or signal."""

from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ParentClosePolicy

from workflows.case.bulk_members import bulk_start
from workflows.case.continuation import end_of
from workflows.domain.case import events as ev
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
)
from workflows.domain.case.model import Case
from workflows.domain.case.notices import letter_of
from workflows.domain.case.rules.enforcement import begins
from workflows.domain.ids import enforcement_workflow_id
from workflows.inputs import TASK_TIMEOUT, EnforcementStart, Job, lost
from workflows.ports.bulk import BulkStart, lost_bulk
from workflows.shared.tasks import Tasks

_OF_PROTECTIONS: dict[type, AskKind] = {
    ev.ProtectionHeld: AskKind.HOLD,
    ev.ProtectionResumed: AskKind.RESUME,
    ev.ProtectionConfirmed: AskKind.KEEP,
    ev.ProtectionDismissed: AskKind.LIFT,
}

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
                self._protect(case, event)
            case ev.ActionRetried():
                self._ask(case, event.decision, Ask(kind=AskKind.RETRY, by=event.by))
            case ev.ActionsGivenUp():
                self._ask(case, event.decision, Ask(kind=AskKind.GIVE_UP, by=event.by))
            case ev.NoticeRetried():
                self._ask(case, event.decision, Ask(kind=AskKind.TELL, by=event.by))
            case ev.BulkStopped():
                self._ask(case, event.decision, Ask(kind=AskKind.STOP, by=event.by))
            case ev.UndoRequested():
                self._ask(case, event.decision, Ask(kind=AskKind.UNDO, by=event.by))
            case (
                ev.ProtectionHeld()
                | ev.ProtectionResumed()
                | ev.ProtectionConfirmed()
                | ev.ProtectionDismissed()
            ):
                kind = _OF_PROTECTIONS[type(event)]
                self._ask(case, event.protection, Ask(kind=kind, by=event.by))
            case _:
                pass

    # -- start ----------------------------------------------------------------------------

    def _carry_out(
        self,
        case: Case,
        jobs: tuple[ActionState, ...],
        undo: bool = False,
        asks: tuple[Ask, ...] = (),
    ) -> None:
        """Starts the last decision, or its undo; `asks` are passed on to a bulk decision."""
        decision = case.decision
        assert decision is not None
        actor = case.turn.by if undo and case.turn and case.turn.by else decision.by
        if decision.bulk is not None:
            bulk = bulk_start(case, self._workflow_id, undo, actor, asks)
            self._waiting.run(self._enforce(bulk, BULK))
            return
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._workflow_id,
            decision=decision.id,
            actor=actor,
            jobs=_jobs(case, jobs),
            undo=undo,
            rank=case.severity.rank,
            conduct=decision.conduct,
            dry_run=decision.dry_run,
            notice=None if undo else letter_of(case, decision),
        )
        self._waiting.run(self._enforce(start))

    def _tell_again(self, case: Case) -> None:
        """Starts an enforcement that sends only the notice. An undo can still reach it."""
        decision = case.decision
        letter = letter_of(case, decision) if decision is not None else None
        if decision is None or letter is None:
            return
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._workflow_id,
            decision=decision.id,
            actor=decision.by,
            jobs=_jobs(case, tuple(a for a in case.current_actions if a.standing)),
            rank=case.severity.rank,
            notice=letter,
            notice_only=True,
        )
        self._waiting.run(self._enforce(start))

    def _protect(self, case: Case, event: ev.ProtectionStarted, undo: bool = False) -> None:
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._workflow_id,
            decision=event.protection,
            actor=event.by,
            jobs=_jobs(case, (event.action,)),
            undo=undo,
            rank=case.severity.rank,
            protects=True,
            dry_run=case.policy.playbook.dry_run,
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
            report = _lost(start, workflow.uuid4().hex)
        self._receive(report)

    async def _started(
        self, start: EnforcementStart | BulkStart, workflow_type: str
    ) -> workflow.ChildWorkflowHandle[Any, EnforcementReport]:
        """Starts one. A run must not end before that: the child might never start."""
        self.starting += 1
        try:
            return await workflow.start_child_workflow(
                workflow_type,
                start,
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

    async def _see_the_end(self, case: Case) -> None:
        self._receive(await end_of(case))

    # -- signal ------------------------------------------------------------------------------

    def _ask(self, case: Case, of: str, ask: Ask) -> None:
        """Signals the enforcement; if it is over, starts another one for the rest."""
        self._tasks.run(self._ask_running(case, of, ask))

    async def _ask_running(self, case: Case, of: str, ask: Ask) -> None:
        # One that is not started yet would not be found.
        await workflow.wait_condition(lambda: not self.starting)
        try:
            await workflow.get_external_workflow_handle(
                enforcement_workflow_id(case.id, of)
            ).signal("ask", ask)
        except FailureError:
            self._do_without(case, of, ask)

    def _do_without(self, case: Case, of: str, ask: Ask) -> None:
        """Does what is asked of an enforcement that is over."""
        if ask.kind is AskKind.TELL:
            self._tell_again(case)
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
        if ask.kind is AskKind.KEEP and state.standing:
            self._receive(_kept(case, of, state))
        elif ask.kind is AskKind.LIFT and (state.standing or state.status is ActionStatus.KEPT):
            event = ev.ProtectionStarted(at=workflow.now(), by=ask.by, protection=of, action=state)
            self._protect(case, event, undo=True)


def _jobs(case: Case, states: tuple[ActionState, ...]) -> tuple[Job, ...]:
    actions = case.policy.catalog.actions
    return tuple(Job(planned=s.planned, spec=actions[s.planned.action]) for s in states)


def _lost(start: EnforcementStart | BulkStart, unique: str) -> EnforcementReport:
    return lost_bulk(start, unique) if isinstance(start, BulkStart) else lost(start, unique)


def _kept(case: Case, of: str, state: ActionState) -> EnforcementReport:
    kept = ActionReport(action=state.planned.key, status=ActionStatus.KEPT)
    unique = workflow.uuid4().hex
    return EnforcementReport(id=unique, case=case.id, decision=of, actions=(kept,))
