"""Workflow guards: a query does not run a workflow ahead; a slow task ends without harm."""

import asyncio
import logging
import threading
from datetime import datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from bot.workflow_guards import GuardedRunner, QueryGuard
from deploy.sandbox.slack.person import wait_until
from tests.environment import fresh_namespace

QUEUE = "alarms"
ROUNDS = 10
"""Repetitions: the fault occurs only if the query reaches the server before the timer fires."""


@workflow.defn
class AlarmClock:
    """Completes two seconds after its start."""

    def __init__(self) -> None:
        self._rang: datetime | None = None

    @workflow.query
    def rang(self) -> datetime | None:
        """The time of completion."""
        return self._rang

    @workflow.run
    async def run(self) -> None:
        """Sleeps again after an early wake-up."""
        due = workflow.now() + timedelta(seconds=2)
        while workflow.now() < due:
            await workflow.sleep(due - workflow.now())
        self._rang = workflow.now()


released = threading.Event()
"""Ends the first, slow task of `SlowStart`."""


@workflow.defn
class SlowStart:
    """Completes at once, but for its first task, which holds its thread until `released`."""

    @workflow.run
    async def run(self) -> None:
        """Returns after its thread was free."""
        await asyncio.sleep(0)
        released.wait()


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
        workflows=[AlarmClock, SlowStart],
        workflow_runner=runner,
        sticky_queue_schedule_to_start_timeout=sticky,
    )


async def has(handle: WorkflowHandle, kind: EventType.ValueType) -> bool:
    """True if the history has an event of this type."""
    return any(each.event_type == kind for each in (await handle.fetch_history()).events)


async def asked_without_a_worker(client: Client, runner: WorkflowRunner) -> str | None:
    """Queries an alarm while no worker runs; returns its replay failure."""
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
    replayer = Replayer(workflows=[AlarmClock], workflow_runner=runner, debug_mode=True)
    history = await handle.fetch_history()
    played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    refused = asking.exception()
    assert refused is None or isinstance(refused, WorkflowQueryFailedError)
    return None if played.replay_failure is None else str(played.replay_failure)


async def test_a_query_that_waited_for_a_worker_breaks_a_bare_workflow(client: Client) -> None:
    """The fault of temporalio 1.35: the timer fires at the previous task's time."""
    for _ in range(ROUNDS):
        failure = await asked_without_a_worker(client, UnsandboxedWorkflowRunner())
        if failure is not None:
            break
    assert "TMPRL1100" in str(failure)


async def test_a_query_that_waited_for_a_worker_leaves_a_guarded_workflow_whole(
    client: Client,
) -> None:
    """The query may fail; the workflow continues with its own task."""
    for _ in range(3):
        assert await asked_without_a_worker(client, GuardedRunner()) is None


class Inner:
    """An instance that starts a timer in every activation."""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Starts a timer."""
        done = WorkflowActivationCompletion(run_id=act.run_id)
        done.successful.commands.add().start_timer.seq = act.history_length
        return done

    def get_info(self) -> SimpleNamespace:
        """Info for the guard's log line."""
        return SimpleNamespace(namespace="default", workflow_id="case/1")


def signals(at: int, number: int, seconds: int) -> WorkflowActivation:
    """A workflow task that started with event `at` and has this many signals."""
    act = WorkflowActivation(run_id="1", history_length=at, history_size_bytes=at * 100)
    act.timestamp.FromSeconds(seconds)
    for _ in range(number):
        act.jobs.add().signal_workflow.signal_name = "poke"
    return act


def test_a_task_whose_history_lacks_the_commands_given_before_is_refused() -> None:
    """A query ran the workflow for another worker's task, which was lost and repeated."""
    guard = QueryGuard(Inner())  # type: ignore[arg-type]
    assert guard.activate(signals(8, 1, 10)).HasField("successful")
    # Event 9 timed out; signal 10, scheduled 11, started 12: there is no timer between.
    refused = guard.activate(signals(12, 1, 13))
    assert refused.failed.failure.message == "another worker's task was lost: try again"


def test_a_task_whose_history_has_the_commands_given_before_goes_on() -> None:
    """Completed 9, timer 10, signal 11, scheduled 12, started 13."""
    guard = QueryGuard(Inner())  # type: ignore[arg-type]
    assert guard.activate(signals(8, 1, 10)).HasField("successful")
    assert guard.activate(signals(13, 1, 13)).HasField("successful")


async def test_a_task_beyond_its_time_is_repeated_by_the_same_worker(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails, runs to its end, leaves the cache in order, and is repeated."""
    released.clear()
    caplog.set_level(logging.DEBUG, "temporalio.worker")
    async with worker(client, GuardedRunner()):
        handle = await client.start_workflow(SlowStart.run, id=uuid4().hex, task_queue=QUEUE)
        try:
            await wait_until(lambda: "Evicting workflow" in caplog.text, what="the eviction")
        finally:
            released.set()
        await handle.result()
    assert "TMPRL1101" in str(await handle.fetch_history())
    assert "retrying eviction" not in caplog.text
