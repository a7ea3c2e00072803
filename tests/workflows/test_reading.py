"""Whoever asks a workflow what it knows leaves no trace, whatever it is doing meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, Worker

from bot.worker import sandbox
from deploy.sandbox.slack.person import wait_until
from tests.domain.building import POLICY, an_alert
from tests.world import fresh_namespace
from workflows.case import CaseWorkflow
from workflows.client import Cases, OutOfReach
from workflows.domain.alert import Alert, Subject
from workflows.domain.known import Known
from workflows.domain.memory import CardRef
from workflows.ports import Entry, Show, Shown, Written
from workflows.queues import cards_queue, slack_queue, updates_queue

QUEUE = "koban"
CASES = 40


class Slowly:
    """A world that takes its time, another one each time."""

    def __init__(self) -> None:
        self._dice = random.Random(7)

    async def _takes(self, seconds: float) -> None:
        await asyncio.sleep(self._dice.random() * seconds)

    @activity.defn(name="record")
    async def record(self, entry: Entry) -> Written:
        """Writes it down."""
        await self._takes(0.05)
        return Written(stands=entry.events)

    @activity.defn(name="known_of")
    async def known_of(self, subject: Subject, case: str) -> Known:
        """Knows nothing."""
        await self._takes(0.03)
        return Known()

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Shows it."""
        await self._takes(0.12)
        told = max((line.seq for line in wanted.lines), default=None)
        card = wanted.card or CardRef(channel="C0LIVE", ts="1.0")
        return Shown(card=card, approval_card=None, version=wanted.view.version, through=told)


@pytest.fixture
async def client(temporal: str) -> AsyncIterator[Client]:
    """A namespace of its own, where cases are worked on."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    world = Slowly()
    async with AsyncExitStack() as opened:
        cases = Worker(
            client,
            task_queue=QUEUE,
            workflows=[CaseWorkflow],
            activities=[world.record, world.known_of],
            workflow_runner=sandbox(),
        )
        await opened.enter_async_context(cases)
        for queue in (slack_queue(QUEUE), cards_queue(QUEUE), updates_queue(QUEUE)):
            shows = Worker(client, task_queue=queue, activities=[world.show])
            await opened.enter_async_context(shows)
        yield client


def about(subject: str, number: int) -> Alert:
    """The n-th alert about somebody; the second makes the case worse."""
    return an_alert().model_copy(
        update={
            "id": f"{subject}-{number}",
            "score": 0.99 if number == 1 else 0.1,
            "subject": Subject(type="user", id=subject),
        }
    )


async def answered(cases: Cases, route: str) -> bool:
    """Whether the case told what it knows; a worker that is late is asked again."""
    try:
        return await cases.memory(route) is not None
    except OutOfReach:
        return False


async def read_while_it_works(cases: Cases, dice: random.Random) -> str:
    """Four alerts on one person, and as many questions in between; the route."""
    subject = f"u_{uuid4().hex[:8]}"
    group = (f"user:{subject}",)
    route = await cases.accept(about(subject, 0), POLICY, group)

    async def ask() -> None:
        for _ in range(4):
            await asyncio.sleep(dice.random() * 0.05)
            await wait_until(lambda: answered(cases, route), 120, what="the case's answer")

    asking = asyncio.create_task(ask())
    for number in range(1, 4):
        await asyncio.sleep(dice.random() * 0.15)
        await cases.accept(about(subject, number), POLICY, group)
    await asking
    return route


async def test_a_case_that_was_asked_while_it_worked_can_be_played_again(client: Client) -> None:
    """With queries, one in ten stood still once its worker had gone (temporalio 1.35)."""
    cases, dice = Cases(client, QUEUE), random.Random(11)
    routes = await asyncio.gather(*(read_while_it_works(cases, dice) for _ in range(CASES)))
    replayer = Replayer(
        workflows=[CaseWorkflow], workflow_runner=sandbox(), data_converter=pydantic_data_converter
    )
    for route in routes:
        history = await client.get_workflow_handle(route).fetch_history()
        played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        assert played.replay_failure is None


async def test_a_question_leaves_no_trace(client: Client) -> None:
    """The history is as long as it was, however often somebody asked."""
    cases = Cases(client, QUEUE)
    route = await cases.accept(about("u_1", 0), POLICY, ("user:u_1",))
    handle = client.get_workflow_handle(route)

    async def drawn() -> bool:
        memory = await cases.memory(route)
        return memory is not None and memory.card is not None

    await wait_until(drawn, 10, what="its card")
    before = (await handle.describe()).history_length
    for _ in range(20):
        await cases.memory(route)
        await cases.reached(route)
    assert (await handle.describe()).history_length == before


async def test_where_nobody_works_the_question_has_no_answer(temporal: str) -> None:
    """And a case that there is not is none."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    cases = Cases(client, QUEUE)
    assert await cases.memory("case/nowhere") is None
    await cases.reached("case/nowhere")
    route = await cases.accept(about("u_1", 0), POLICY, ("user:u_1",))
    with pytest.raises(OutOfReach):
        await cases.memory(route)
    with pytest.raises(OutOfReach):
        await cases.reached(route)
