"""Signs of life of activities, on a real server."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bot.living import SignsOfLife

_SLOW = 5.0
_SILENT = timedelta(seconds=4)


class Slow:
    """An activity that takes longer than it may be silent."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = 0

    @activity.defn(name="slow")
    async def slow(self) -> str:
        """Says when it began, and how often it came to its end."""
        self.began.set()
        await asyncio.sleep(_SLOW)
        self.ended += 1
        return "done"


@workflow.defn(name="Waits")
class Waits:
    """Waits for it."""

    @workflow.run
    async def run(self) -> str:
        """What it returned."""
        answer: str = await workflow.execute_activity(
            "slow",
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=_SILENT,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return answer


def _worker(client: Client, queue: str, slow: Slow) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Waits],
        activities=[slow.slow],
        interceptors=[SignsOfLife()],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def test_a_slow_activity_is_not_taken_for_dead(temporal: str) -> None:
    """It is silent for longer than it may be, and done once."""
    client = await Client.connect(temporal)
    slow, queue = Slow(), f"living-{uuid4()}"
    async with _worker(client, queue, slow):
        done = await client.execute_workflow("Waits", id=queue, task_queue=queue)
    assert (done, slow.ended) == ("done", 1)


async def test_what_is_called_off_comes_to_its_end_first(temporal: str) -> None:
    """What was asked of a platform may take effect: the try under way is not interrupted."""
    client = await Client.connect(temporal)
    slow, queue = Slow(), f"living-{uuid4()}"
    async with _worker(client, queue, slow):
        handle = await client.start_workflow("Waits", id=queue, task_queue=queue)
        await slow.began.wait()
        await handle.cancel()
        done = await handle.result()
    assert (done, slow.ended) == ("done", 1)
