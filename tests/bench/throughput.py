"""Throughput of whole cases (alert, claim, preset, closed) and of a workflow without logic."""

import asyncio
import time
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.policy.loader import load_policy
from deploy.sandbox.app import POLICY, Sandbox
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.workspace import Workspace
from tests.bench.actions import cost_of
from tests.bench.baseline import SIGNALS, UNHURRIED, Baseline, BaselineChild, nothing
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
) -> str:
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
    return workflow_id


async def _activities(client: Client, workflow_id: str) -> int:
    """Counts the activities of a case and of its children."""
    events = (await client.get_workflow_handle(workflow_id).fetch_history()).events
    children = [
        event.start_child_workflow_execution_initiated_event_attributes.workflow_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    ]
    below = [await _activities(client, child) for child in children]
    return cost_of(events).activities + sum(below)


def _case_on_card(workspace: Workspace, workflow_id: str) -> str | None:
    """Waits for the card of a workflow id; returns its case."""
    for channel in workspace.messages.by_channel.values():
        for message in list(channel.values())[-NEWEST:]:
            if any(block.get("block_id") == workflow_id for block in message.blocks):
                return str((message.metadata or {})["event_payload"]["case"])
    return None


async def _baseline(client: Client, queue: str, activities: int, child: bool) -> None:
    handle = await client.start_workflow(
        Baseline.run,
        args=[activities, child],
        id=f"baseline/{uuid4().hex}",
        task_queue=queue,
        start_signal="press",
    )
    for _ in range(SIGNALS - 1):
        await handle.signal("press")
    await handle.result()


async def _rate(tasks: list, in_flight: int) -> tuple[float, list]:
    """Runs `tasks`, at most `in_flight` at a time; returns how many a second, and the results."""
    slots = asyncio.Semaphore(in_flight)

    async def one(task) -> Any:
        async with slots:
            return await task

    began = time.perf_counter()
    results = await asyncio.gather(*(one(task) for task in tasks))
    return len(tasks) / (time.perf_counter() - began), results


async def measure(client: Client, sandbox: Sandbox, count: int, in_flight: int = 10) -> dict:
    """Cases per second, and three baselines in workflows per second.

    `baseline` has the activities of an unhurried case. Under this load a case needs fewer, because
    writes are joined: `counted` has the number found in the histories, and `counted_child` runs the
    last of them in a child workflow, as a case runs its enforcement.
    """
    alerts = [Alert.model_validate({**e, "detector": "default", "kind": "x"}) for e in some(count)]
    for each in alerts:
        sandbox.market.put("users", {"id": each.subject.id, "name": "x", "status": "active"})
    cases = Cases(client, "koban")
    # One person decides them all: their budget is not what is measured.
    policy = load_policy(POLICY).policy_for("other").model_copy(update={"limits": None})
    made = [_koban(cases, client, sandbox.workspace, policy, each) for each in alerts]
    mine, ids = await _rate(made, in_flight)
    counts = sorted([await _activities(client, each) for each in ids])
    counted = counts[len(counts) // 2]
    shapes = {
        "baseline": (UNHURRIED, False),
        "counted": (counted, False),
        "counted_child": (counted, True),
    }
    figures: dict[str, Any] = {"cases_per_s": round(mine, 2), "activities": counted}
    async with Worker(
        client,
        task_queue="bench-baseline",
        workflows=[Baseline, BaselineChild],
        activities=[nothing],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        for name, shape in shapes.items():
            tasks = [_baseline(client, "bench-baseline", *shape) for _ in range(count)]
            baseline, _ = await _rate(tasks, in_flight)
            figures[f"{name}_per_s"] = round(baseline, 2)
            figures[f"ratio_{name}"] = round(mine / baseline, 3)
    return {**figures, "n": count, "in_flight": in_flight}
