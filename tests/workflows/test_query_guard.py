"""Query guard: a query that waited for a worker does not run a workflow ahead of its task."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from bot.query_guard import QueryGuard
from deploy.sandbox.slack.person import wait_until
from tests.world import fresh_namespace

QUEUE = "alarms"
ROUNDS = 10
"""A round shows the fault where the query reaches the server before the timer fires."""


@workflow.defn
class AlarmClock:
    """Rings when its time has come; too early, it goes back to sleep."""

    def __init__(self) -> None:
        self._rang: datetime | None = None

    @workflow.query
    def rang(self) -> datetime | None:
        """When it rang."""
        return self._rang

    @workflow.run
    async def run(self) -> None:
        """Sleeps until two seconds after its start, however often it wakes up."""
        due = workflow.now() + timedelta(seconds=2)
        while workflow.now() < due:
            await workflow.sleep(due - workflow.now())
        self._rang = workflow.now()


class GuardedUnsandboxed(UnsandboxedWorkflowRunner):
    """The plain runner with the guard of `bot.query_guard`."""

    def create_instance(self, det):  # type: ignore[no-untyped-def]
        """Makes a guarded instance."""
        return QueryGuard(super().create_instance(det))


@pytest.fixture
async def client(temporal: str) -> Client:
    """A namespace of its own."""
    return await Client.connect(temporal, namespace=await fresh_namespace(temporal))


def worker(client: Client, runner: WorkflowRunner) -> Worker:
    """A worker with an empty cache."""
    sticky = timedelta(seconds=1)
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[AlarmClock],
        workflow_runner=runner,
        sticky_queue_schedule_to_start_timeout=sticky,
    )


async def has(handle: WorkflowHandle, kind: EventType.ValueType) -> bool:
    """Whether the history has such an event."""
    return any(each.event_type == kind for each in (await handle.fetch_history()).events)


async def asked_without_a_worker(client: Client, runner: WorkflowRunner) -> str | None:
    """One alarm that is asked while no worker runs; why its history can't be replayed."""
    async with worker(client, runner):
        handle = await client.start_workflow(AlarmClock.run, id=uuid4().hex, task_queue=QUEUE)
        started = lambda: has(handle, EventType.EVENT_TYPE_TIMER_STARTED)  # noqa: E731
        await wait_until(started, what="the timer")
    asking = asyncio.create_task(handle.query(AlarmClock.rang))
    fired = lambda: has(handle, EventType.EVENT_TYPE_TIMER_FIRED)  # noqa: E731
    await wait_until(fired, what="the end of the timer")
    async with worker(client, runner):
        await asyncio.gather(asking, return_exceptions=True)
        await handle.result()
    replayer = Replayer(workflows=[AlarmClock], workflow_runner=runner)
    history = await handle.fetch_history()
    played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    refused = asking.exception()
    assert refused is None or isinstance(refused, WorkflowQueryFailedError)
    return None if played.replay_failure is None else str(played.replay_failure)


async def test_a_query_that_waited_for_a_worker_breaks_a_bare_workflow(client: Client) -> None:
    """The fault of temporalio 1.35: the timer fires at the time of the task before."""
    for _ in range(ROUNDS):
        failure = await asked_without_a_worker(client, UnsandboxedWorkflowRunner())
        if failure is not None:
            break
    assert "TMPRL1100" in str(failure)


async def test_a_query_that_waited_for_a_worker_leaves_a_guarded_workflow_whole(
    client: Client,
) -> None:
    """The query may fail; the workflow goes on with its own task."""
    for _ in range(3):
        assert await asked_without_a_worker(client, GuardedUnsandboxed()) is None
