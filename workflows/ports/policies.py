"""Ports of changes of the policy folder: their messages in Slack."""

from typing import Protocol

from temporalio import activity

from workflows.domain.policy.changes import PolicyNotice
from workflows.domain.values import Value


class AnnouncementStart(Value):
    """The messages about a `record` of the ledger."""

    record: int


class PolicyPort(Protocol):
    """Activities of the messages about changes of the policy."""

    @activity.defn(name="plan_policy_notices")
    async def plan_policy_notices(self, start: AnnouncementStart) -> tuple[PolicyNotice, ...]:
        """The messages about a record, one a channel or role."""

    @activity.defn(name="show_policy_notice")
    async def show_policy_notice(self, notice: PolicyNotice) -> None:
        """Posts a message once; one with an outcome replaces what was posted."""

    @activity.defn(name="end_policy_notices")
    async def end_policy_notices(self, start: AnnouncementStart) -> tuple[PolicyNotice, ...]:
        """Records that the messages were posted; returns those of changes that no longer wait.

        They have the outcome, and are updated.
        """
