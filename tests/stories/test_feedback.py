"""Detectors with JSON of their own, and the verdicts that go back to them."""

import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from activities.ledger.database import Database
from activities.ledger.feedback import FeedbackLedger
from deploy.sandbox.app import INGEST_SECRET, POLICY
from deploy.sandbox.slack.person import Person, Seen, wait_until
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.traffic.alerts import user as made_user
from deploy.sandbox.traffic.sender import signed
from tests.environment import Environment, koban
from workflows.detector_workflow import HeartbeatWorkflow
from workflows.domain.feedback import FeedbackCount
from workflows.domain.ids import feedback_workflow_id
from workflows.ports.detectors import HeartbeatStart

ADDRESS = "KOBAN_FEEDBACK_LEGACY"
LEGACY = f"""\
detector: legacy
title: {{ja: 決済の検知, en: Payments}}
map:
  id: body.event_id
  kind: "'phishing'"
  subject: {{type: "'user'", id: body.account.id}}
  score: double(body.confidence) / 100.0
  occurred_at: body.ts
  text: body.message
accepts: {{kinds: [phishing], subjects: [user], rate: 600/m}}
feedback: {{url: {{env: {ADDRESS}}}}}
"""


@pytest.fixture
async def env(
    temporal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Environment]:
    """A Koban with the detector; its receiver is that of the sandbox."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    (policy / "detectors").mkdir(exist_ok=True)
    (policy / "detectors" / "legacy.yaml").write_text(LEGACY, "utf-8")
    async with koban(temporal, tmp_path, policy=policy) as running:
        monkeypatch.setenv(ADDRESS, f"{running.sandbox.url}/feedback/legacy")
        yield running


def event(id_: str, user: str = "u_123") -> dict[str, Any]:
    """A body as the detector sends it."""
    return {
        "event_id": id_,
        "account": {"id": user},
        "confidence": 88,
        "ts": datetime.now(UTC).isoformat(),
        "message": "このリンクから決済してください",
    }


async def post(env: Environment, *events: dict[str, Any]) -> httpx.Response:
    """Posts bodies as the detector."""
    body = json.dumps(list(events), ensure_ascii=False)
    url = f"{env.url}/v1/detectors/legacy"
    return await env.http.post(url, content=body.encode(), headers=signed(INGEST_SECRET, body))


async def a_card(env: Environment, person: Person, id_: str, user: str = "u_123") -> Seen:
    """The card of an alert about a user of the marketplace."""
    env.sandbox.market.put(*made_user(user))
    answer = await post(env, event(id_, user))
    assert answer.json() == {"results": [{"id": id_, "result": "accepted"}]}
    return await person.wait_card("ts-market", user)


async def arrives(env: Environment, alert: str, **expected: object) -> dict[str, Any]:
    """Waits until the detector was told this about an alert."""

    async def told() -> dict[str, Any] | None:
        found = env.sandbox.feedback.standing(alert)
        fits = found is not None and all(found[name] == each for name, each in expected.items())
        return found if fits else None

    return await wait_until(told, what=f"{expected} about {alert}")


async def answered(person: Person, words: str) -> bool:
    """Whether the last answer to a command has these words."""
    found = await person.ephemerals("ts-live")
    return bool(found) and words in visible_text(found[-1])


async def undelivered(env: Environment) -> FeedbackCount:
    """What the ledger has for the detector."""
    database = Database(env.settings.ledger.url.get_secret_value())
    counts = await FeedbackLedger(database).counts()
    await database.aclose()
    return counts.get("legacy", FeedbackCount(detector="legacy"))


async def waits(env: Environment, waiting: int, dead: int) -> None:
    """Waits until so many messages wait, and so many are dead."""

    async def counted() -> bool:
        found = await undelivered(env)
        return (found.waiting, found.dead) == (waiting, dead)

    await wait_until(counted, what=f"{waiting} waiting and {dead} dead messages")


async def test_a_detector_with_json_of_its_own_learns_every_verdict(env: Environment) -> None:
    """A decision and its undo are two messages; neither names a person."""
    sato = await env.person("U0SATO")
    card = await a_card(env, sato, "e-1")
    assert "このリンクから決済してください" in visible_text(card)
    await sato.press(card, "case.preset.warn")
    first = await arrives(env, "e-1", verdict="violation")
    assert first == {
        "detector": "legacy",
        "alert": "e-1",
        "kind": "phishing",
        "subject": {"type": "user", "id": "u_123"},
        "case": card["metadata"]["event_payload"]["case"],
        "version": first["version"],
        "verdict": "violation",
        "clause": "MKT-3.1",
        "decided_at": first["decided_at"],
        "source": "decision",
        "auto": False,
        "overturned": False,
    }
    card = await sato.wait_text(card, "完了")
    await sato.press(card, "action.undo")
    second = await arrives(env, "e-1", overturned=True)
    assert second["version"] > first["version"]
    await waits(env, 0, 0)
    found = env.sandbox.feedback
    assert [each.status for each in found.deliveries] == [204, 204]
    assert len({each.id for each in found.deliveries}) == 2
    assert "U0SATO" not in json.dumps(list(found.taken.values()))
    await sato.command("/koban detector legacy")
    await sato.until(lambda: answered(sato, "判断結果はすべて通知済みです"), what="its state")


async def test_a_receiver_that_was_down_gets_everything_once(env: Environment) -> None:
    """Decisions are as fast as always, and the messages wait."""
    sato = await env.person("U0SATO")
    found = env.sandbox.feedback
    found.status = 503
    for id_, user in (("e-1", "u_123"), ("e-2", "u_456")):
        card = await a_card(env, sato, id_, user)
        await sato.press(card, "case.clear")
        await sato.wait_text(card, "完了")
    await waits(env, 2, 0)

    async def refused() -> bool:
        return 503 in [each.status for each in found.deliveries]

    await wait_until(refused, what="an attempt")
    await sato.command("/koban detector")
    await sato.until(lambda: answered(sato, "送信待ち 2件"), what="the waiting messages")
    await sato.command("/koban detector legacy")
    await sato.until(lambda: answered(sato, "送信先の応答は 503 でした"), what="the failure")
    assert found.taken == {}
    found.status = 204
    await sato.command("/koban detector legacy 再送")
    await sato.until(lambda: answered(sato, "判断結果 2件を再送します"), what="the repetition")
    await waits(env, 0, 0)
    assert [found.standing(id_) is not None for id_ in ("e-1", "e-2")] == [True, True]
    taken = [each.id for each in found.deliveries if each.status == 204]
    assert (len(taken), len(set(taken))) == (2, 2)


async def test_a_dead_message_is_seen_and_sent_again(env: Environment) -> None:
    """By who works cases; an auditor only sees it."""
    sato, suzuki = await env.person("U0SATO"), await env.person("U0SUZUKI")
    found = env.sandbox.feedback
    found.status = 410
    card = await a_card(env, sato, "e-1")
    await sato.press(card, "case.clear")
    await waits(env, 0, 1)
    tanaka = await env.person("U0TANAKA")

    async def posted() -> bool:
        told = [visible_text(each) for each in await tanaka.messages("ts-leads")]
        return any("決済の検知" in each and "1件を届けられず" in each for each in told)

    await tanaka.until(posted, what="the message to the leads")
    found.status = 204
    await suzuki.command("/koban detector legacy")
    await suzuki.until(lambda: answered(suzuki, "未達 `e-1`"), what="the dead message")
    await suzuki.command("/koban detector legacy resend")
    await suzuki.until(lambda: answered(suzuki, "再送できるのは"), what="the refusal")
    assert (await undelivered(env)).dead == 1
    assert found.taken == {}
    await sato.command("/koban detector legacy resend")
    await arrives(env, "e-1", verdict="no_violation")
    await waits(env, 0, 0)
    assert len({each.id for each in found.deliveries}) == 1


async def test_a_delivery_that_was_ended_is_made_up(env: Environment) -> None:
    """The look every minute starts what a killed worker or an operator has lost."""
    sato = await env.person("U0SATO")
    found = env.sandbox.feedback
    found.status = 503
    card = await a_card(env, sato, "e-1")
    await sato.press(card, "case.clear")
    await waits(env, 1, 0)

    async def tried() -> bool:
        return bool(found.deliveries)

    await wait_until(tried, what="an attempt")
    await env.client.get_workflow_handle(feedback_workflow_id("legacy")).terminate()
    found.status = 204
    await sato.command("/koban detector legacy")  # changes nothing
    assert found.taken == {}

    async def made_up() -> bool:
        await env.client.execute_workflow(
            HeartbeatWorkflow.run,
            HeartbeatStart(),
            id=f"heartbeats/{uuid4().hex}",
            task_queue=env.settings.temporal.task_queue,
        )
        return "e-1" in [each["data"]["alert"] for each in found.taken.values()]

    await wait_until(made_up, what="the message")
    await waits(env, 0, 0)
