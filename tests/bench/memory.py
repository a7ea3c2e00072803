"""Worker memory for each open case."""

import asyncio

import psutil
from temporalio.client import Client

from activities.policy.loader import load_policy
from deploy.sandbox.app import POLICY, Sandbox
from deploy.sandbox.slack.person import wait_until
from tests.bench.ingest import some
from workflows.client import Cases
from workflows.domain.alerts import Alert


async def measure(
    sandbox: Sandbox, client: Client, queue: str, pid: int, counts: list[int]
) -> dict:
    """KiB of the worker's resident memory per open, cached case."""
    policy = load_policy(POLICY).policy_for("off_platform")
    cases, worker = Cases(client, queue), psutil.Process(pid)
    begun, base, opened, result = sandbox.workspace.calls["chat.postMessage"], 0.0, 0, {}
    base = worker.memory_info().rss
    for count in counts:
        alerts = [Alert.model_validate({**e, "detector": "default"}) for e in some(count - opened)]
        for start in range(0, len(alerts), 50):
            part = alerts[start : start + 50]
            await asyncio.gather(*(cases.accept_all([a], policy, (a.subject.key,)) for a in part))
            opened += len(part)
            await _posted(sandbox, begun + opened)
        result[f"kib_per_case_at_{count}"] = round(
            (worker.memory_info().rss - base) / 1024 / count, 1
        )
    return result


async def _posted(sandbox: Sandbox, wanted: int) -> None:
    """Waits for this many cards, which means that the cases are cached."""
    posts = sandbox.workspace.calls
    await wait_until(lambda: posts["chat.postMessage"] >= wanted, 120, what="cards")
