"""Storm at Slack's real rates: ten thousand alerts in a minute, with clicks meanwhile.

Standalone: `python -m tests.bench.storm [--several] [--small]`. It takes six minutes.
"""

import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.sandbox.app import INGEST_SECRET, Sandbox, run_sandbox
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.model import Message
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.rates import TIERS, Rates
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.temporal import temporal_server
from deploy.sandbox.traffic.sender import Sender
from tests.bench.shift import percentile
from tests.bench.storm_plan import BOTH, LIVE, Coming, Plan, coming
from tests.bench.storm_watch import cards, case_of, changed_at, judged, pressable, shows, text_of
from tests.conftest import free_port

FLUSH = 3.0
"""Seconds for which a detector batches alerts; critical ones are sent at once."""
LONGEST = 900.0
IDLE_SECONDS = 2.0


@dataclass
class Arena:
    """A running Koban and its environment."""

    sandbox: Sandbox
    sender: Sender
    client: Client
    plan: Plan
    people: tuple[str, ...] = ("U0SATO", "U0CLARK", "U0TANAKA")
    began: float = 0.0
    sent: dict[str, float] = field(default_factory=dict)
    pressed: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    waits: list[float | None] = field(default_factory=list)
    later: list[float | None] = field(default_factory=list)
    raining: bool = True
    opened: list[float | None] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def workspace(self) -> Workspace:
        """The sandbox's state."""
        return self.sandbox.workspace

    def cards(self) -> list[Message]:
        """The storm's cards, without those of the warm-up."""
        return [card for card in cards(self.workspace) if case_of(card) not in self.before]


async def send_plan(arena: Arena) -> float:
    """Sends the plan; returns the seconds until every alert is accepted."""
    requests = []
    for at, batch in _requests(coming(arena.plan)):
        await asyncio.sleep(max(0.0, arena.began + at - time.time()))
        requests.append(asyncio.create_task(_sent(arena, batch)))
    await asyncio.gather(*requests)
    return time.time() - arena.began


def _requests(drops: list[Coming]) -> list[tuple[float, list[Coming]]]:
    """The batches of the plan in order."""
    requests = [(each.at, [each]) for each in drops if each.critical]
    gathered: dict[int, list[Coming]] = {}
    for each in drops:
        if not each.critical:
            gathered.setdefault(int(each.at / FLUSH) + 1, []).append(each)
    requests += [(number * FLUSH, batch) for number, batch in gathered.items()]
    return sorted(requests, key=lambda request: request[0])


async def _sent(arena: Arena, batch: list[Coming]) -> None:
    for each in batch:
        arena.sent.setdefault(each.subject, time.time())
    if batch:
        results = await arena.sender.send([each.body for each in batch])
        arena.answers.update(result["result"] for result in results)


async def shift(arena: Arena, every: float) -> None:
    """Claims cards; every sixth click opens a case from the digest before its card is posted."""
    dice, number = random.Random(1), 0
    pressing: set[asyncio.Task[None]] = set()
    try:
        while True:
            await asyncio.sleep(every)
            number += 1
            act = _from_digest if number % 6 == 0 else _from_card
            pressing.add(asyncio.create_task(act(arena, dice, arena.people[number % 3])))
    except asyncio.CancelledError:
        await asyncio.gather(*pressing, return_exceptions=True)
        raise


async def _from_card(arena: Arena, dice: random.Random, person: str) -> None:
    free = [card for card in arena.cards() if case_of(card) not in arena.pressed]
    if not free:
        return
    card = dice.choice(free)
    arena.pressed.add(case_of(card))
    since, raining = time.time(), arena.raining
    if await _act(arena, person, card, "case.claim"):
        at = await shows(card, arena.workspace.people[person].display_name, since)
        wait = None if at is None else at - since
        arena.waits.append(wait)
        if not raining:
            arena.later.append(wait)


async def _from_digest(arena: Arena, dice: random.Random, person: str) -> None:
    """Opens a case, claims it in the private view, and waits for its card."""
    digest = next(iter(digests(arena.workspace)), None)
    values = [c.element["value"] for c in pressable(digest)] if digest is not None else []
    values = [value for value in values if value not in arena.pressed]
    if digest is None or not values:
        return
    case, since = dice.choice(values), time.time()
    arena.pressed.add(case)
    if not await _act(arena, person, digest, "storm.open", case):
        return
    private = await _private(arena, person, case)
    since = time.time()
    if private is not None and await _act(arena, person, private, "case.claim"):
        name = arena.workspace.people[person].display_name
        arena.opened.append(await _claimed(arena, case, name, since))


async def _private(arena: Arena, person: str, case: str) -> Message | None:
    for _ in range(500):
        for channel in arena.workspace.channels:
            for message in reversed(arena.workspace.messages.seen_by(channel, person)[-30:]):
                values = [str(c.element.get("value", "")) for c in pressable(message)]
                if message.ephemeral_to == person and any(v.startswith(case) for v in values):
                    return message
        await asyncio.sleep(0.02)
    return None


async def _claimed(arena: Arena, case: str, name: str, since: float) -> float | None:
    for _ in range(1500):
        for card in arena.cards():
            if case_of(card) == case and name in text_of(card):
                return changed_at(card) - since
        await asyncio.sleep(0.02)
    return None


async def _act(
    arena: Arena, person: str, message: Message, action: str, value: str | None = None
) -> bool:
    """Clicks; False if the button is gone."""
    for control in pressable(message):
        wanted = value is None or control.element.get("value") == value
        if control.action_id == action and wanted:
            body = {
                "as": person,
                "container": {"type": "message", "channel": message.channel, "ts": message.ts},
                "block_id": control.block_id,
                "action_id": action,
                "type": "button",
                "value": control.element["value"],
            }
            async with httpx.AsyncClient(base_url=arena.sandbox.url, timeout=20) as http:
                return bool((await http.post("/ui/act", json=body)).json()["ok"])
    return False


def digests(workspace: Workspace) -> list[Message]:
    """The storm digests."""
    return [
        message
        for channel in workspace.channels
        for message in workspace.messages.history(channel)
        if (message.metadata or {}).get("event_type") == "koban_storm"
    ]


def _all_posted(arena: Arena) -> bool:
    return len(arena.cards()) >= arena.plan.subjects


async def settled(arena: Arena) -> dict:
    """Waits until every subject has a card, all alerts are counted, and every card is current."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        posted = arena.cards()
        last = max((changed_at(card) for card in posted), default=0.0)
        if len(posted) < arena.plan.subjects or time.time() - last < IDLE_SECONDS:
            continue
        found = await judged(arena.cards(), arena.client)
        if not found.untrue and found.alerts == arena.plan.alerts:
            break
    found = await judged(arena.cards(), arena.client)
    return {
        "cards": found.cards,
        "duplicates": found.duplicates,
        "untrue": found.untrue[:5],
        "lost": arena.plan.alerts - found.alerts,
        "seconds": max(changed_at(card) for card in arena.cards()) - arena.began,
    }


def forced(arena: Arena) -> dict:
    """Minimum time that Slack's rates allow for the posts and updates so far."""
    rates, posts = arena.workspace.rates, Counter[str]()
    for channel, found in arena.workspace.channels.items():
        if not found.is_im:
            posts[channel] = sum(
                1 for m in arena.workspace.messages.all(channel) if m.bot and not m.ephemeral_to
            )
    longest = max(posts.values()) - rates.channel_burst
    updates = arena.workspace.calls["chat.update"] - arena.workspace.refused["chat.update"]
    per_second = TIERS["chat.update"] / 60 * rates.speed
    burst = TIERS["chat.update"] * rates.burst_share
    return {
        "posts": dict(posts),
        "updates": updates,
        "by_posts_s": round(longest / (rates.channel_per_second * rates.speed), 1),
        "by_updates_s": round(max(0.0, updates - burst) / per_second, 1),
    }


def _spread(waits: list[float | None]) -> dict:
    seen = [each for each in waits if each is not None]
    if not seen:
        return {"n": 0, "never": len(waits)}
    shares = {f"p{share}_s": round(percentile(seen, share / 100), 2) for share in (50, 95)}
    return {**shares, "most_s": round(max(seen), 2), "n": len(seen), "never": waits.count(None)}


def _critical(arena: Arena) -> list[float | None]:
    """Seconds from a critical subject's first alert to its card."""
    urgent = {each.subject for each in coming(arena.plan) if each.critical}
    posted = {
        subject: float(card.ts)
        for card in arena.cards()
        for subject in urgent
        if re.search(rf"{subject}(?!\d)", text_of(card))
    }
    return [
        posted[subject] - arena.sent[subject] if subject in posted else None for subject in urgent
    ]


async def warm(arena: Arena) -> None:
    """Warms up connections and imports."""
    few = Plan(alerts=3, subjects=3, seconds=0.1, critical=0, kinds=arena.plan.kinds)
    await arena.sender.send([each.body for each in coming(few)])
    await wait_until(lambda: len(arena.cards()) == few.subjects, 60, what="first cards")
    arena.before = {case_of(card) for card in arena.cards()}
    await asyncio.sleep(IDLE_SECONDS)


async def play(arena: Arena, press_every: float = 3.0) -> dict:
    """Runs one storm, from its first alert to the last current card."""
    await warm(arena)
    arena.began = time.time()
    pressing = asyncio.create_task(shift(arena, press_every))
    taken = await send_plan(arena)
    arena.raining = False
    await wait_until(lambda: _all_posted(arena), LONGEST, what="a card for every subject")
    pressing.cancel()
    await asyncio.gather(pressing, return_exceptions=True)
    end = await settled(arena)
    bounds = forced(arena)
    least = max(bounds["by_posts_s"], bounds["by_updates_s"])
    return {
        "alerts": arena.plan.alerts,
        "answers": dict(arena.answers),
        "taken_s": round(taken, 1),
        **end,
        "seconds": round(end["seconds"], 1),
        "forced": bounds,
        "ratio": round(end["seconds"] / least, 3) if least > 0 else None,
        "critical": _spread(_critical(arena)),
        "press_to_visible": _spread(arena.waits),
        "press_after_rain": _spread(arena.later),
        "open_and_claim": _spread(arena.opened),
        "refused_429": dict(arena.workspace.refused),
        "digests": len(digests(arena.workspace)),
        "mentions": len([n for n in arena.workspace.notifications if "subteam" in n.target]),
    }


async def measure(plan: Plan, rates: Rates, press_every: float = 3.0) -> dict:
    """Runs a storm against its own processes."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="koban-storm-")))
        sandbox = await opened.enter_async_context(run_sandbox(folder, 0, Workspace(rates=rates)))
        temporal, bot = free_port(), free_port()
        server = temporal_server(folder, temporal)
        await server.start()
        opened.push_async_callback(server.kill)
        client = await wait_until(lambda: _connected(temporal), 30, what="Temporal")
        ledger = f"sqlite+aiosqlite:///{folder / 'koban.db'}"
        env = sandbox.environment(f"127.0.0.1:{temporal}", ledger, bot)
        koban = str(Path(sys.executable).with_name("koban"))
        for name in ("serve", "work"):
            process = Process(name, [koban, name], folder / f"{name}.log", env)
            await process.start()
            opened.push_async_callback(process.stop)
        sandbox.workspace.bot_url = f"http://127.0.0.1:{bot}"
        http = await opened.enter_async_context(httpx.AsyncClient(timeout=60))
        await wait_until(lambda: _answers(http, bot), 30, what="koban serve")
        for each in coming(plan):
            sandbox.market.put("users", {"id": each.subject, "name": "x", "status": "active"})
        arena = Arena(sandbox, Sender(f"http://127.0.0.1:{bot}", INGEST_SECRET, http), client, plan)
        return await play(arena, press_every)


async def _connected(port: int) -> Client | None:
    try:
        return await Client.connect(f"127.0.0.1:{port}", data_converter=pydantic_data_converter)
    except RuntimeError:
        return None


async def _answers(http: httpx.AsyncClient, port: int) -> bool:
    try:
        await http.get(f"http://127.0.0.1:{port}/healthz")
    except httpx.TransportError:
        return False
    return True


SMALL: dict[str, Any] = {"alerts": 400, "subjects": 60, "seconds": 5.0, "critical": 3}
"""A storm of half a minute, at three times Slack's rates."""


def faults(found: dict) -> int:
    """Returns lost alerts, duplicate cards and stale cards."""
    return abs(found["lost"]) + found["duplicates"] + len(found["untrue"])


async def _main() -> None:
    kinds = BOTH if "--several" in sys.argv else LIVE
    if "--small" in sys.argv:
        found = await measure(Plan(**SMALL, kinds=kinds), Rates(speed=3), 1.0)
    else:
        found = await measure(Plan(kinds=kinds), Rates())
    print(json.dumps(found, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(_main())
