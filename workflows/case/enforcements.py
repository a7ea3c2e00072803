"""What a case's events ask of the platform: enforcements begun, and asked, by the case."""

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

Heard = Callable[[EnforcementReport], None]

_OF_PROTECTIONS: dict[type, AskKind] = {
    ev.ProtectionHeld: AskKind.HOLD,
    ev.ProtectionResumed: AskKind.RESUME,
    ev.ProtectionConfirmed: AskKind.KEEP,
    ev.ProtectionDismissed: AskKind.LIFT,
}

ENFORCEMENT, BULK = "EnforcementWorkflow", "BulkWorkflow"
"""By their names: the case's file would have to be imported by theirs and back."""


class Enforcements:
    """Starts and asks the enforcements of one case; what they say at their end goes to `heard`.

    `starting` counts those that were asked for and have not begun yet.
    """

    def __init__(self, workflow_id: str, tasks: Tasks, heard: Heard) -> None:
        self._route = workflow_id
        self._tasks = tasks
        self._watches = Tasks(reports_to=tasks)
        self._heard = heard
        self.starting = 0

    def act_on(self, case: Case, event: ev.Event) -> None:
        """Does what an event asks for; `case` has it applied already."""
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

    # -- begin ----------------------------------------------------------------------------

    def _carry_out(
        self,
        case: Case,
        jobs: tuple[ActionState, ...],
        undo: bool = False,
        asks: tuple[Ask, ...] = (),
    ) -> None:
        """Begins the enforcement of the last decision, or of its undo; a ring is told why."""
        decision = case.decision
        assert decision is not None
        actor = case.turn.by if undo and case.turn and case.turn.by else decision.by
        if decision.bulk is not None:
            start_of_bulk = bulk_start(case, self._route, undo, actor, asks)
            self._watches.run(self._enforce(start_of_bulk, BULK))
            return
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._route,
            decision=decision.id,
            actor=actor,
            jobs=_jobs(case, jobs),
            undo=undo,
            rank=case.severity.rank,
            conduct=decision.conduct,
            dry_run=decision.dry_run,
            notice=None if undo else letter_of(case, decision),
        )
        self._watches.run(self._enforce(start))

    def _tell_again(self, case: Case) -> None:
        """Only the notice is left to send; an undo that comes meanwhile finds what stands."""
        decision = case.decision
        letter = letter_of(case, decision) if decision is not None else None
        if decision is None or letter is None:
            return
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._route,
            decision=decision.id,
            actor=decision.by,
            jobs=_jobs(case, tuple(a for a in case.current_actions if a.standing)),
            rank=case.severity.rank,
            notice=letter,
            told_only=True,
        )
        self._watches.run(self._enforce(start))

    def _protect(self, case: Case, event: ev.ProtectionStarted, undo: bool = False) -> None:
        start = EnforcementStart(
            case=case.id,
            workflow_id=self._route,
            decision=event.protection,
            actor=event.by,
            jobs=_jobs(case, (event.action,)),
            undo=undo,
            rank=case.severity.rank,
            protects=True,
            dry_run=case.policy.playbook.dry_run,
        )
        self._watches.run(self._enforce(start))

    async def _enforce(
        self, start: EnforcementStart | BulkStart, workflow_type: str = ENFORCEMENT
    ) -> None:
        """Runs beside the case; one that stays for a lift tells of it by signal."""
        try:
            report = await (await self._started(start, workflow_type))
        except WorkflowAlreadyStartedError:
            return  # it lives, and tells of itself
        except ChildWorkflowError:
            # Ended by an operator: the card offers Retry instead of waiting for ever.
            report = _lost(start, workflow.uuid4().hex)
        self._heard(report)

    async def _started(
        self, start: EnforcementStart | BulkStart, workflow_type: str
    ) -> workflow.ChildWorkflowHandle[Any, EnforcementReport]:
        """A child of a run that ends before it started might never start."""
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
        """The run that began the enforcement would have heard of its end; now this one does."""
        if case.acting:
            self._watches.run(self._see_the_end(case))

    async def _see_the_end(self, case: Case) -> None:
        self._heard(await end_of(case))

    # -- ask ------------------------------------------------------------------------------

    def _ask(self, case: Case, of: str, ask: Ask) -> None:
        """Asks the running enforcement; where none runs any more, it does what is left to do."""
        self._tasks.run(self._ask_running(case, of, ask))

    async def _ask_running(self, case: Case, of: str, ask: Ask) -> None:
        # One that is only being started would not be found, and would miss what it is asked.
        await workflow.wait_condition(lambda: not self.starting)
        try:
            await workflow.get_external_workflow_handle(
                enforcement_workflow_id(case.id, of)
            ).signal("ask", ask)
        except FailureError:
            self._do_without(case, of, ask)

    def _do_without(self, case: Case, of: str, ask: Ask) -> None:
        """The enforcement is over, and can't be asked any more."""
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
        """Its lift failed, somebody ended it by hand, or a decision took it over and failed."""
        if ask.kind is AskKind.KEEP and state.standing:
            self._heard(_kept(case, of, state))
        elif ask.kind is AskKind.LIFT and (state.standing or state.status is ActionStatus.KEPT):
            event = ev.ProtectionStarted(at=workflow.now(), by=ask.by, protection=of, action=state)
            self._protect(case, event, undo=True)


def _jobs(case: Case, states: tuple[ActionState, ...]) -> tuple[Job, ...]:
    actions = case.policy.catalog.actions
    return tuple(Job(planned=s.planned, spec=actions[s.planned.action]) for s in states)


def _lost(start: EnforcementStart | BulkStart, unique: str) -> EnforcementReport:
    return lost_bulk(start, unique) if isinstance(start, BulkStart) else lost(start, unique)


def _kept(case: Case, of: str, state: ActionState) -> EnforcementReport:
    news = ActionReport(action=state.planned.key, status=ActionStatus.KEPT)
    unique = workflow.uuid4().hex
    return EnforcementReport(id=unique, case=case.id, decision=of, actions=(news,))
