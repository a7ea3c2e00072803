"""Queries of a running workflow: they leave no trace in its history."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from tests.environment import fresh_namespace
from tests.timeouts import RPC_TIMEOUT, answered
from tests.workflows.domain.builders import POLICY, an_alert
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.case_workflow import CaseWorkflow
from workflows.client import Cases, OutOfReach
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.snapshot import CardRef
from workflows.domain.ids import case_id
from workflows.ports.cases import (
    ClaimAlerts,
    ClaimedAlerts,
    LedgerWrite,
    OpenCase,
    OpenedCase,
    Show,
    Shown,
)

QUEUE = "koban"
CASES = 40
ANSWERED = timedelta(seconds=WAIT_SECONDS)


class Slowly:
    """Activities with random delays."""

    def __init__(self) -> None:
        self._dice = random.Random(7)

    async def _takes(self, seconds: float) -> None:
        await asyncio.sleep(self._dice.random() * seconds)

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Opens it."""
        await self._takes(0.05)
        event = wanted.event.model_copy(update={"case": case_id(wanted.key)})
        return OpenedCase(event=event)

    @activity.defn(name="claim_alerts")
    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Returns that all are new."""
        await self._takes(0.03)
        return ClaimedAlerts()

    @activity.defn(name="record")
    async def record(self, write: LedgerWrite) -> None:
        """Does nothing."""
        await self._takes(0.05)

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Returns a card."""
        await self._takes(0.12)
        through = max((line.seq for line in wanted.lines), default=None)
        card = wanted.card or CardRef(channel="C0LIVE", ts="1.0")
        return Shown(card=card, approval_card=None, version=wanted.view.version, through=through)


@pytest.fixture
async def client(temporal: str) -> AsyncIterator[Client]:
    """Provides a namespace with a case worker."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    world = Slowly()
    async with AsyncExitStack() as opened:
        cases = Worker(
            client,
            task_queue=QUEUE,
            workflows=[CaseWorkflow],
            activities=[world.open_case, world.claim_alerts, world.record],
            workflow_runner=GuardedRunner(),
        )
        await opened.enter_async_context(cases)
        for queue in (slack_queue(QUEUE), cards_queue(QUEUE), updates_queue(QUEUE)):
            shows = Worker(client, task_queue=queue, activities=[world.show])
            await opened.enter_async_context(shows)
        yield client


def about(subject: str, number: int) -> Alert:
    """Returns the n-th alert about a subject; the second raises the severity."""
    return an_alert().model_copy(
        update={
            "id": f"{subject}-{number}",
            "score": 0.99 if number == 1 else 0.1,
            "subject": Subject(type="user", id=subject),
        }
    )


async def ask(handle: WorkflowHandle, dice: random.Random) -> None:
    """Sends queries at random moments: memory, stack trace, newest state."""
    for query in (CaseWorkflow.memory, "__stack_trace", CaseWorkflow.newest, CaseWorkflow.memory):
        await asyncio.sleep(dice.random() * 0.05)
        answer = await answered(partial(handle.query, query, rpc_timeout=ANSWERED))
        assert query == CaseWorkflow.newest or answer


async def read_while_it_works(client: Client, dice: random.Random) -> WorkflowHandle:
    """Sends four alerts on one subject, with queries in between."""
    cases, subject = Cases(client, QUEUE, rpc_timeout=RPC_TIMEOUT), f"u_{uuid4().hex[:8]}"
    group = (f"user:{subject}",)
    handle = client.get_workflow_handle(await cases.accept_all([about(subject, 0)], POLICY, group))
    asking = asyncio.create_task(ask(handle, dice))
    for number in range(1, 4):
        await asyncio.sleep(dice.random() * 0.15)
        await cases.accept_all([about(subject, number)], POLICY, group)
    await asking
    return handle


async def counted(handle: WorkflowHandle) -> bool:
    """Whether all four alerts are part of the case."""
    memory = await answered(partial(handle.query, CaseWorkflow.memory, rpc_timeout=ANSWERED))
    return memory.case is not None and memory.case.alerts == 4


@pytest.mark.long
async def test_a_case_queried_while_it_works_can_be_replayed(client: Client) -> None:
    """Neither query changes the replay."""
    dice = random.Random(11)
    handles = await asyncio.gather(*(read_while_it_works(client, dice) for _ in range(CASES)))
    replayer = Replayer(
        workflows=[CaseWorkflow],
        workflow_runner=GuardedRunner(),
        data_converter=pydantic_data_converter,
        # A replay is judged by its commands, not by the 2 s that a busy machine may exceed.
        debug_mode=True,
    )
    for handle in handles:
        await wait_until(partial(counted, handle), what="four alerts")
        history = await handle.fetch_history()
        played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        assert played.replay_failure is None


async def rests(handle: WorkflowHandle) -> bool:
    """Whether the case has its card and nothing under way."""
    memory = await answered(partial(handle.query, CaseWorkflow.memory, rpc_timeout=ANSWERED))
    described = (await handle.describe()).raw_description
    last = (await handle.fetch_history()).events[-1].event_type
    idle = not described.pending_activities and last == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return memory.card is not None and idle


async def test_a_query_adds_nothing_to_the_history(client: Client) -> None:
    """The history keeps its length."""
    cases = Cases(client, QUEUE, rpc_timeout=RPC_TIMEOUT)
    workflow_id = await cases.accept_all([about("u_1", 0)], POLICY, ("user:u_1",))
    handle = client.get_workflow_handle(workflow_id)
    await wait_until(partial(rests, handle), what="a case at rest")
    before = (await handle.describe()).history_length
    for _ in range(20):
        await answered(partial(cases.memory, workflow_id))
        await answered(partial(cases.reached, workflow_id))
    assert (await handle.describe()).history_length == before


async def test_the_queried_state_has_the_policy_of_its_case(client: Client) -> None:
    """The packed policy is attached again."""
    cases = Cases(client, QUEUE, rpc_timeout=RPC_TIMEOUT)
    workflow_id = await cases.accept_all([about("u_1", 0)], POLICY, ("user:u_1",))
    await wait_until(partial(rests, client.get_workflow_handle(workflow_id)), what="a card")
    memory = await answered(partial(cases.memory, workflow_id))
    assert memory is not None
    assert memory.case is not None
    assert memory.case.policy == POLICY


async def test_a_query_without_a_worker_is_out_of_reach(temporal: str) -> None:
    """An unknown workflow id returns None instead."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    cases = Cases(client, QUEUE, rpc_timeout=RPC_TIMEOUT)
    assert await cases.memory("case/nowhere") is None
    await cases.reached("case/nowhere")
    workflow_id = await cases.accept_all([about("u_1", 0)], POLICY, ("user:u_1",))
    # No worker answers, so a short timeout is enough.
    cases = Cases(client, QUEUE, rpc_timeout=timedelta(seconds=0.5))
    with pytest.raises(OutOfReach):
        await cases.memory(workflow_id)
    with pytest.raises(OutOfReach):
        await cases.reached(workflow_id)
