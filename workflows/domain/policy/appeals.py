"""Rules of appeals: reviewers, deadlines and notices (appeals.yaml)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from workflows.domain.people import WORKING_ROLES, ChannelName, Role
from workflows.domain.policy.platform import NoticeCall, SecretPlace, SenderName
from workflows.domain.values import Duration, Text, Value, Written


class NoticeKind(StrEnum):
    """The kind of a notice: of a decision, or of a step of an appeal."""

    RECEIVED = "received"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    DISMISSED = "dismissed"
    DECISION = "decision"


class Automation(Written):
    """The sentences for `{automation}` in a notice.

    `decided` for a decision by Koban, `protected` after a protection by Koban, `detected` after an
    alert with a score, else `person`. Missing ones have a default text.
    """

    protected: Text | None = None
    detected: Text | None = None
    person: Text | None = None
    decided: Text | None = None


class NoticeText(Value):
    """The notice of a decision: its call and its frame around the facts."""

    call: NoticeCall
    frame: Text
    automation: Automation = Field(default_factory=Automation)


class Notices(Written):
    """The texts of notices; `received` and `dismissed` are optional.

    `decision` is the frame around a reason's `notice`, `automation` its sentences on automation.
    """

    received: Text | None = None
    upheld: Text
    overturned: Text
    dismissed: Text | None = None
    decision: Text | None = None
    automation: Automation = Field(default_factory=Automation)

    def text(self, kind: NoticeKind) -> Text | None:
        """The text of a kind of notice, or None."""
        found: Text | None = getattr(self, kind.value)
        return found


class AppealSource(Written):
    """A sender of appeals that has its own secret."""

    secret: SecretPlace


class AppealRules(Written):
    """The content of appeals.yaml. `reminders` count back from the deadline.

    `sources` are the senders with a secret of their own, by the name in their appeals.
    """

    answer_within: Duration
    reminders: Annotated[tuple[Duration, ...], Field(max_length=5)] = ()
    channel: ChannelName
    reviewers: Role = Role.LEAD
    overdue: Role = Role.LEAD
    notices: Notices
    sources: dict[SenderName, AppealSource] = Field(default_factory=dict)

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
        """The roles that may review; leads always may."""
        return frozenset({self.reviewers, Role.LEAD})
