"""What became of telling the person acted upon."""

from typing import Literal

from workflows.domain.enforcement import Problem
from workflows.domain.happened.base import Happened


class NoticeSent(Happened):
    """The platform took the notice of a decision."""

    kind: Literal["notice_sent"] = "notice_sent"
    decision: str


class NoticeDelayed(Happened):
    """The platform does not answer as it should; Koban keeps trying to send the notice."""

    kind: Literal["notice_delayed"] = "notice_delayed"
    decision: str
    problem: Problem | None = None


class NoticeFailed(Happened):
    """The notice was not sent, and is not tried again by itself."""

    kind: Literal["notice_failed"] = "notice_failed"
    decision: str
    problem: Problem


class NoticeRetried(Happened):
    """A person asked to send the notice again."""

    kind: Literal["notice_retried"] = "notice_retried"
    decision: str
