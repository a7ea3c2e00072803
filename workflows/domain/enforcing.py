"""Reading a report from the platform: only what is new becomes an event."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from workflows.domain import events as ev
from workflows.domain.approval import Purpose
from workflows.domain.case_state import Case, Phase
from workflows.domain.enforcement import (
    STANDING,
    ActionReport,
    ActionState,
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)


def begins(case: Case, event: ev.Event) -> bool:
    """Whether the last decision is to be carried out now that `event` happened to `case`."""
    if case.phase is not Phase.ENFORCING or case.handing_over or not case.current_actions:
        return False
    if isinstance(event, ev.Approved):
        of_decision = case.approval is not None and case.approval.purpose is Purpose.DECISION
        return event.granted and of_decision
    return isinstance(event, ev.Decided | ev.EnforcementStarted)


_UNKNOWN = Problem(kind=ProblemKind.UNREACHABLE)
_S = ActionStatus
_TOOK = frozenset({_S.DONE, _S.VERIFIED, _S.DRIFTED})
_OUT = frozenset({_S.LIFTED, _S.KEPT, _S.FAILED, _S.ROLLED_BACK})
_NEXT: dict[ActionStatus, frozenset[ActionStatus]] = {
    _S.PENDING: _TOOK | _OUT | {_S.RETRYING, _S.SKIPPED, _S.REHEARSED},
    _S.RETRYING: _TOOK | _OUT,
    _S.FAILED: _TOOK,
    _S.DONE: _OUT | {_S.VERIFIED, _S.DRIFTED},
    _S.VERIFIED: _OUT,
    _S.DRIFTED: _OUT,
    _S.UNDOING: frozenset({_S.UNDONE, _S.LIFTED, _S.FAILED}),
    _S.KEPT: frozenset({_S.LIFTED, _S.FAILED}),
}
"""What may follow a status; anything else is old news that arrived late."""


def reported(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The events of a report; a second delivery, or news of an ended action, makes none."""
    waits = case.phase is Phase.AWAITING_APPROVAL or case.handing_over
    if waits and case.decision is not None and report.decision == case.decision.id:
        return ()  # nothing of it is being carried out
    protects = any(each.id == report.decision for each in case.protections)
    states = {state.planned.key: state for state in case.actions_of(report.decision)}
    events = (
        _event(report.decision, states[news.action], news, now, protects)
        for news in report.actions
        if news.action in states
    )
    return tuple(event for event in events if event is not None)


def _event(
    decision: str, state: ActionState, news: ActionReport, now: datetime, protects: bool
) -> ev.Event | None:
    if news.status not in _NEXT.get(state.status, frozenset()):
        return None
    if protects and state.status is ActionStatus.FAILED:
        return None  # it waited for nobody, and its enforcement is over
    if protects and news.status is ActionStatus.LIFTED:
        return ev.ProtectionLifted(at=now, decision=decision, action=news.action)
    make = _EVENTS.get(news.status)
    return None if make is None else make(decision, state, news, now)


def _failed(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionFailed(
        at=now,
        decision=decision,
        action=news.action,
        problem=news.problem or _UNKNOWN,
        undo=state.status in (*STANDING, ActionStatus.UNDOING, ActionStatus.KEPT),
    )


def _retrying(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionRetrying(at=now, decision=decision, action=news.action, problem=news.problem)


def _succeeded(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionSucceeded(at=now, decision=decision, action=news.action, until=news.until)


def _read_back(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    matches = news.status is ActionStatus.VERIFIED
    return ev.ActionVerified(
        at=now, decision=decision, action=news.action, matches=matches, until=news.until
    )


def _undone(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionUndone(at=now, decision=decision, action=news.action)


def _lifted(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionLifted(at=now, decision=decision, action=news.action)


def _kept(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ProtectionKept(at=now, decision=decision, action=news.action)


def _skipped(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionSkipped(at=now, decision=decision, action=news.action)


def _rolled_back(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionRolledBack(at=now, decision=decision, action=news.action)


def _rehearsed(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionRehearsed(at=now, decision=decision, action=news.action, would=news.would)


_EVENTS: dict[ActionStatus, Callable[[str, ActionState, ActionReport, datetime], Any]] = {
    ActionStatus.RETRYING: _retrying,
    ActionStatus.DONE: _succeeded,
    ActionStatus.VERIFIED: _read_back,
    ActionStatus.DRIFTED: _read_back,
    ActionStatus.FAILED: _failed,
    ActionStatus.UNDONE: _undone,
    ActionStatus.LIFTED: _lifted,
    ActionStatus.KEPT: _kept,
    ActionStatus.SKIPPED: _skipped,
    ActionStatus.ROLLED_BACK: _rolled_back,
    ActionStatus.REHEARSED: _rehearsed,
}
