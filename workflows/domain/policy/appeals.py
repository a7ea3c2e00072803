"""How appeals are answered (appeals.yaml): who reviews them, until when, and what people hear."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.policy.playbook import Automation
from workflows.domain.policy.roles import ChannelName
from workflows.domain.values import Duration, Text, Written


class NoticeKind(StrEnum):
    """What a person is told: of a decision against them, or of their appeal against it."""

    RECEIVED = "received"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    DISMISSED = "dismissed"
    DECISION = "decision"


class Notices(Written):
    """The texts; `received` and `dismissed` are sent only where they are written.

    `decision` is what stands around a reason's own `notice`, and `automation` its sentences about
    automation.
    """

    received: Text | None = None
    upheld: Text
    overturned: Text
    dismissed: Text | None = None
    decision: Text | None = None
    automation: Automation = Field(default_factory=Automation)

    def text(self, kind: NoticeKind) -> Text | None:
        """The text of one kind of notice, where there is one."""
        found: Text | None = getattr(self, kind.value)
        return found


class AppealRules(Written):
    """The whole of appeals.yaml. `reminders` count back from when the answer is due."""

    answer_within: Duration
    reminders: Annotated[tuple[Duration, ...], Field(max_length=5)] = ()
    channel: ChannelName
    reviewers: Role = Role.LEAD
    overdue: Role = Role.LEAD
    notices: Notices

    @field_validator("reviewers")
    @classmethod
    def _reviewers_work_cases(cls, reviewers: Role) -> Role:
        if reviewers not in WORKING_ROLES:
            raise ValueError(
                f"the role {reviewers.value} does not review; write lead or specialist"
            )
        return reviewers

    @property
    def may_review(self) -> frozenset[Role]:
        """The roles that may review. Where specialists may, so may leads."""
        return frozenset({self.reviewers, Role.LEAD})

    def before_due(self) -> tuple[timedelta, ...]:
        """The reminders, earliest first."""
        return tuple(sorted(self.reminders, reverse=True))
