"""Reading a report from the platform: only what is new becomes an event."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.enforcement import (
    ActionReport,
    ActionState,
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)

_UNKNOWN = Problem(kind=ProblemKind.UNREACHABLE)
_OVER = frozenset({ActionStatus.GIVEN_UP, ActionStatus.UNDONE, ActionStatus.LIFTED})


def reported(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The events of a report; a second delivery, or news of an ended action, makes none."""
    states = {state.planned.key: state for state in case.actions_of(report.decision)}
    events = (
        _event(report.decision, states[news.action], news, now)
        for news in report.actions
        if news.action in states
    )
    return tuple(event for event in events if event is not None)


def _event(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event | None:
    if state.status is news.status or state.status in _OVER:
        return None
    make = _EVENTS.get(news.status)
    return None if make is None else make(decision, state, news, now)


def _failed(decision: str, state: ActionState, news: ActionReport, now: datetime) -> ev.Event:
    return ev.ActionFailed(
        at=now,
        decision=decision,
        action=news.action,
        problem=news.problem or _UNKNOWN,
        undo=state.status is ActionStatus.UNDOING,
    )


def _retrying(decision: str, state: ActionState, news: ActionReport, now: datetime) -> Any:
    # An undo that is being retried stays "undoing" on the card.
    if state.status is ActionStatus.UNDOING:
        return None
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
