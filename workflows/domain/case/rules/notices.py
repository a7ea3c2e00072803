"""Notice rules: reports about the notice of a decision, and its retry."""

from datetime import datetime
from typing import Any

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Decision, NoticeStatus
from workflows.domain.case.enforcement import (
    TOOK_EFFECT,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
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
    news, decision = report.notice, _notified(case, report)
    if news is None or decision is None:
        return ()
    state = case.notices.get(decision.id)
    before = state.status if state is not None else None
    if not (_is_new(case, report, news) if decision.bulk else news.status in _NEXT.get(before, ())):
        return ()
    problem = news.problem or (UNKNOWN if news.status is _S.FAILED else None)
    tally = report.tally
    counts = {} if tally is None else {"sent": tally.notices_sent, "failed": tally.notices_failed}
    event = _EVENTS[news.status]
    return (event(at=now, decision=decision.id, problem=problem, **counts),)


def _notified(case: Case, report: EnforcementReport) -> Decision | None:
    """The decision with a notice that the report is about, but not about one of its subjects."""
    mine = (each for each in case.decisions if each.id == report.decision and each.notice)
    return next(mine, None) if report.place is None else None


def _is_new(case: Case, report: EnforcementReport, news: NoticeState) -> bool:
    """Whether a bulk decision's notices have changed; its tally says whether that is outdated."""
    state, tally = case.notices.get(report.decision), report.tally
    known = case.bulk_decisions[report.decision].tally.step
    current = tally is None or tally.step > known
    return current and (state is None or state.status is not news.status)


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
