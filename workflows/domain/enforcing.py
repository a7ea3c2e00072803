"""Reading a report from the platform: only what is new becomes an event."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from workflows.domain import events as ev
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

_UNKNOWN = Problem(kind=ProblemKind.UNREACHABLE)
_S = ActionStatus
_TOOK = frozenset({_S.DONE, _S.VERIFIED, _S.DRIFTED})
_NEXT: dict[ActionStatus, frozenset[ActionStatus]] = {
    _S.PENDING: _TOOK | {_S.RETRYING, _S.FAILED},
    _S.RETRYING: _TOOK | {_S.FAILED},
    _S.FAILED: _TOOK,
    _S.DONE: frozenset({_S.VERIFIED, _S.DRIFTED, _S.LIFTED, _S.FAILED}),
    _S.VERIFIED: frozenset({_S.LIFTED, _S.FAILED}),
    _S.DRIFTED: frozenset({_S.LIFTED, _S.FAILED}),
    _S.UNDOING: frozenset({_S.UNDONE, _S.LIFTED, _S.FAILED}),
}
"""What may follow a status; anything else is old news that arrived late."""


def reported(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The events of a report; a second delivery, or news of an ended action, makes none."""
    if case.phase is Phase.AWAITING_APPROVAL:
        return ()  # nothing is being carried out
    states = {state.planned.key: state for state in case.actions_of(report.decision)}
    events = (
        _event(report.decision, states[news.action], news, now)
        for news in report.actions
        if news.action in states
    )
    return tuple(event for event in events if event is not None)


def _event(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event | None:
    if news.status not in _NEXT.get(state.status, frozenset()):
        return None
    make = _EVENTS.get(news.status)
    return None if make is None else make(decision, state, news, now)


def _failed(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionFailed(
        at=now,
        decision=decision,
        action=news.action,
        problem=news.problem or _UNKNOWN,
        undo=state.status in (*STANDING, ActionStatus.UNDOING),
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


_EVENTS: dict[ActionStatus, Callable[[str, ActionState, ActionReport, datetime], Any]] = {
    ActionStatus.RETRYING: _retrying,
    ActionStatus.DONE: _succeeded,
    ActionStatus.VERIFIED: _read_back,
    ActionStatus.DRIFTED: _read_back,
    ActionStatus.FAILED: _failed,
    ActionStatus.UNDONE: _undone,
    ActionStatus.LIFTED: _lifted,
}
