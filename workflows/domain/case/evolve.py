"""Evolution of a case: the changes that each event makes to it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import reduce
from typing import Any, TypeVar

from workflows.domain.alerts import named
from workflows.domain.brakes import DetectorSnooze
from workflows.domain.case import events as ev
from workflows.domain.case.approval import ApprovalState, Exchange, Purpose, Question
from workflows.domain.case.bulk import BulkState
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import (
    ENDED,
    NOT_DONE,
    ActionState,
    ActionStatus,
    NoticeState,
)
from workflows.domain.case.escalation import Missed
from workflows.domain.case.event_base import AttemptEvent
from workflows.domain.case.events import Event
from workflows.domain.case.model import (
    UNDECIDED,
    Case,
    EventSummary,
    Hold,
    HoldKind,
    Intent,
    Phase,
    Protection,
    seen_with,
)
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.strictness import tighten
from workflows.domain.values import Value

MOST_EXCHANGES = 5
"""Questions with answers that a request keeps; the thread has all."""

Changes = dict[str, Any]
"""New values by the names of a case's fields."""
Change = Callable[[Case, Any], Changes]
V = TypeVar("V", bound=Value)
_S = ActionStatus


def opened(workflow_id: str, policy: Any, event: ev.CaseOpened) -> Case:
    """The new case of a `case_opened`."""
    return Case(
        id=event.case,
        workflow_id=workflow_id,
        policy=policy,
        subject=event.subject,
        severity=event.severity,
        opened_at=event.at,
        version=1,
        detectors=frozenset({named(event.alert.key)[0]}),
        first=event.alert,
        latest=event.alert,
        last_alert_at=event.at,
        history=event.history,
        sightings=seen_with((), event.alert.related, 1),
    )


def apply(case: Case, event: Event) -> Case:
    """The case after `event`."""
    change = _CHANGES[type(event)](case, event)
    return case.model_copy(update={"version": case.version + 1, **change})


def apply_all(case: Case, events: Iterable[Event]) -> Case:
    """The case after all `events`, in their order."""
    return reduce(apply, events, case)


def rebuilt(workflow_id: str, policy: Any, events: Sequence[Event]) -> Case:
    """The case after all its events, of which the first opened it. Raises `ValueError`."""
    if not events or not isinstance(events[0], ev.CaseOpened):
        raise ValueError("the first event is not an opening")
    return apply_all(opened(workflow_id, policy, events[0]), events[1:])


def numbered(case: Case, events: Iterable[Event]) -> tuple[ev.Recorded, ...]:
    """The events with their numbers; `case` has not applied them."""
    return tuple(
        ev.Recorded(seq=seq, event=event) for seq, event in enumerate(events, case.version + 1)
    )


# -- parts of several changes ---------------------------------------------------------------


def _turn(case: Case, event: Event) -> Changes:
    """Makes presses on older cards outdated: the state of the decision changed."""
    return {
        "turn": EventSummary(version=case.version + 1, kind=event.kind, at=event.at, by=event.by)
    }


def _active(case: Case, event: Event) -> Changes:
    """Extends the claim if the owner acted."""
    if event.by is None or event.by != case.owner:
        return {}
    return {"active_at": event.at, "warned": False}


def _returned(case: Case, event: Event) -> Changes:
    """Makes the case undecided again; its owner gets the usual time to claim once more."""
    return {
        "phase": Phase.OPEN if case.owner is None else Phase.CLAIMED,
        "active_at": event.at,
        "warned": False,
        "returned_at": event.at,
    }


def _approval(case: Case, **update: Any) -> Changes:
    assert case.approval is not None
    return {"approval": case.approval.model_copy(update=update)}


def _withdrawn_approval(case: Case, purpose: Purpose, event: Event) -> Changes:
    """Ends a request that nobody withdrew: it has become pointless."""
    if not case.pending(purpose):
        return {}
    return _approval(case, state=ApprovalState.WITHDRAWN, question=None, ended_at=event.at)


def _updated(items: Iterable[V], chosen: Callable[[V], bool], **update: Any) -> tuple[V, ...]:
    return tuple(each.model_copy(update=update) if chosen(each) else each for each in items)


def _actions(
    case: Case, event: Any, chosen: Callable[[ActionState], bool], **update: Any
) -> Changes:
    """Changes the `chosen` actions of the event's decision."""

    def own(action: ActionState) -> bool:
        return action.decision == event.decision and chosen(action)

    return {"actions": _updated(case.actions, own, **update)}


def _started(actions: Iterable[ActionState], event: Event) -> tuple[ActionState, ...]:
    """The actions with the time from which their durations count."""
    return tuple(each.model_copy(update={"began": event.at}) for each in actions)


def _action(case: Case, event: Any, status: ActionStatus, **update: Any) -> Changes:
    ended = {"ended_at": event.at} if status in ENDED else {}
    again = {"life": event.life} if isinstance(event, AttemptEvent) else {}
    update = {"status": status, "problem": None, **ended, **again, **update}
    return _actions(case, event, lambda a: a.planned.key == event.action, **update)


# -- alerts, claims, escalation and holds ---------------------------------------------------


def _alert_joined(case: Case, event: ev.AlertJoined) -> Changes:
    worse = event.severity is not case.severity
    # The steps of a written ladder name their severities; the ends of the clocks have changed.
    again = {"acknowledged_by": None} if case.policy.playbook.escalation else _NO_CALLS
    return {
        "alerts": case.alerts + 1,
        "detectors": case.detectors | {named(event.alert.key)[0]},
        "latest": event.alert,
        "last_alert_at": event.at,
        "severity": event.severity,
        "sightings": seen_with(case.sightings, event.alert.related, case.version + 1),
        **(again if worse else {}),
    }


_NO_CALLS: Changes = {
    "missed_call": None,
    "acknowledged_by": None,
    "steps_done": frozenset(),
    "repeats": {},
    "step_called_at": {},
}


def _owned(case: Case, event: Event, owner: str | None) -> Changes:
    at = None if owner is None else event.at
    return {
        "phase": Phase.OPEN if owner is None else Phase.CLAIMED,
        "owner": owner,
        "owned_since": at,
        "owned_as_of": case.version + 1,
        "claim_received_at": event.received_at if isinstance(event, ev.CaseClaimed) else None,
        "active_at": at,
        "warned": False,
    }


def _released(case: Case, event: ev.CaseReleased | ev.ClaimExpired) -> Changes:
    return {"returned_at": None, **_owned(case, event, None), **_off_hold(case, event)}


def _escalated(case: Case, event: ev.CaseEscalated) -> Changes:
    if event.step is None:
        return {"called_at": event.at, **_active(case, event)}
    return {
        "steps_done": case.steps_done | {event.step} if event.last else case.steps_done,
        "repeats": {**case.repeats, event.step: event.round + 1},
        "step_called_at": {**case.step_called_at, event.step: event.at},
        "missed_call": None,
    }


def _call_missed(case: Case, event: ev.CallMissed) -> Changes:
    if not event.nobody or case.phase not in UNDECIDED:
        return {}
    return {"missed_call": Missed(at=event.at, step=event.step)}


def _on_hold(case: Case, event: ev.CaseSnoozed | ev.CaseWaiting) -> Changes:
    snoozed = isinstance(event, ev.CaseSnoozed)
    hold = Hold(
        kind=HoldKind.SNOOZED if snoozed else HoldKind.WAITING,
        by=event.by or "",
        since=event.at,
        until=event.until,
        pauses=event.pauses if isinstance(event, ev.CaseSnoozed) else True,
        note=event.note if isinstance(event, ev.CaseWaiting) else "",
    )
    return {"hold": hold, "holds": case.holds + 1, **_active(case, event)}


def _detector_snoozed(case: Case, event: ev.DetectorSnoozed) -> Changes:
    snooze = DetectorSnooze(
        detector=event.detector,
        number=case.version + 1,
        by=event.by or "",
        at=event.at,
        until=event.until,
        severity=event.severity.rank,
    )
    others = (each for each in case.snoozes if each.detector != event.detector)
    return {"snoozes": (*others, snooze), **_active(case, event)}


def _snooze_ended(case: Case, event: ev.SnoozeEnded) -> Changes:
    left = tuple(each for each in case.snoozes if each.detector != event.detector)
    return {"snoozes": left, **_active(case, event)}


def _off_hold(case: Case, event: Event) -> Changes:
    if case.hold is None:
        return {}
    # The clocks run from the hold's end, even if the event comes later.
    paused = min(event.at, case.hold.until) - case.hold.since if case.hold.pauses else timedelta()
    return {"hold": None, "paused_for": case.paused_for + paused}


def _resumed(case: Case, event: ev.CaseResumed) -> Changes:
    active = {"active_at": event.at, "warned": False} if case.owner else {}
    return {**_off_hold(case, event), **active}


def _merged(case: Case, event: ev.CaseMerged) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "closed_at": event.at,
        "merged_into": event.into,
        **_off_hold(case, event),
        **_turn(case, event),
    }


# -- decisions and approvals ----------------------------------------------------------------


def _decided(case: Case, event: ev.Decided) -> Changes:
    decision, states = event.decision, case.bulk_decisions
    if decision.bulk is not None:
        states = {**states, decision.id: BulkState.of(decision.bulk)}
    return {
        "phase": Phase.ENFORCING,
        "decisions": (*case.decisions, decision),
        "actions": (*case.actions, *_started(event.actions, event)),
        "approval": None,
        "rejection": None,
        "bulk_decisions": states,
        **_off_hold(case, event),
        **_turn(case, event),
    }


def _enforcement_started(case: Case, event: Event) -> Changes:
    """Counts the durations of the last decision from its start, after every wait."""
    return {"actions": _updated(case.actions, lambda a: a in case.current_actions, began=event.at)}


def _approval_requested(case: Case, event: ev.ApprovalRequested) -> Changes:
    asked: Changes = {"approval": event.approval}
    if event.approval.purpose is Purpose.DECISION:
        asked["phase"] = Phase.AWAITING_APPROVAL
    # A second Undo or Retry pressed on the same card must find that it is requested already.
    again = event.approval.purpose in (Purpose.UNDO, Purpose.RETRY)
    return asked | (_turn(case, event) if again else {})


def _approved(case: Case, event: ev.Approved) -> Changes:
    assert case.approval is not None
    consents = (*case.approval.consents, event.consent)
    if not event.granted:
        return _approval(case, consents=consents)
    ended = {"question": None, "ended_at": event.at, "ended_by": event.by}
    granted = _approval(case, consents=consents, state=ApprovalState.GRANTED, **ended)
    if case.approval.purpose is Purpose.DECISION:
        granted |= {"phase": Phase.ENFORCING, **_enforcement_started(case, event)}
    return {**granted, **_turn(case, event)}


def _sent_back(case: Case, event: Any, state: ApprovalState) -> Changes:
    """Ends the request; the actions of a decision that waited for it are removed."""
    assert case.approval is not None
    over = _approval(case, state=state, question=None, ended_at=event.at, ended_by=event.by)
    if case.approval.purpose in (Purpose.UNDO, Purpose.RETRY):
        return {**over, **_turn(case, event)}
    back = _returned(case, event)
    if case.approval.purpose is Purpose.DECISION:
        back["actions"] = tuple(a for a in case.actions if a.decision != event.decision)
    return {**over, **back, **_turn(case, event)}


def _approval_expired(case: Case, event: ev.ApprovalExpired) -> Changes:
    if event.outcome is OnExpiry.REFUSE:
        return _sent_back(case, event, ApprovalState.EXPIRED)
    assert case.approval is not None
    more = case.approval.escalations + 1
    return _approval(case, expires_at=event.renewed, escalations=more, reminded=False)


def _approval_asked(case: Case, event: ev.ApprovalAsked) -> Changes:
    assert case.approval is not None
    question = Question(
        by=event.by or "",
        at=event.at,
        text=event.question,
        left=max(case.approval.expires_at - event.at, timedelta()),
        until=event.until,
    )
    return _approval(case, question=question)


def _approval_answered(case: Case, event: ev.ApprovalAnswered) -> Changes:
    assert case.approval is not None
    question, ends = case.approval.question, {"question": None, "expires_at": event.expires_at}
    if question is None:
        return _approval(case, **ends)
    exchange = Exchange(
        question=question.text,
        answer=event.answer,
        asked_by=question.by,
        by=event.by,
        at=event.at,
    )
    exchanges = (*case.approval.exchanges, exchange)[-MOST_EXCHANGES:]
    return _approval(case, **ends, exchanges=exchanges)


def _tightened(case: Case, event: ev.PolicyTightened) -> Changes:
    return {
        "policy": tighten(case.policy, event.change),
        "tightened": (*case.tightened, event.change),
        "approval": event.approval or case.approval,
    }


def _closed(case: Case, event: ev.CaseClosed) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "verdict": event.verdict,
        "closed_at": event.at,
        **_turn(case, event),
    }


def _reopened(case: Case, event: ev.CaseReopened) -> Changes:
    return {
        **_owned(case, event, event.by),
        **dict.fromkeys(("verdict", "closed_at", "merged_into", "approval", "rejection")),
        "reopening_by": None,
        "clock_from": event.at,
        "paused_for": timedelta(),
        "holds": 0,
        "returned_at": None,
        **_NO_CALLS,
        **_turn(case, event),
    }


# -- actions ----------------------------------------------------------------------------------


def _status(status: ActionStatus) -> Change:
    return lambda case, event: _action(case, event, status)


def _verified(case: Case, event: ev.ActionVerified) -> Changes:
    status = _S.VERIFIED if event.matches else _S.DRIFTED
    return _action(case, event, status, until=event.until)


def _failed(case: Case, event: ev.ActionFailed) -> Changes:
    # A failed undo leaves the action in effect; the person can retry.
    status = _S.DONE if event.undo else _S.FAILED
    failed = _action(case, event, status, problem=event.problem)
    # A protection whose lift failed stays until a person lifts or confirms it.
    failed["protections"] = _updated(
        case.protections,
        lambda each: each.id == event.decision and each.intent is Intent.LIFT_NOW,
        intent=Intent.LIFT_IN_TIME,
    )
    return failed


def _retried(case: Case, event: ev.ActionRetried) -> Changes:
    def wanted(each: ActionState) -> bool:
        return each.decision == event.decision and each.status in NOT_DONE

    if event.decision in case.bulk_decisions:
        # Each subject has its own times.
        return _actions(case, event, wanted, status=_S.PENDING, problem=None)
    actions = (each.retried(event.at) if wanted(each) else each for each in case.actions)
    return {"actions": tuple(actions)}


def _given_up(case: Case, event: ev.ActionsGivenUp) -> Changes:
    bulk = case.bulk_decisions.get(event.decision)
    # A bulk decision that failed for some subjects is still in effect for the others.
    partly = bulk is not None and bulk.tally.done > 0
    update = {"status": _S.DONE, "problem": None} if partly else {"status": _S.GIVEN_UP}
    given = _actions(case, event, lambda a: a.status is _S.FAILED or a.stopped, **update)
    given |= _withdrawn_approval(case, Purpose.RETRY, event)
    if any(a.in_force for a in given["actions"] if a.decision == event.decision):
        return {**given, **_turn(case, event)}
    # Without any effect there is nothing to review.
    review = _withdrawn_approval(case, Purpose.REVIEW, event)
    return {**given, **_returned(case, event), **review, **_turn(case, event)}


def _undo_requested(case: Case, event: ev.UndoRequested) -> Changes:
    undone = {"status": _S.UNDOING, "problem": None, "ended_by": event.by}
    undoing = _actions(case, event, lambda a: a.in_force and a.undoable, **undone)
    return {**undoing, **_withdrawn_approval(case, Purpose.UNDO, event), **_turn(case, event)}


# -- protections, bulk decisions and notices --------------------------------------------------


def _protection_started(case: Case, event: ev.ProtectionStarted) -> Changes:
    protection = Protection(
        id=event.protection,
        action=event.action.planned.key,
        rule=event.rule,
        step=event.step,
        as_of=case.version + 1,
        detectors=event.detectors,
    )
    return {
        "protections": (*case.protections, protection),
        "actions": (*case.actions, *_started((event.action,), event)),
        "automation_pause": None,
        "automation_limit": None,
    }


def _withheld(case: Case, event: ev.ProtectionWithheld) -> Changes:
    cause: Changes = {}
    if event.exempt is None and not event.trusted:
        cause = {"automation_pause": event.pause, "automation_limit": event.limit}
    left = case.left_to_people or event.auto is not None
    return {**cause, "withheld": case.withheld.union(event.rules), "left_to_people": left}


def _sampled(case: Case, event: ev.Sampled) -> Changes:
    return {"sampled": event.of}


def _intent(intent: Intent) -> Change:
    def change(case: Case, event: Any) -> Changes:
        own = _updated(case.protections, lambda each: each.id == event.protection, intent=intent)
        if intent not in (Intent.HAND_OVER, Intent.LIFT_NOW):
            return {"protections": own}
        decided = case.decision if case.phase not in UNDECIDED else None
        by = event.by or (decided.by if decided is not None else None)
        ended = _updated(case.actions, lambda each: each.decision == event.protection, ended_by=by)
        return {"protections": own, "actions": ended}

    return change


def _bulk(case: Case, decision: str, **update: Any) -> Changes:
    bulk = case.bulk_decisions[decision].model_copy(update=update)
    return {"bulk_decisions": {**case.bulk_decisions, decision: bulk}}


def _notice(status: NoticeStatus) -> Change:
    def change(case: Case, event: Any) -> Changes:
        state = NoticeState(status=status, problem=getattr(event, "problem", None))
        return {"notices": {**case.notices, event.decision: state}}

    return change


_CHANGES: dict[type[Any], Change] = {
    ev.AlertJoined: _alert_joined,
    ev.CaseMerged: _merged,
    ev.CaseAbsorbed: lambda case, event: {
        "absorbed": (*case.absorbed, event.case),
        "alerts": case.alerts + event.alerts,
    },
    ev.CaseClaimed: lambda case, event: _owned(case, event, event.by),
    ev.CaseReleased: _released,
    ev.CaseHandedOver: lambda case, event: _owned(case, event, event.to),
    ev.ClaimWarned: lambda case, event: {"warned": True, "warned_until": event.until},
    ev.ClaimExpired: _released,
    ev.CaseWatched: lambda case, event: {"watchers": (*case.watchers, event.by)},
    ev.CaseUnwatched: lambda case, event: {
        "watchers": tuple(each for each in case.watchers if each != event.by)
    },
    ev.NoteAdded: _active,
    ev.EvidenceRevealed: _active,
    ev.CaseEscalated: _escalated,
    ev.CallMissed: _call_missed,
    ev.CaseAcknowledged: lambda case, event: {
        "acknowledged_by": event.by,
        **_active(case, event),
    },
    ev.EnforcementRefused: lambda case, event: {},
    ev.CaseSnoozed: _on_hold,
    ev.CaseWaiting: _on_hold,
    ev.CaseResumed: _resumed,
    ev.DetectorSnoozed: _detector_snoozed,
    ev.SnoozeEnded: _snooze_ended,
    ev.Decided: _decided,
    ev.CaseClosed: _closed,
    ev.CaseReopened: _reopened,
    ev.AppealAnswered: lambda case, event: {"appeal": event.answer, **_turn(case, event)},
    ev.ApprovalRequested: _approval_requested,
    ev.Approved: _approved,
    ev.Rejected: lambda case, event: {
        **_sent_back(case, event, ApprovalState.REJECTED),
        "rejection": event.reason,
    },
    ev.ApprovalExpired: _approval_expired,
    ev.ApprovalWithdrawn: lambda case, event: _sent_back(case, event, ApprovalState.WITHDRAWN),
    ev.ApprovalAsked: _approval_asked,
    ev.ApprovalAnswered: _approval_answered,
    ev.ApprovalReminded: lambda case, event: _approval(case, reminded=True),
    ev.ApproversMissing: lambda case, event: _approval(case, lacking=event.roles),
    ev.PolicyTightened: _tightened,
    ev.EnforcementStarted: _enforcement_started,
    ev.ActionRetrying: lambda case, event: _action(case, event, _S.RETRYING, problem=event.problem),
    ev.ActionSucceeded: lambda case, event: _action(case, event, _S.DONE, until=event.until),
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionSkipped: lambda case, event: _action(case, event, _S.SKIPPED, problem=event.problem),
    ev.ActionRolledBack: _status(_S.ROLLED_BACK),
    ev.ActionDryRun: lambda case, event: _action(case, event, _S.DRY_RUN, would=event.would),
    ev.ActionRetried: _retried,
    ev.ActionsGivenUp: _given_up,
    ev.UndoRequested: _undo_requested,
    ev.ActionUndone: _status(_S.UNDONE),
    ev.ActionLifted: _status(_S.LIFTED),
    ev.ProtectionStarted: _protection_started,
    ev.ProtectionWithheld: _withheld,
    ev.Sampled: _sampled,
    ev.ReopeningRequested: lambda case, event: {"reopening_by": event.by, **_turn(case, event)},
    ev.LimitReached: lambda case, event: {},
    ev.AutoDecided: lambda case, event: {},
    ev.ProtectionHeld: _intent(Intent.HOLD),
    ev.ProtectionResumed: _intent(Intent.LIFT_IN_TIME),
    ev.ProtectionConfirmed: _intent(Intent.HAND_OVER),
    ev.ProtectionDismissed: _intent(Intent.LIFT_NOW),
    ev.ProtectionLifted: _status(_S.LIFTED),
    ev.ProtectionKept: _status(_S.KEPT),
    ev.BulkProgressed: lambda case, event: _bulk(case, event.decision, tally=event.tally),
    ev.BulkStopped: lambda case, event: {
        **_bulk(case, event.decision, stopped_by=event.by, stopped_at=event.at),
        **_turn(case, event),
    },
    ev.NoticeSent: _notice(NoticeStatus.SENT),
    ev.NoticeDelayed: _notice(NoticeStatus.RETRYING),
    ev.NoticeFailed: _notice(NoticeStatus.FAILED),
    ev.NoticeRetried: _notice(NoticeStatus.PENDING),
}
