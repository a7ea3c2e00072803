"""What news of notices changes."""

from collections.abc import Callable
from typing import Any

from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.changes.base import Changes
from workflows.domain.enforcement import NoticeState
from workflows.domain.notice import NoticeStatus


def _now(case: Case, event: Any, status: NoticeStatus) -> Changes:
    state = NoticeState(status=status, problem=getattr(event, "problem", None))
    return {"notices": {**case.notices, event.decision: state}}


def _status(status: NoticeStatus) -> Callable[[Case, Any], Changes]:
    return lambda case, event: _now(case, event, status)


CHANGES: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.NoticeSent: _status(NoticeStatus.SENT),
    ev.NoticeDelayed: _status(NoticeStatus.RETRYING),
    ev.NoticeFailed: _status(NoticeStatus.FAILED),
    ev.NoticeRetried: _status(NoticeStatus.PENDING),
}
