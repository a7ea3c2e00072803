"""What decisions and their approvals change."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from workflows.domain import events as ev
from workflows.domain.approval import ApprovalState, Exchange, Purpose, Question
from workflows.domain.case_state import Case, Phase
from workflows.domain.changes import ring
from workflows.domain.changes.base import Changes, came_back, turn
from workflows.domain.changes.work import off_hold
from workflows.domain.playbook.actions import OnExpiry

MOST_EXCHANGES = 5
"""Questions with their answers that a request keeps; the thread keeps all."""


def _decided(case: Case, event: ev.Decided) -> Changes:
    return {
        "phase": Phase.ENFORCING,
        "decisions": (*case.decisions, event.decision),
        "actions": (*case.actions, *event.actions),
        "approval": None,
        "rejection": None,
        **ring.began(case, event),
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


CHANGES: dict[type[Any], Callable[[Case, Any], Changes]] = {
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
