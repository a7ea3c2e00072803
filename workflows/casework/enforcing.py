"""What a case's events ask of the platform: enforcements begun, and asked, by the case."""

from collections.abc import Callable

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ParentClosePolicy

from workflows.casework.errands import Errands
from workflows.domain import events as ev
from workflows.domain.approval import Purpose
from workflows.domain.case_state import Case, Phase
from workflows.domain.enforcement import (
    ActionReport,
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
)
from workflows.domain.identity import enforcement_route
from workflows.starts import TASK_TIMEOUT, EnforcementStart, Job, lost

Heard = Callable[[EnforcementReport], None]

_OF_PROTECTIONS: dict[type, AskKind] = {
    ev.ProtectionHeld: AskKind.HOLD,
    ev.ProtectionResumed: AskKind.RESUME,
    ev.ProtectionConfirmed: AskKind.KEEP,
    ev.ProtectionDismissed: AskKind.LIFT,
}

ENFORCEMENT = "EnforcementWorkflow"
"""By its name: the case's file would have to be imported by the enforcement's and back."""


class Enforcing:
    """Starts and asks the enforcements of one case; what they say at their end goes to `heard`."""

    def __init__(self, route: str, errands: Errands, heard: Heard) -> None:
        self._route = route
        self._errands = errands
        self._watches = Errands()
        self._heard = heard

    def act_on(self, case: Case, event: ev.Event) -> None:
        """Does what an event asks for; `case` has it applied already."""
        match event:
            case ev.Decided() | ev.Approved() | ev.EnforcementStarted():
                if _begins(case, event):
                    self._carry_out(case, case.current_actions)
            case ev.ProtectionStarted():
                self._protect(case, event)
            case ev.ActionRetried():
                self._ask(case, event.decision, Ask(kind=AskKind.RETRY, by=event.by))
            case ev.ActionsGivenUp():
                self._ask(case, event.decision, Ask(kind=AskKind.GIVE_UP, by=event.by))
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

    def _carry_out(self, case: Case, jobs: tuple[ActionState, ...], undo: bool = False) -> None:
        """Begins the enforcement of the last decision, or of its undo."""
        decision = case.decision
        assert decision is not None
        start = EnforcementStart(
            case=case.id,
            route=self._route,
            decision=decision.id,
            actor=case.turn.by if undo and case.turn and case.turn.by else decision.by,
            jobs=_jobs(case, jobs),
            undo=undo,
            rank=case.severity.rank,
            conduct=decision.conduct,
            rehearse=decision.rehearse,
        )
        self._watches.run(self._enforce(start))

    def _protect(self, case: Case, event: ev.ProtectionStarted, undo: bool = False) -> None:
        start = EnforcementStart(
            case=case.id,
            route=self._route,
            decision=event.protection,
            actor=event.by,
            jobs=_jobs(case, (event.action,)),
            undo=undo,
            rank=case.severity.rank,
            protects=True,
            rehearse=case.policy.playbook.rehearse,
        )
        self._watches.run(self._enforce(start))

    async def _enforce(self, start: EnforcementStart) -> None:
        """Runs beside the case; one that stays for a lift tells of it by signal."""
        try:
            report = await workflow.execute_child_workflow(
                ENFORCEMENT,
                start,
                id=enforcement_route(start.case, start.decision),
                result_type=EnforcementReport,
                parent_close_policy=ParentClosePolicy.ABANDON,
                task_timeout=TASK_TIMEOUT,
                priority=Priority(priority_key=start.rank),
            )
        except WorkflowAlreadyStartedError:
            return  # it lives, and tells of itself
        except ChildWorkflowError:
            # Ended by an operator: the card offers Retry instead of waiting for ever.
            report = lost(start, workflow.uuid4().hex)
        self._heard(report)

    # -- ask ------------------------------------------------------------------------------

    def _ask(self, case: Case, of: str, ask: Ask) -> None:
        """Asks the running enforcement; where none runs any more, it does what is left to do."""
        self._errands.run(self._ask_running(case, of, ask))

    async def _ask_running(self, case: Case, of: str, ask: Ask) -> None:
        try:
            await workflow.get_external_workflow_handle(enforcement_route(case.id, of)).signal(
                "ask", ask
            )
        except FailureError:
            self._do_without(case, of, ask)

    def _do_without(self, case: Case, of: str, ask: Ask) -> None:
        """The enforcement is over, and can't be asked any more."""
        undo = ask.kind in (AskKind.UNDO, AskKind.LIFT)
        status = ActionStatus.UNDOING if ask.kind is AskKind.UNDO else ActionStatus.PENDING
        state = case.protected(of) if any(p.id == of for p in case.protections) else None
        if state is not None:
            self._end_protection(case, of, state, ask)
            return
        jobs = tuple(a for a in case.actions_of(of) if a.status is status)
        if jobs and ask.kind is not AskKind.GIVE_UP:
            self._carry_out(case, jobs, undo)

    def _end_protection(self, case: Case, of: str, state: ActionState, ask: Ask) -> None:
        """Its lift failed, or somebody ended it by hand: it stands, and nobody looks after it."""
        if not state.standing:
            return
        if ask.kind is AskKind.KEEP:
            self._heard(_kept(case, of, state))
        elif ask.kind is AskKind.LIFT:
            event = ev.ProtectionStarted(at=workflow.now(), by=ask.by, protection=of, action=state)
            self._protect(case, event, undo=True)


def _begins(case: Case, event: ev.Decided | ev.Approved | ev.EnforcementStarted) -> bool:
    """Whether the last decision is to be carried out now that this happened."""
    if case.phase is not Phase.ENFORCING or case.handing_over or not case.current_actions:
        return False
    if not isinstance(event, ev.Approved):
        return True
    of_decision = case.approval is not None and case.approval.purpose is Purpose.DECISION
    return event.granted and of_decision


def _jobs(case: Case, states: tuple[ActionState, ...]) -> tuple[Job, ...]:
    actions = case.policy.catalog.actions
    return tuple(Job(planned=s.planned, spec=actions[s.planned.action]) for s in states)


def _kept(case: Case, of: str, state: ActionState) -> EnforcementReport:
    news = ActionReport(action=state.planned.key, status=ActionStatus.KEPT)
    unique = workflow.uuid4().hex
    return EnforcementReport(id=unique, case=case.id, decision=of, actions=(news,))
