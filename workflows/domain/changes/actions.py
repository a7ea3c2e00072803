"""What news of actions and protections changes."""

from collections.abc import Callable
from typing import Any

from workflows.domain import events as ev
from workflows.domain.approval import ApprovalState, Purpose
from workflows.domain.case_state import Case
from workflows.domain.changes import ring
from workflows.domain.changes.base import Changes, came_back, turn
from workflows.domain.enforcement import NOT_DONE, ActionState, ActionStatus
from workflows.domain.protection import Intent, Protection

_S = ActionStatus


def _change(case: Case, chosen: Callable[[ActionState], bool], **update: Any) -> Changes:
    changed = tuple(a.model_copy(update=update) if chosen(a) else a for a in case.actions)
    return {"actions": changed}


def _named(event: Any) -> Callable[[ActionState], bool]:
    return lambda a: a.decision == event.decision and a.planned.key == event.action


def _retrying(case: Case, event: ev.ActionRetrying) -> Changes:
    return _change(case, _named(event), status=_S.RETRYING, problem=event.problem)


def _succeeded(case: Case, event: ev.ActionSucceeded) -> Changes:
    return _change(case, _named(event), status=_S.DONE, until=event.until, problem=None)


def _verified(case: Case, event: ev.ActionVerified) -> Changes:
    status = _S.VERIFIED if event.matches else _S.DRIFTED
    return _change(case, _named(event), status=status, until=event.until, problem=None)


def _failed(case: Case, event: ev.ActionFailed) -> Changes:
    # An undo that failed leaves the action standing, and the person may try again.
    status = _S.DONE if event.undo else _S.FAILED
    failed = _change(case, _named(event), status=status, problem=event.problem)
    failed["protections"] = tuple(_protects_on(each, event.decision) for each in case.protections)
    return failed


def _protects_on(protection: Protection, failed: str) -> Protection:
    """A protection that could not be lifted goes on until somebody lifts or confirms it."""
    if protection.id != failed or protection.intent is not Intent.LIFT_NOW:
        return protection
    return protection.model_copy(update={"intent": Intent.LIFT_IN_TIME})


def _retried(case: Case, event: ev.ActionRetried) -> Changes:
    return _change(
        case,
        lambda a: a.decision == event.decision and a.status in NOT_DONE,
        status=_S.PENDING,
        problem=None,
    )


def _given_up(case: Case, event: ev.ActionsGivenUp) -> Changes:
    mine = event.decision
    failed = [a for a in case.actions if a.decision == mine and a.status is _S.FAILED]
    given = _change(case, failed.__contains__, status=_S.GIVEN_UP)
    if any(ring.given_up(case, a) is _S.DONE for a in failed):
        given = _change(case, failed.__contains__, status=_S.DONE, problem=None)
    if any(a.standing for a in given["actions"] if a.decision == mine):
        return {**given, **turn(case, event)}
    # Nothing came of the decision: there is nothing left to review either.
    given |= came_back(event)
    if case.pending(Purpose.REVIEW):
        assert case.approval is not None
        off = {"state": ApprovalState.WITHDRAWN, "question": None}
        given["approval"] = case.approval.model_copy(update=off)
    return {**given, **turn(case, event)}


def _undo_requested(case: Case, event: ev.UndoRequested) -> Changes:
    undoing = _change(
        case,
        lambda a: a.decision == event.decision and a.standing and a.undoable,
        status=_S.UNDOING,
        problem=None,
    )
    if case.pending(Purpose.UNDO):
        assert case.approval is not None
        off = {"state": ApprovalState.WITHDRAWN, "question": None}
        undoing["approval"] = case.approval.model_copy(update=off)
    return {**undoing, **turn(case, event)}


def _status(status: ActionStatus) -> Callable[[Case, Any], Changes]:
    def change(case: Case, event: Any) -> Changes:
        return _change(case, _named(event), status=status, problem=None)

    return change


def _rehearsed(case: Case, event: ev.ActionRehearsed) -> Changes:
    return _change(case, _named(event), status=_S.REHEARSED, would=event.would, problem=None)


def _nothing(case: Case, event: ev.EnforcementStarted) -> Changes:
    return {}


def _protection_started(case: Case, event: ev.ProtectionStarted) -> Changes:
    protection = Protection(
        id=event.protection,
        action=event.action.planned.key,
        rule=event.rule,
        step=event.step,
        as_of=case.version + 1,
    )
    return {
        "protections": (*case.protections, protection),
        "actions": (*case.actions, event.action),
        "halt": None,
    }


def _withheld(case: Case, event: ev.ProtectionWithheld) -> Changes:
    return {"halt": event.halt, "withheld": case.withheld.union(event.rules)}


def _intent(intent: Intent) -> Callable[[Case, Any], Changes]:
    def change(case: Case, event: Any) -> Changes:
        changed = tuple(
            each.model_copy(update={"intent": intent}) if each.id == event.protection else each
            for each in case.protections
        )
        return {"protections": changed}

    return change


CHANGES: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.ActionRetrying: _retrying,
    ev.ActionSucceeded: _succeeded,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionRetried: _retried,
    ev.ActionsGivenUp: _given_up,
    ev.ActionSkipped: _status(_S.SKIPPED),
    ev.ActionRolledBack: _status(_S.ROLLED_BACK),
    ev.ActionRehearsed: _rehearsed,
    ev.UndoRequested: _undo_requested,
    ev.ActionUndone: _status(_S.UNDONE),
    ev.ActionLifted: _status(_S.LIFTED),
    ev.EnforcementStarted: _nothing,
    ev.ProtectionStarted: _protection_started,
    ev.ProtectionWithheld: _withheld,
    ev.ProtectionHeld: _intent(Intent.HOLD),
    ev.ProtectionResumed: _intent(Intent.LIFT_IN_TIME),
    ev.ProtectionConfirmed: _intent(Intent.HAND_OVER),
    ev.ProtectionDismissed: _intent(Intent.LIFT_NOW),
    ev.ProtectionLifted: _status(_S.LIFTED),
    ev.ProtectionKept: _status(_S.KEPT),
}
