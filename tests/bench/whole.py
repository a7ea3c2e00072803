"""Throughput of whole cases (alert, claim, preset, closed) and of a workflow without logic."""

import asyncio
import time
from uuid import uuid4

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.policy.loader import load_policy
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.stage import POLICY, Stage
from tests.bench.floor import Floor, nothing
from tests.bench.ingest import some
from workflows.client import Cases
from workflows.domain.alerts import Alert
from workflows.domain.case import commands as cmd
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import Policy

SATO = Actor(id="U0SATO")
NEWEST = 40
"""Messages of a channel to look through: more than cases in flight."""


async def _koban(
    cases: Cases, client: Client, workspace: Workspace, policy: Policy, alert: Alert
) -> None:
    workflow_id = await cases.accept_all([alert], policy, (alert.subject.key,))
    handle = client.get_workflow_handle(workflow_id)
    case = await wait_until(
        lambda: _case_on_card(workspace, workflow_id), what=f"the card of {workflow_id}"
    )
    place = cmd.Place(channel="C0LIVE")
    for command in (cmd.Claim(by=SATO), cmd.ChoosePreset(by=SATO, preset="warn")):
        click = cmd.Click(id=uuid4().hex, case=case, command=command, place=place)
        await cases.click(workflow_id, click)
    await handle.result()


def _case_on_card(workspace: Workspace, workflow_id: str) -> str | None:
    """Waits for the card of a workflow id; returns its case."""
    for channel in workspace.messages.by_channel.values():
        for message in list(channel.values())[-NEWEST:]:
            if any(block.get("block_id") == workflow_id for block in message.blocks):
                return str((message.metadata or {})["event_payload"]["case"])
    return None


async def _floor(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        Floor.run, id=f"floor/{uuid4().hex}", task_queue=queue, start_signal="press"
    )
    for _ in range(2):
        await handle.signal("press")
    await handle.result()


async def _rate(tasks: list, in_flight: int) -> float:
    slots = asyncio.Semaphore(in_flight)

    async def one(task) -> None:
        async with slots:
            await task

    began = time.perf_counter()
    await asyncio.gather(*(one(task) for task in tasks))
    return len(tasks) / (time.perf_counter() - began)


async def measure(client: Client, world: Stage, count: int, in_flight: int = 10) -> dict:
    """Cases and baseline workflows per second."""
    alerts = [Alert.model_validate({**e, "detector": "default", "kind": "x"}) for e in some(count)]
    for each in alerts:
        world.market.put("users", {"id": each.subject.id, "name": "x", "status": "active"})
    cases = Cases(client, "koban")
    # One person decides them all: their budget is not what is measured.
    policy = load_policy(POLICY).policy_for("other").model_copy(update={"limits": None})
    made = [_koban(cases, client, world.workspace, policy, each) for each in alerts]
    mine = await _rate(made, in_flight)
    async with Worker(
        client,
        task_queue="bench-floor",
        workflows=[Floor],
        activities=[nothing],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        floor = await _rate([_floor(client, "bench-floor") for _ in range(count)], in_flight)
    return {
        "cases_per_s": round(mine, 2),
        "floor_per_s": round(floor, 2),
        "ratio": round(mine / floor, 3),
        "n": count,
        "in_flight": in_flight,
    }
