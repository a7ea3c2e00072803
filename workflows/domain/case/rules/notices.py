"""Notice rules: reports about the notice of a decision, and its retry."""

from datetime import datetime
from typing import Any

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import TOOK_EFFECT, EnforcementReport, Problem, ProblemKind
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules

_S = NoticeStatus
_NEXT: dict[NoticeStatus | None, frozenset[NoticeStatus]] = {
    None: frozenset({_S.RETRYING, _S.SENT, _S.FAILED}),
    _S.PENDING: frozenset({_S.RETRYING, _S.SENT, _S.FAILED}),
    _S.RETRYING: frozenset({_S.SENT, _S.FAILED}),
    _S.FAILED: frozenset({_S.SENT}),
}
"""Possible next statuses; other reports are outdated."""
UNKNOWN = Problem(kind=ProblemKind.UNREACHABLE)


def notice_events(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The event of a report about a notice, unless outdated."""
    news, decision = report.notice, report.decision
    has_notice = any(each.id == decision and each.notice is not None for each in case.decisions)
    if news is None or not has_notice:
        return ()
    state = case.notices.get(decision)
    if news.status not in _NEXT.get(state.status if state else None, frozenset()):
        return ()
    problem = news.problem or (UNKNOWN if news.status is _S.FAILED else None)
    return (_EVENTS[news.status](at=now, decision=decision, problem=problem),)


def retry_notice(case: Case, command: cmd.RetryNotice, now: datetime) -> Outcome:
    """Sends the notice of the last decision again."""
    decision = case.decision
    state = case.notices.get(decision.id) if decision is not None else None
    failed = state is not None and state.status is NoticeStatus.FAILED
    in_effect = any(action.status in TOOK_EFFECT for action in case.current_actions)
    if decision is None or not failed or not in_effect:
        return Refusal(reason=Reason.NO_NOTICE_FAILED)
    return (ev.NoticeRetried(at=now, by=command.by.id, decision=decision.id),)


_EVENTS: dict[NoticeStatus, type[Any]] = {
    _S.SENT: ev.NoticeSent,
    _S.RETRYING: ev.NoticeDelayed,
    _S.FAILED: ev.NoticeFailed,
}
RULES: Rules = {
    cmd.RetryNotice: retry_notice,
}
