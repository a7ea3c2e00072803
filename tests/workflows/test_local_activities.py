"""Local activities: not used in workflows, because a query can make their replay fail."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import Replayer, Worker

import workflows
from deploy.sandbox.slack.person import wait_until
from tests.environment import fresh_namespace

QUEUE = "steps"
ANSWER = "the answer to the query"
TASK = timedelta(seconds=3)
"""Timeout of a workflow task; with a local activity in it, a query waits for 0.8 of that."""
WAIT_SECONDS = timedelta(minutes=5)


class Gates(PayloadCodec):
    """Delays the first step, and the query's answer until the first step has ended."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.asked = asyncio.Event()
        self.may_end = asyncio.Event()
        self.ended = asyncio.Event()

    @activity.defn(name="step")
    async def step(self, number: int) -> None:
        """Runs one at a time: the second starts after the first."""
        if number == 1:
            self.begun.set()
            await self.may_end.wait()
        else:
            self.ended.set()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Returns the payloads; the answer is delayed."""
        if any(ANSWER.encode() in each.data for each in payloads):
            self.asked.set()
            await self.ended.wait()
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Returns the payloads."""
        return list(payloads)


@workflow.defn(sandboxed=False)
class Steps:
    """Takes a third step if the signal came before the end of the first one."""

    def __init__(self) -> None:
        self._signalled = False

    @workflow.signal
    def proceed(self) -> None:
        """Sends the signal."""
        self._signalled = True

    @workflow.query
    def query_state(self) -> str:
        """Changes nothing."""
        return ANSWER

    @workflow.run
    async def run(self, local: bool) -> None:
        """Takes both steps, local or not."""
        start: Any = workflow.start_local_activity if local else workflow.start_activity
        first = start("step", 1, start_to_close_timeout=WAIT_SECONDS)
        second = start("step", 2, start_to_close_timeout=WAIT_SECONDS)
        await first
        early = self._signalled
        await second
        await workflow.wait_condition(lambda: self._signalled)
        if early:
            await start("step", 3, start_to_close_timeout=WAIT_SECONDS)


Handle = WorkflowHandle[Steps, None]


@asynccontextmanager
async def at_the_first_step(temporal: str, gates: Gates, local: bool) -> AsyncIterator[Handle]:
    """Starts a workflow, and waits for its first step."""
    client = await Client.connect(
        temporal,
        namespace=await fresh_namespace(temporal),
        data_converter=replace(DataConverter.default, payload_codec=gates),
    )
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Steps],
        activities=[gates.step],
        max_concurrent_activities=1,
        max_concurrent_local_activities=1,
    ):
        handle = await client.start_workflow(
            Steps.run, local, id="steps", task_queue=QUEUE, task_timeout=TASK
        )
        await wait_until(gates.begun.is_set, what="the first step")
        yield handle


async def end_it_during_a_query(handle: Handle, gates: Gates) -> None:
    """Queries and signals it, then ends its first step before the answer is sent."""
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(handle.query(Steps.query_state))
        await wait_until(gates.asked.is_set, what="the query")
        await handle.signal(Steps.proceed)
        gates.may_end.set()
        assert await answer == ANSWER
    await handle.result()


async def failure_of_its_replay(handle: Handle) -> str:
    """Returns the failure of a replay, or "None"."""
    replayer = Replayer(workflows=[Steps], debug_mode=True)
    history = await handle.fetch_history()
    played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return str(played.replay_failure)


async def test_a_local_activity_that_ends_during_a_query_cannot_be_replayed(
    temporal: str,
) -> None:
    """It is in the history a task before the workflow receives it (seen with temporalio 1.35)."""
    gates = Gates()
    async with at_the_first_step(temporal, gates, local=True) as handle:
        await end_it_during_a_query(handle, gates)
        failure = await failure_of_its_replay(handle)
    said = "[TMPRL1100] Nondeterminism error: Missing associated machine for LocalActivity(3)"
    assert said in failure


async def test_an_activity_that_ends_during_a_query_can_be_replayed(temporal: str) -> None:
    """Neither the query nor the stack trace makes a difference."""
    gates = Gates()
    async with at_the_first_step(temporal, gates, local=False) as handle:
        assert "workflow: Steps" in await handle.query("__stack_trace")
        await end_it_during_a_query(handle, gates)
        assert await failure_of_its_replay(handle) == "None"


def test_no_workflow_has_a_local_activity() -> None:
    """Every API for them has `local_activity` in its name."""
    (folder,) = workflows.__path__
    files = sorted(Path(folder).rglob("*.py"))
    assert files
    assert [str(file) for file in files if "local_activity" in file.read_text("utf-8")] == []
