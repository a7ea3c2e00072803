"""Announcement workflow: the messages about one change of the policy folder."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.activity_options import execute
from workflows.domain.policy.changes import PolicyNotice
from workflows.ports.policies import AnnouncementStart, PolicyPort


@workflow.defn
class AnnouncementWorkflow:
    """The messages about a record, each posted once, and those that are updated by it."""

    @workflow.run
    async def run(self, start: AnnouncementStart) -> int:
        """Posts the messages; returns their number."""
        notices = await execute(PolicyPort.plan_policy_notices, start)
        # A channel that Slack refuses must not delay the others.
        await asyncio.gather(*map(_shown, notices))
        ended = await execute(PolicyPort.end_policy_notices, start)
        await asyncio.gather(*map(_shown, ended))
        return len(notices)


async def _shown(notice: PolicyNotice) -> None:
    try:
        await execute(PolicyPort.show_policy_notice, notice)
    except ActivityError:
        workflow.logger.warning("policy_notice_not_shown", extra={"key": notice.key})
