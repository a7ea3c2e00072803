"""Latencies of clicks, cards and whole cases."""

import asyncio
import time
from collections.abc import Iterable

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from deploy.sandbox.app import Sandbox
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.traffic.alerts import alert, message, stream, user
from deploy.sandbox.traffic.sender import Sender
from tests.bench.actions import cost_of
from tests.timeouts import AFTER_CLAIM

WRITING = ("chat.postMessage", "chat.update", "chat.postEphemeral")


def percentile(values: list[float], share: float) -> float:
    """Nearest-rank percentile: the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: list[float]) -> dict:
    """Percentiles 50, 95 and 99 in milliseconds."""
    return {
        f"p{share}_ms": round(1000 * percentile(seconds, share / 100), 1) for share in (50, 95, 99)
    } | {"n": len(seconds)}


async def new_card(sandbox: Sandbox, sender: Sender, person: Person, who: str, kind: str) -> tuple:
    """Sends an alert; returns its card and the seconds until it was posted."""
    sandbox.market.put(*user(who))
    sandbox.market.put(*stream("s_9", "ライブ", "u_host", 1240))
    sandbox.market.put(*message("m_77", "LINE", who))
    one = alert(
        f"s-{who}",
        kind,
        ("user", who),
        ("検知", "Alert"),
        score=0.92,
        related=(("stream", "s_9"), ("message", "m_77")),
        viewers=1240,
    )
    began = time.perf_counter()
    await sender.send([one])
    card = await person.wait_card("ts-live", who, 20)
    return card, time.perf_counter() - began


async def alert_to_card(sandbox: Sandbox, sender: Sender, count: int) -> dict:
    """Latencies of single alerts, one at a time."""
    async with Person(sandbox.url, "U0SATO") as sato:
        taken = [
            (await new_card(sandbox, sender, sato, f"u_card{n}", "off_platform"))[1]
            for n in range(count)
        ]
    return spread(taken)


async def click_to_ack(workspace: Workspace, press, per_second: int, count: int) -> dict:
    """Clicks at a steady rate; returns the time until each 200, as Slack measures it."""
    workspace.deliveries.clear()
    tasks = []
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
        tasks.append(asyncio.create_task(press(number)))
    await asyncio.gather(*tasks, return_exceptions=True)
    return spread([one.seconds for one in workspace.deliveries if one.status == 200])


async def standard_case(
    sandbox: Sandbox, sender: Sender, client: Client, kind: str, preset: str, who: str
) -> dict:
    """Alert, claim, preset and close (with an approval if the preset needs one)."""
    async with (
        Person(sandbox.url, "U0SATO", AFTER_CLAIM) as sato,
        Person(sandbox.url, "U0TANAKA") as tanaka,
    ):
        calls = sum(sandbox.workspace.calls[name] for name in WRITING)
        card, _ = await new_card(sandbox, sender, sato, who, kind)
        workflow_id, case = controls(card)[0].block_id, card["metadata"]["event_payload"]["case"]
        await sato.press(card, "case.claim")
        card = await sato.wait_text(card, "佐藤")
        await sato.press(card, f"case.preset.{preset}")
        if preset == "ban":
            asked = await tanaka.wait_card("ts-leads", who)
            await tanaka.press(asked, "approval.approve")
        await sato.wait_text(card, "完了", 20)
    await client.get_workflow_handle(workflow_id).result()
    made = sum(sandbox.workspace.calls[name] for name in WRITING) - calls
    mine = await client.get_workflow_handle(workflow_id).fetch_history()
    theirs = await client.get_workflow_handle(f"enforcement/{case}/D1").fetch_history()
    cost = cost_of(mine.events) + cost_of(theirs.events)
    return {
        "temporal_actions": cost.actions,
        "history_events": cost.events,
        "activities": cost.activities,
        "slack_calls": made,
        **written(mine.events),
    }


def written(events: Iterable[HistoryEvent]) -> dict:
    """Ledger writes: their number, and the size of the median and the largest one."""
    scheduled = (event.activity_task_scheduled_event_attributes for event in events)
    sizes = [
        sum(len(payload.data) for payload in each.input.payloads)
        for each in scheduled
        if each.activity_type.name == "record"
    ]
    return {"writes": len(sizes), "write_bytes": sorted(sizes), "largest_write": max(sizes)}
