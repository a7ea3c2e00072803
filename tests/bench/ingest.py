"""Ingest rate: alerts per second of `koban serve` and of bare signal-with-start, in turns."""

import asyncio
import json
import time
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

import httpx
from standardwebhooks import Webhook
from temporalio.client import Client

from activities.policy.loader import load_policy
from deploy.sandbox.app import INGEST_SECRET, POLICY
from deploy.sandbox.traffic.alerts import alert
from workflows.client import Cases
from workflows.domain.alerts import Alert

IN_FLIGHT = 32
BATCH = 200


def some(count: int) -> list[dict]:
    """Alerts on different subjects."""
    tag = uuid4().hex[:8]
    return [
        alert(
            f"b-{tag}-{n}",
            "off_platform",
            ("user", f"u_{tag}_{n}"),
            ("誘導", "Lure"),
            score=0.95,
            text="LINE ID ください",
            viewers=1240,
        )
        for n in range(count)
    ]


async def bare(client: Client, queue: str, count: int) -> float:
    """Signal-with-starts per second, 32 in flight."""
    policy = load_policy(POLICY).policy_for("off_platform")
    cases, slots = Cases(client, queue), asyncio.Semaphore(IN_FLIGHT)
    alerts = [Alert.model_validate({**each, "detector": "default"}) for each in some(count)]

    async def one(each: Alert) -> None:
        async with slots:
            await cases.accept_all([each], policy, (each.subject.key,))

    began = time.perf_counter()
    await asyncio.gather(*(one(each) for each in alerts))
    return count / (time.perf_counter() - began)


async def posted(url: str, count: int) -> float:
    """Accepted alerts per second, two signed requests of 200 at a time."""
    batches = [some(BATCH) for _ in range(count // BATCH)]
    slots = asyncio.Semaphore(2)
    async with httpx.AsyncClient(timeout=60) as http:

        async def one(batch: list[dict]) -> None:
            body, now, message = json.dumps({"alerts": batch}), datetime.now(UTC), uuid4().hex
            headers = {
                "webhook-id": message,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(INGEST_SECRET).sign(message, now, body),
            }
            async with slots:
                answer = await http.post(f"{url}/v1/alerts", content=body, headers=headers)
            assert answer.status_code == 202, answer.text

        began = time.perf_counter()
        await asyncio.gather(*(one(batch) for batch in batches))
        return count / (time.perf_counter() - began)


async def measure(client: Client, queue: str, url: str, rounds: int, count: int) -> dict:
    """Alternates both; returns the medians, and the median of the ratios."""
    await bare(client, queue, BATCH)
    await posted(url, BATCH)
    pairs = [(await posted(url, count), await bare(client, queue, count)) for _ in range(rounds)]
    return {
        "accepted_per_s": round(median(mine for mine, _ in pairs), 1),
        "bare_per_s": round(median(baseline for _, baseline in pairs), 1),
        "ratio": round(median(mine / baseline for mine, baseline in pairs), 3),
        "rounds": rounds,
        "alerts_a_round": count,
    }
