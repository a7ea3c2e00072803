"""Heartbeats of activities, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bot.worker import HeartbeatInterceptor
from deploy.sandbox.slack.person import wait_until

_SILENT = timedelta(minutes=5)


@dataclass
class Slow:
    """An activity that waits for the test."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    ended: int = 0

    @activity.defn(name="slow")
    async def slow(self) -> str:
        """Notes a cancellation and counts completions."""
        listening = asyncio.create_task(self._note_cancellation())
        await self.may_end.wait()
        listening.cancel()
        self.ended += 1
        return "done"

    async def _note_cancellation(self) -> None:
        await activity.wait_for_cancelled()
        self.cancelled.set()


@workflow.defn(name="Waits")
class Waits:
    """Workflow that runs the activity."""

    @workflow.run
    async def run(self) -> str:
        """Returns the activity's result."""
        answer: str = await workflow.execute_activity(
            "slow",
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=_SILENT,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return answer


@asynccontextmanager
async def waiting(temporal: str, slow: Slow) -> AsyncIterator[WorkflowHandle]:
    """A running workflow with its activity."""
    client, queue = await Client.connect(temporal), f"heartbeat-{uuid4()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Waits],
        activities=[slow.slow],
        interceptors=[HeartbeatInterceptor()],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_heartbeat_throttle_interval=timedelta(seconds=0.1),
    ):
        yield await client.start_workflow("Waits", id=queue, task_queue=queue)


async def heartbeats(handle: WorkflowHandle) -> set[int]:
    """Time of the last heartbeat; empty before the first one and after completion."""
    pending = (await handle.describe()).raw_description.pending_activities
    return {
        each.last_heartbeat_time.ToNanoseconds()
        for each in pending
        if each.HasField("last_heartbeat_time")
    }


async def test_a_slow_activity_sends_heartbeats(temporal: str) -> None:
    """The activity sends none itself, and runs once."""
    slow, beats = Slow(), set[int]()

    async def twice() -> bool:
        beats.update(await heartbeats(handle))
        return len(beats) > 1

    async with waiting(temporal, slow) as handle:
        await wait_until(twice, what="two signs of life")
        slow.may_end.set()
        assert (await handle.result(), slow.ended) == ("done", 1)


async def test_a_cancelled_attempt_is_not_interrupted(temporal: str) -> None:
    """A request to the platform may already take effect."""
    slow = Slow()

    async def begun() -> bool:
        return bool(await heartbeats(handle))

    async with waiting(temporal, slow) as handle:
        await wait_until(begun, what="a sign of life")
        await handle.cancel()
        await slow.cancelled.wait()
        slow.may_end.set()
        assert (await handle.result(), slow.ended) == ("done", 1)
