"""Excess: presses and other detectors' alerts while one detector sends the worst that it can."""

import asyncio
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx

from deploy.sandbox.app import Sandbox
from deploy.sandbox.slack.person import Person
from deploy.sandbox.traffic.alerts import alert, user
from deploy.sandbox.traffic.sender import Sender, signed
from tests.bench import shift

SENDERS = 8
"""Requests of the flood at a time."""
PRESSES_PER_S = 10
_NUMBER = count()


def nested(levels: int) -> dict[str, Any]:
    """An object within an object, and so on."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def worst_alert(subject: str) -> dict[str, Any]:
    """An alert of 200 KB with the most values, the deepest nesting and images of a hostile host."""
    texts = [{"kind": "text", "text": "x" * 48_000}] * 4
    images = [{"kind": "image", "url": f"https://169.254.169.254/{n}.png"} for n in range(90)]
    return {
        "id": f"flood-{next(_NUMBER)}",
        "detector": "flood",
        "kind": "off_platform",
        "subject": {"type": "user", "id": subject},
        "score": 0.99,
        "occurred_at": datetime.now(UTC).isoformat(),
        "evidence": [*texts, *images],
        "attributes": {"viewers": 5000, "l": [nested(27)] * 36},
    }


def worst_bodies() -> dict[str, dict[str, Any]]:
    """The kinds of requests of the flood, each near a limit."""
    tag = next(_NUMBER)
    small = {"kind": "off_platform", "occurred_at": datetime.now(UTC).isoformat()}
    return {
        "large": {"alerts": [worst_alert("u_flood") for _ in range(5)]},
        "many": {
            "alerts": [
                {
                    "id": f"flood-{next(_NUMBER)}",
                    "detector": "flood",
                    "subject": {"type": "user", "id": f"u_flood_{tag}_{n % 20}"},
                    "attributes": {"l": [{}] * 10},
                    **small,
                }
                for n in range(1000)
            ]
        },
        "refused": {"detector": "flood", "attributes": {"l": [1] * 45_000}, "id": "x", **small},
        "over": {"alerts": [{"detector": "flood", "attributes": {"l": [1] * 100_000}}]},
    }


async def flood(url: str, secret: str, until: float) -> Counter[str]:
    """Sends the worst requests without a pause; counts them by kind and status."""
    tally: Counter[str] = Counter()
    async with httpx.AsyncClient(timeout=120) as http:

        async def one() -> None:
            while time.monotonic() < until:
                for name, value in worst_bodies().items():
                    body = await asyncio.to_thread(json.dumps, value, separators=(",", ":"))
                    headers = signed(secret, body)
                    try:
                        answer = await http.post(f"{url}/v1/alerts", content=body, headers=headers)
                        tally[f"{name} {answer.status_code}"] += 1
                    except httpx.TransportError:
                        tally[f"{name} none"] += 1

        await asyncio.gather(*(one() for _ in range(SENDERS)))
    return tally


async def flood_beside(url: str, secret: str, seconds: int) -> dict[str, int]:
    """The flood in a process of its own: here it would delay the presses that are measured."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.excess", url, str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate(secret.encode())
    found: dict[str, int] = json.loads(printed)
    return found


async def quiet(sandbox: Sandbox, sender: Sender, until: float) -> int:
    """Sends an alert of another detector every second; returns how many were accepted."""
    accepted = 0
    while time.monotonic() < until:
        who = f"u_quiet_{accepted}"
        sandbox.market.put(*user(who))
        one = alert(f"q-{accepted}", "off_platform", ("user", who), ("検知", "Alert"), score=0.92)
        found = await sender.send([{**one, "detector": "quiet"}])
        accepted += found[0]["result"] == "accepted"
        await asyncio.sleep(1)
    return accepted


async def measure(sandbox: Sandbox, sender: Sender, url: str, secret: str, seconds: int) -> dict:
    """Press → ack and the quiet detector's alerts, alone and beside the flood."""
    async with Person(sandbox.url, "U0SATO") as sato:
        cards = [
            (await shift.new_card(sandbox, sender, sato, f"u_excess{n}", "off_platform"))[0]
            for n in range(5)
        ]

        async def press(number: int) -> None:
            await sato.press(cards[number % len(cards)], "case.claim")

        number = PRESSES_PER_S * seconds
        alone = await shift.click_to_ack(sandbox.workspace, press, PRESSES_PER_S, number // 4)
        until = time.monotonic() + seconds
        flooding = asyncio.create_task(flood_beside(url, secret, seconds))
        beside = asyncio.create_task(quiet(sandbox, sender, until))
        flooded = await shift.click_to_ack(sandbox.workspace, press, PRESSES_PER_S, number)
        accepted, answers = await beside, await flooding
        carded = 0
        for each in range(accepted):
            await sato.wait_card("ts-live", f"u_quiet_{each}", 120)
            carded += 1
        await sato.wait_card("ts-live", "u_flood", 120)
    return {
        "alone": alone,
        "flooded": flooded,
        "presses_not_acked": number - flooded["n"],
        "quiet_accepted": accepted,
        "quiet_carded": carded,
        "flood": dict(sorted(answers.items())),
    }


if __name__ == "__main__":
    end = time.monotonic() + int(sys.argv[2])
    print(json.dumps(asyncio.run(flood(sys.argv[1], sys.stdin.read(), end))))
