"""Timer baseline: lateness of this machine and this Temporal without Koban.

Its own process (`python -m tests.chaos.baseline_timer ADDRESS`) is never killed and runs a workflow
that only sleeps. Koban's timers may be as late as those of this workflow at the same time.
"""

import asyncio
import sys
from datetime import UTC, timedelta

from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = ROUTE = "baseline_timer"
PERIOD = timedelta(seconds=0.3)


@workflow.defn
class BaselineTimer:
    """Workflow that runs one timer after another until it is stopped."""

    def __init__(self) -> None:
        self._stopped = False

    @workflow.signal
    def stop(self) -> None:
        """Ends after the current timer."""
        self._stopped = True

    @workflow.run
    async def run(self) -> None:
        """One timer after another."""
        while not self._stopped:
            await workflow.sleep(PERIOD)


async def baseline(handle: WorkflowHandle) -> list[tuple[float, float]]:
    """Returns (due, seconds late) of every timer so far."""
    found, due = list[tuple[float, float]](), 0.0
    async for event in handle.fetch_history_events():
        at = event.event_time.ToDatetime(tzinfo=UTC).timestamp()
        if event.HasField("timer_started_event_attributes"):
            due = at + PERIOD.total_seconds()
        elif event.HasField("workflow_task_started_event_attributes") and due and at >= due:
            found.append((due, at - due))
    return found


async def main(address: str) -> None:
    """Runs a worker until it is killed."""
    client = await Client.connect(address)
    await client.start_workflow(BaselineTimer.run, id=ROUTE, task_queue=QUEUE)
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=QUEUE, workflows=[BaselineTimer], workflow_runner=runner):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
