"""How appeals are answered (appeals.yaml): who reviews them, until when, and what people hear."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from workflows.domain.model import Written
from workflows.domain.people import Role
from workflows.domain.playbook.durations import Duration
from workflows.domain.playbook.roles import ChannelName
from workflows.domain.text import Text


class NoticeKind(StrEnum):
    """What the person who appealed is told."""

    RECEIVED = "received"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    DISMISSED = "dismissed"


class Notices(Written):
    """The texts; `received` and `dismissed` are sent only where they are written."""

    received: Text | None = None
    upheld: Text
    overturned: Text
    dismissed: Text | None = None

    def text(self, kind: NoticeKind) -> Text | None:
        """The text of one kind of notice, where there is one."""
        found: Text | None = getattr(self, kind.value)
        return found


class AppealRules(Written):
    """The whole of appeals.yaml. `reminders` count back from when the answer is due."""

    answer_within: Duration
    reminders: Annotated[tuple[Duration, ...], Field(max_length=5)] = ()
    channel: ChannelName
    reviewers: Literal[Role.LEAD, Role.SPECIALIST] = Role.LEAD
    overdue: Literal[Role.LEAD, Role.SPECIALIST, Role.ADMIN] = Role.LEAD
    notices: Notices

    @property
    def may_review(self) -> frozenset[Role]:
        """The roles that may review. Where specialists may, so may leads."""
        return frozenset({self.reviewers, Role.LEAD})

    def before_due(self) -> tuple[timedelta, ...]:
        """The reminders, earliest first."""
        return tuple(sorted(self.reminders, reverse=True))
