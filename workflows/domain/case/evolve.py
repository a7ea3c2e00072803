"""What news of actions and protections changes."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import reduce
from typing import Any

from workflows.domain.case import events as ev
from workflows.domain.case.approval import ApprovalState, Exchange, Purpose, Question
from workflows.domain.case.bulk import BulkState
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import NOT_DONE, ActionState, ActionStatus, NoticeState
from workflows.domain.case.events import Event
from workflows.domain.case.model import (
    Case,
    Hold,
    HoldKind,
    Intent,
    Mark,
    Phase,
    Protection,
    seen_with,
)
from workflows.domain.policy.actions import OnExpiry

Changes = dict[str, Any]
"""New values by the names of a case's fields."""


def turn(case: Case, event: Event) -> Changes:
    """The event is a step in the decision's life: presses on older cards may be outdated by it."""
    return {"turn": Mark(version=case.version + 1, kind=event.kind, at=event.at, by=event.by)}


def active(case: Case, event: Event) -> Changes:
    """The assignee was seen."""
    if event.by is None or event.by != case.owner:
        return {}
    return {"active_at": event.at, "warned": False}


def came_back(event: Event) -> Changes:
    """The case is undecided again; its assignee has just got it, and is left some time for it."""
    return {
        "phase": Phase.CLAIMED,
        "active_at": event.at,
        "warned": False,
        "back_at": event.at,
    }


def began(case: Case, event: ev.Decided) -> Changes:
    """A decision's ring has got nowhere yet."""
    bulk = event.decision.bulk
    if bulk is None:
        return {}
    return {"bulk_decisions": {**case.bulk_decisions, event.decision.id: BulkState.of(bulk)}}


def given_up(case: Case, action: ActionState) -> ActionStatus:
    """What a failed action becomes: of a ring stands what was done."""
    bulk = case.bulk_decisions.get(action.decision)
    done = bulk is not None and bulk.tally.done > 0
    return ActionStatus.DONE if done else ActionStatus.GIVEN_UP


def _progressed(case: Case, event: ev.BulkProgressed) -> Changes:
    return _with(case, event.decision, tally=event.tally)


def _stopped(case: Case, event: ev.BulkStopped) -> Changes:
    return {**_with(case, event.decision, stopped_by=event.by), **turn(case, event)}


def _with(case: Case, decision: str, **update: Any) -> Changes:
    bulk = case.bulk_decisions[decision].model_copy(update=update)
    return {"bulk_decisions": {**case.bulk_decisions, decision: bulk}}


_BULK: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.BulkProgressed: _progressed,
    ev.BulkStopped: _stopped,
}


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
    if any(given_up(case, a) is _S.DONE for a in failed):
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


def _dry_run(case: Case, event: ev.ActionDryRun) -> Changes:
    return _change(case, _named(event), status=_S.DRY_RUN, would=event.would, problem=None)


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


_ENFORCEMENT: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.ActionRetrying: _retrying,
    ev.ActionSucceeded: _succeeded,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionRetried: _retried,
    ev.ActionsGivenUp: _given_up,
    ev.ActionSkipped: _status(_S.SKIPPED),
    ev.ActionRolledBack: _status(_S.ROLLED_BACK),
    ev.ActionDryRun: _dry_run,
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


def _joined(case: Case, event: ev.AlertJoined) -> Changes:
    worse = event.severity is not case.severity
    return {
        "alerts": case.alerts + 1,
        "latest": event.alert,
        "last_alert_at": event.at,
        "severity": event.severity,
        "sightings": seen_with(case.sightings, event.alert.related, case.version + 1),
        **(_called_anew(case) if worse else {}),
    }


def _called_anew(case: Case) -> Changes:
    """Who has seen the milder case has not seen this one.

    A ladder that is written says itself which steps are for the worst. Without one the steps are
    the ends of the clocks, and these are others now.
    """
    anew: Changes = {"acknowledged_by": None}
    if not case.policy.playbook.escalation:
        anew |= {"steps_done": frozenset(), "repeats": {}, "told_at": {}}
    return anew


def _owned(case: Case, owner: str | None, event: ev.Event) -> Changes:
    at = None if owner is None else event.at
    since = {"owned_since": at, "owned_as_of": case.version + 1}
    return {"owner": owner, "active_at": at, "warned": False, **since}


def _claimed(case: Case, event: ev.CaseClaimed) -> Changes:
    return {"phase": Phase.CLAIMED, **_owned(case, event.by, event)}


def _handed_over(case: Case, event: ev.CaseHandedOver) -> Changes:
    return {"phase": Phase.CLAIMED, **_owned(case, event.to, event)}


def _left(case: Case, event: ev.CaseReleased | ev.ClaimExpired) -> Changes:
    gone = {"phase": Phase.OPEN, "back_at": None}
    return {**gone, **_owned(case, None, event), **_off_hold(case, event)}


def _warned(case: Case, event: ev.ClaimWarned) -> Changes:
    return {"warned": True, "warned_until": event.until}


def _escalated(case: Case, event: ev.CaseEscalated) -> Changes:
    if event.step is None:
        return {"called_at": event.at, **active(case, event)}
    done = case.steps_done | {event.step} if event.last else case.steps_done
    return {
        "steps_done": done,
        "repeats": {**case.repeats, event.step: event.round + 1},
        "told_at": {**case.told_at, event.step: event.at},
    }


def _acknowledged(case: Case, event: ev.CaseAcknowledged) -> Changes:
    return {"acknowledged_by": event.by, **active(case, event)}


def _snoozed(case: Case, event: ev.CaseSnoozed) -> Changes:
    hold = Hold(
        kind=HoldKind.SNOOZED,
        by=event.by or "",
        since=event.at,
        until=event.until,
        pauses=event.pauses,
    )
    return {"hold": hold, "holds": case.holds + 1, **active(case, event)}


def _waiting(case: Case, event: ev.CaseWaiting) -> Changes:
    hold = Hold(
        kind=HoldKind.WAITING,
        by=event.by or "",
        since=event.at,
        until=event.until,
        pauses=True,
        note=event.note,
    )
    return {"hold": hold, "holds": case.holds + 1, **active(case, event)}


def _off_hold(case: Case, event: ev.Event) -> Changes:
    if case.hold is None:
        return {}
    # Whoever looks late finds that the clocks run again since the hold's end.
    stood = min(event.at, case.hold.until) - case.hold.since
    stood = stood if case.hold.pauses else timedelta()
    return {"hold": None, "paused_for": case.paused_for + stood}


def _resumed(case: Case, event: ev.CaseResumed) -> Changes:
    # Whoever put it off is reckoned with again from now on.
    seen = {"active_at": event.at, "warned": False} if case.owner else {}
    return {**_off_hold(case, event), **seen}


def off_hold(case: Case, event: ev.Event) -> Changes:
    """A decision ends a hold."""
    return _off_hold(case, event)


def _watched(case: Case, event: ev.CaseWatched) -> Changes:
    assert event.by is not None
    return {"watchers": (*case.watchers, event.by)}


def _unwatched(case: Case, event: ev.CaseUnwatched) -> Changes:
    return {"watchers": tuple(each for each in case.watchers if each != event.by)}


def _noted(case: Case, event: ev.NoteAdded) -> Changes:
    return active(case, event)


def _merged(case: Case, event: ev.CaseMerged) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "closed_at": event.at,
        "merged_into": event.into,
        **_off_hold(case, event),
        **turn(case, event),
    }


def _absorbed(case: Case, event: ev.CaseAbsorbed) -> Changes:
    return {"absorbed": (*case.absorbed, event.case), "alerts": case.alerts + event.alerts}


_WORK: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.AlertJoined: _joined,
    ev.CaseClaimed: _claimed,
    ev.CaseReleased: _left,
    ev.ClaimExpired: _left,
    ev.ClaimWarned: _warned,
    ev.CaseHandedOver: _handed_over,
    ev.CaseEscalated: _escalated,
    ev.CaseAcknowledged: _acknowledged,
    ev.CaseSnoozed: _snoozed,
    ev.CaseWaiting: _waiting,
    ev.CaseResumed: _resumed,
    ev.CaseWatched: _watched,
    ev.CaseUnwatched: _unwatched,
    ev.NoteAdded: _noted,
    ev.EvidenceRevealed: active,
    ev.CaseMerged: _merged,
    ev.CaseAbsorbed: _absorbed,
}


MOST_EXCHANGES = 5
"""Questions with their answers that a request keeps; the thread keeps all."""


def _decided(case: Case, event: ev.Decided) -> Changes:
    return {
        "phase": Phase.ENFORCING,
        "decisions": (*case.decisions, event.decision),
        "actions": (*case.actions, *event.actions),
        "approval": None,
        "rejection": None,
        **began(case, event),
        **off_hold(case, event),
        **turn(case, event),
    }


def _requested(case: Case, event: ev.ApprovalRequested) -> Changes:
    asked: Changes = {"approval": event.approval}
    if event.approval.purpose is Purpose.DECISION:
        asked["phase"] = Phase.AWAITING_APPROVAL
    # Whoever pressed Undo on the same card meanwhile has to see that it is asked for already.
    return asked | (turn(case, event) if event.approval.purpose is Purpose.UNDO else {})


def _changed(case: Case, **update: Any) -> Changes:
    assert case.approval is not None
    return {"approval": case.approval.model_copy(update=update)}


def _approved(case: Case, event: ev.Approved) -> Changes:
    assert case.approval is not None
    consents = (*case.approval.consents, event.consent)
    if not event.granted:
        return _changed(case, consents=consents)
    granted = _changed(case, consents=consents, state=ApprovalState.GRANTED, question=None)
    if case.approval.purpose is Purpose.DECISION:
        granted["phase"] = Phase.ENFORCING
    return {**granted, **turn(case, event)}


def _sent_back(case: Case, event: Any, state: ApprovalState) -> Changes:
    """The request is off; a decision that waited for it vanishes, and its case is undecided."""
    assert case.approval is not None
    over = _changed(case, state=state, question=None)
    if case.approval.purpose is Purpose.UNDO:
        return {**over, **turn(case, event)}
    back = came_back(event)
    if case.approval.purpose is Purpose.DECISION:
        back["actions"] = tuple(a for a in case.actions if a.decision != event.decision)
    return {**over, **back, **turn(case, event)}


def _rejected(case: Case, event: ev.Rejected) -> Changes:
    return {**_sent_back(case, event, ApprovalState.REJECTED), "rejection": event.reason}


def _withdrawn(case: Case, event: ev.ApprovalWithdrawn) -> Changes:
    return _sent_back(case, event, ApprovalState.WITHDRAWN)


def _expired(case: Case, event: ev.ApprovalExpired) -> Changes:
    if event.outcome is OnExpiry.REFUSE:
        return _sent_back(case, event, ApprovalState.EXPIRED)
    assert case.approval is not None
    more = case.approval.escalations + 1
    return _changed(case, expires_at=event.renewed, escalations=more, reminded=False)


def _reminded(case: Case, event: ev.ApprovalReminded) -> Changes:
    return _changed(case, reminded=True)


def _asked(case: Case, event: ev.ApprovalAsked) -> Changes:
    assert case.approval is not None
    question = Question(
        by=event.by or "",
        at=event.at,
        text=event.question,
        left=max(case.approval.expires_at - event.at, timedelta()),
        until=event.until,
    )
    return _changed(case, question=question)


def _answered(case: Case, event: ev.ApprovalAnswered) -> Changes:
    assert case.approval is not None
    question, ends = case.approval.question, {"question": None, "expires_at": event.expires_at}
    if question is None:
        return _changed(case, **ends)
    told = Exchange(
        question=question.text,
        answer=event.answer,
        asked_by=question.by,
        by=event.by,
        at=event.at,
    )
    exchanges = (*case.approval.exchanges, told)[-MOST_EXCHANGES:]
    return _changed(case, **ends, exchanges=exchanges)


def _closed(case: Case, event: ev.CaseClosed) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "verdict": event.verdict,
        "closed_at": event.at,
        **turn(case, event),
    }


def _reopened(case: Case, event: ev.CaseReopened) -> Changes:
    return {
        "phase": Phase.CLAIMED,
        "owner": event.by,
        "owned_since": event.at,
        "owned_as_of": case.version + 1,
        "active_at": event.at,
        "warned": False,
        "verdict": None,
        "closed_at": None,
        "merged_into": None,
        "approval": None,
        "rejection": None,
        "clock_from": event.at,
        "paused_for": timedelta(),
        "holds": 0,
        "steps_done": frozenset(),
        "repeats": {},
        "told_at": {},
        "back_at": None,
        "acknowledged_by": None,
        **turn(case, event),
    }


def _appeal_answered(case: Case, event: ev.AppealAnswered) -> Changes:
    return {"appeal": event.answer, **turn(case, event)}


_DECISIONS: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.Decided: _decided,
    ev.ApprovalRequested: _requested,
    ev.Approved: _approved,
    ev.Rejected: _rejected,
    ev.ApprovalWithdrawn: _withdrawn,
    ev.ApprovalExpired: _expired,
    ev.ApprovalReminded: _reminded,
    ev.ApprovalAsked: _asked,
    ev.ApprovalAnswered: _answered,
    ev.CaseClosed: _closed,
    ev.CaseReopened: _reopened,
    ev.AppealAnswered: _appeal_answered,
}


def _now(case: Case, event: Any, status: NoticeStatus) -> Changes:
    state = NoticeState(status=status, problem=getattr(event, "problem", None))
    return {"notices": {**case.notices, event.decision: state}}


def _notice(status: NoticeStatus) -> Callable[[Case, Any], Changes]:
    return lambda case, event: _now(case, event, status)


_NOTICES: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.NoticeSent: _notice(NoticeStatus.SENT),
    ev.NoticeDelayed: _notice(NoticeStatus.RETRYING),
    ev.NoticeFailed: _notice(NoticeStatus.FAILED),
    ev.NoticeRetried: _notice(NoticeStatus.PENDING),
}


_CHANGES = {
    **_WORK,
    **_DECISIONS,
    **_ENFORCEMENT,
    **_BULK,
    **_NOTICES,
}


def opened(workflow_id: str, policy: Any, event: ev.CaseOpened) -> Case:
    """The case that a `case_opened` begins."""
    return Case(
        id=event.case,
        workflow_id=workflow_id,
        policy=policy,
        subject=event.subject,
        severity=event.severity,
        opened_at=event.at,
        version=1,
        first=event.alert,
        latest=event.alert,
        last_alert_at=event.at,
        known=event.known,
        sightings=seen_with((), event.alert.related, 1),
    )


def apply(case: Case, event: ev.Event) -> Case:
    """The case after `event`."""
    change = _CHANGES[type(event)](case, event)
    return case.model_copy(update={"version": case.version + 1, **change})


def apply_all(case: Case, events: Iterable[ev.Event]) -> Case:
    """The case after all `events`, in their order."""
    return reduce(apply, events, case)


def numbered(case: Case, events: Iterable[ev.Event]) -> tuple[ev.Recorded, ...]:
    """The events with their places in the story of `case`, which has not applied them yet."""
    return tuple(
        ev.Recorded(seq=seq, event=event) for seq, event in enumerate(events, case.version + 1)
    )
