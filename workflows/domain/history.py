"""What each event changes: `apply(case, event) → case`, without rules and without refusal."""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from workflows.domain import events as ev
from workflows.domain.approval import ApprovalState
from workflows.domain.case_state import Case, Mark, Phase
from workflows.domain.enforcement import ActionState, ActionStatus
from workflows.domain.playbook.actions import OnExpiry

Changes = dict[str, Any]


def opened(route: str, policy: Any, event: ev.CaseOpened) -> Case:
    """The case that a `case_opened` begins."""
    return Case(
        id=event.case,
        route=route,
        policy=policy,
        subject=event.subject,
        severity=event.severity,
        opened_at=event.at,
        version=1,
        first=event.alert,
        latest=event.alert,
        last_alert_at=event.at,
    )


def apply(case: Case, event: ev.Event) -> Case:
    """The case after `event`."""
    change = _CHANGES[type(event)](case, event)
    return case.model_copy(update={"version": case.version + 1, **change})


def apply_all(case: Case, events: Iterable[ev.Event]) -> Case:
    """The case after all `events`, in their order."""
    return reduce(apply, events, case)


def _turn(case: Case, event: ev.Event) -> Changes:
    return {"turn": Mark(version=case.version + 1, kind=event.kind, at=event.at, by=event.by)}


def _joined(case: Case, event: ev.AlertJoined) -> Changes:
    return {
        "alerts": case.alerts + 1,
        "latest": event.alert,
        "last_alert_at": event.at,
        "severity": event.severity,
    }


def _claimed(case: Case, event: ev.CaseClaimed) -> Changes:
    return {"phase": Phase.CLAIMED, "owner": event.by, "owned_since": event.at}


def _released(case: Case, event: ev.CaseReleased) -> Changes:
    return {"phase": Phase.OPEN, "owner": None, "owned_since": None}


def _escalated(case: Case, event: ev.CaseEscalated) -> Changes:
    if event.step is None:
        return {"called_at": event.at}
    return {"steps_done": case.steps_done | {event.step}}


def _decided(case: Case, event: ev.Decided) -> Changes:
    return {
        "phase": Phase.ENFORCING,
        "decisions": (*case.decisions, event.decision),
        "actions": (*case.actions, *event.actions),
        "approval": None,
        "rejection": None,
        **_turn(case, event),
    }


def _approval_requested(case: Case, event: ev.ApprovalRequested) -> Changes:
    return {"phase": Phase.AWAITING_APPROVAL, "approval": event.approval}


def _approved(case: Case, event: ev.Approved) -> Changes:
    assert case.approval is not None
    consents = (*case.approval.consents, event.consent)
    state = ApprovalState.GRANTED if event.granted else ApprovalState.PENDING
    approval = case.approval.model_copy(update={"consents": consents, "state": state})
    if not event.granted:
        return {"approval": approval}
    return {"approval": approval, "phase": Phase.ENFORCING, **_turn(case, event)}


def _sent_back(case: Case, decision: str, state: ApprovalState) -> Changes:
    """The decision is off: its actions vanish and the decider has the case again."""
    assert case.approval is not None
    return {
        "phase": Phase.CLAIMED,
        "approval": case.approval.model_copy(update={"state": state}),
        "actions": tuple(a for a in case.actions if a.decision != decision),
    }


def _rejected(case: Case, event: ev.Rejected) -> Changes:
    back = _sent_back(case, event.decision, ApprovalState.REJECTED)
    return {**back, "rejection": event.reason, **_turn(case, event)}


def _expired(case: Case, event: ev.ApprovalExpired) -> Changes:
    if event.outcome is OnExpiry.REFUSE:
        back = _sent_back(case, event.decision, ApprovalState.EXPIRED)
        return {**back, **_turn(case, event)}
    assert case.approval is not None
    renewed = {"expires_at": event.renewed, "escalations": case.approval.escalations + 1}
    return {"approval": case.approval.model_copy(update=renewed)}


def _change_actions(
    case: Case, chosen: Callable[[ActionState], bool], **update: Any
) -> tuple[ActionState, ...]:
    return tuple(a.model_copy(update=update) if chosen(a) else a for a in case.actions)


def _named(event: Any) -> Callable[[ActionState], bool]:
    return lambda a: a.decision == event.decision and a.planned.key == event.action


def _retrying(case: Case, event: ev.ActionRetrying) -> Changes:
    changed = {"status": ActionStatus.RETRYING, "problem": event.problem}
    return {"actions": _change_actions(case, _named(event), **changed)}


def _succeeded(case: Case, event: ev.ActionSucceeded) -> Changes:
    changed = {"status": ActionStatus.DONE, "until": event.until, "problem": None}
    return {"actions": _change_actions(case, _named(event), **changed)}


def _verified(case: Case, event: ev.ActionVerified) -> Changes:
    status = ActionStatus.VERIFIED if event.matches else ActionStatus.DRIFTED
    changed = {"status": status, "until": event.until, "problem": None}
    return {"actions": _change_actions(case, _named(event), **changed)}


def _failed(case: Case, event: ev.ActionFailed) -> Changes:
    # An undo that failed leaves the action standing, and the person may try again.
    status = ActionStatus.DONE if event.undo else ActionStatus.FAILED
    changed = {"status": status, "problem": event.problem}
    return {"actions": _change_actions(case, _named(event), **changed)}


def _retried(case: Case, event: ev.ActionRetried) -> Changes:
    changed = {"status": ActionStatus.PENDING, "problem": None}
    failed = {a.planned.key for a in case.failed}
    mine = event.decision
    return {
        "actions": _change_actions(
            case, lambda a: a.decision == mine and a.planned.key in failed, **changed
        )
    }


def _given_up(case: Case, event: ev.ActionsGivenUp) -> Changes:
    actions = _change_actions(
        case,
        lambda a: a.decision == event.decision and a.status is ActionStatus.FAILED,
        status=ActionStatus.GIVEN_UP,
    )
    stands = any(a.standing for a in actions if a.decision == event.decision)
    phase = case.phase if stands else Phase.CLAIMED
    return {"actions": actions, "phase": phase, **_turn(case, event)}


def _undo_requested(case: Case, event: ev.UndoRequested) -> Changes:
    actions = _change_actions(
        case,
        lambda a: a.decision == event.decision and a.standing and a.undoable,
        status=ActionStatus.UNDOING,
        problem=None,
    )
    return {"actions": actions, **_turn(case, event)}


def _undone(case: Case, event: ev.ActionUndone) -> Changes:
    changed = {"status": ActionStatus.UNDONE, "problem": None}
    return {"actions": _change_actions(case, _named(event), **changed)}


def _lifted(case: Case, event: ev.ActionLifted) -> Changes:
    changed = {"status": ActionStatus.LIFTED, "problem": None}
    return {"actions": _change_actions(case, _named(event), **changed)}


def _appeal_answered(case: Case, event: ev.AppealAnswered) -> Changes:
    return {"appeal": event.answer, **_turn(case, event)}


def _closed(case: Case, event: ev.CaseClosed) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "verdict": event.verdict,
        "closed_at": event.at,
        **_turn(case, event),
    }


_CHANGES: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.AlertJoined: _joined,
    ev.CaseClaimed: _claimed,
    ev.CaseReleased: _released,
    ev.CaseEscalated: _escalated,
    ev.Decided: _decided,
    ev.ApprovalRequested: _approval_requested,
    ev.Approved: _approved,
    ev.Rejected: _rejected,
    ev.ApprovalExpired: _expired,
    ev.ActionRetrying: _retrying,
    ev.ActionSucceeded: _succeeded,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionRetried: _retried,
    ev.ActionsGivenUp: _given_up,
    ev.UndoRequested: _undo_requested,
    ev.ActionUndone: _undone,
    ev.ActionLifted: _lifted,
    ev.AppealAnswered: _appeal_answered,
    ev.CaseClosed: _closed,
}
