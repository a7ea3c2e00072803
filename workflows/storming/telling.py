"""A storm's digest on its way to Slack: people read it, so it is not behind any card."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError

from workflows.domain.case.snapshot import CardRef
from workflows.domain.storm import Mention, Picture
from workflows.queues import slack_queue
from workflows.storming.ports import ShowStorm, StormMemory, show_storm

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_ONE_WRITE = timedelta(seconds=60)
_MISSED = timedelta(seconds=10)
_AGAIN = timedelta(seconds=30)


async def show(
    key: str, picture: Picture, memory: StormMemory, over: bool, mentions: tuple[Mention, ...]
) -> CardRef:
    """Where the digest stands, once Slack has it."""
    wanted = ShowStorm(
        key=key,
        picture=picture,
        digest=memory.digest,
        over=over,
        mentions=mentions,
        number=memory.mentions,
    )
    while True:
        try:
            return await workflow.execute_activity(
                show_storm,
                wanted,
                task_queue=slack_queue(workflow.info().task_queue),
                start_to_close_timeout=_ONE_WRITE,
                heartbeat_timeout=_MISSED,
                retry_policy=_RETRY,
                priority=Priority(priority_key=2),
            )
        except FailureError:
            await workflow.sleep(_AGAIN)
