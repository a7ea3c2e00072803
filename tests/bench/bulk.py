"""Bulk decision for a thousand accounts on this machine: seconds, events, bytes.

`python -m tests.bench.bulk [N]` takes minutes, so it is no test.
`tests/stories/test_a_bulk_decision.py` runs smaller ones.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from temporalio.client import Client

from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.screen import controls
from deploy.sandbox.temporal import temporal_server
from deploy.sandbox.traffic import resale_ring
from tests.conftest import free_port
from tests.environment import Environment, koban
from workflows.domain.case import commands as cmd
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import PresetAction

LONGEST = 600.0


async def measure(env: Environment, count: int) -> dict:
    """Decides, approves, and waits until the case is closed."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    scene = resale_ring.scene(count)
    for _, body in scene.things:
        body["device_id"] = "d_ring0"
    await env.happens(scene)
    card = await sato.wait_card("ts-market", "u_ring0")
    case = card["metadata"]["event_payload"]["case"]
    command = cmd.DecideBulk(
        by=Actor(id="U0SATO"),
        sources=("device",),
        actions=(PresetAction(action="suspend_user"),),
        reason="bench",
    )
    place = cmd.Place(channel=card["channel"])
    click = cmd.Click(id="bench", case=case, command=command, place=place)
    began = time.perf_counter()
    await env.cases.click(str(controls(card)[0].block_id), click)
    asked = await tanaka.wait_card("ts-leads", "u_ring0", 60)
    read = time.perf_counter()
    await tanaka.press(asked, "approval.approve")

    async def closed() -> bool:
        return "case_closed" in await env.kinds(case)

    await wait_until(closed, LONGEST, what="the end of the ring")
    made = env.executions()
    return {
        "subjects": count,
        "read_s": round(read - began, 2),
        "carried_out_s": round(time.perf_counter() - read, 1),
        "executions": len(made),
        "more_than_once": sum(times > 1 for times in made.values()),
        "progress_events": (await env.kinds(case)).count("bulk_progressed"),
        **await _histories(env),
    }


async def _histories(env: Environment) -> dict:
    """Events and bytes of the largest run of each type."""
    largest: dict[str, tuple[int, int]] = {}
    runs: dict[str, int] = {}
    async for found in env.client.list_workflows("WorkflowType != 'EnforcementWorkflow'"):
        handle = env.client.get_workflow_handle(found.id, run_id=found.run_id)
        events = (await handle.fetch_history()).events
        size = (len(events), sum(event.ByteSize() for event in events))
        kind = found.workflow_type
        largest[kind] = max(largest.get(kind, (0, 0)), size)
        runs[kind] = runs.get(kind, 0) + 1
    return {
        kind: {"runs": runs[kind], "most_events": events, "bytes": size}
        for kind, (events, size) in largest.items()
    }


async def main(count: int) -> None:
    """Prints the figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = temporal_server(Path(folder), port)
        await server.start()
        try:
            await wait_until(lambda: _answers(port), 30, what="Temporal")
            policy = _policy(Path(folder))
            async with koban(f"127.0.0.1:{port}", Path(folder), policy=policy) as env:
                print(json.dumps(await measure(env, count), indent=2))
        finally:
            await server.kill()


def _policy(folder: Path) -> Path:
    """The example without limits of people, which allow fewer subjects."""
    policy = Path(shutil.copytree(POLICY, folder / "policy"))
    limits = "bulk: 5\napproval: {by: lead, within: 30m, on_expiry: refuse}\n"
    (policy / "limits.yaml").write_text(limits, "utf-8")
    return policy


async def _answers(port: int) -> bool:
    try:
        await Client.connect(f"127.0.0.1:{port}")
    except RuntimeError:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
