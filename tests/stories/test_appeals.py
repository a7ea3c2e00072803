"""Somebody who was muted or banned appeals, and somebody else looks again."""

import json
from typing import Any

import httpx

from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.reading import controls, visible_text
from deploy.sandbox.stage import INGEST_SECRET
from deploy.sandbox.traffic.sender import signed
from tests.stories.test_a_shift import case_of, lure
from tests.world import World

STATEMENT = "LINEのIDではなく、商品の型番を書いただけです。"


def an_appeal(case: str, id_: str = "ap-1", **more: Any) -> dict[str, Any]:
    """What the marketplace posts for u_123."""
    return {
        "id": id_,
        "case": case,
        "subject": {"type": "user", "id": "u_123"},
        "statement": STATEMENT,
        "submitted_at": "2026-11-25T03:04:05Z",
        **more,
    }


async def post(world: World, appeal: dict[str, Any]) -> httpx.Response:
    """The marketplace posts a signed appeal."""
    body = json.dumps(appeal, ensure_ascii=False)
    return await world.http.post(
        f"{world.url}/v1/appeals", content=body.encode(), headers=signed(INGEST_SECRET, body)
    )


async def muted(world: World, by: str = "U0SATO") -> tuple[Person, dict, str]:
    """u_123 is muted: who did it, the case's card, and its id."""
    sato = await world.person(by)
    await world.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.preset.mute")
    card = await sato.wait_text(card, "完了")
    await world.wait_kind(case, "case_closed")
    return sato, card, case


async def filed(world: World, case: str, reviewer: Person, **more: Any) -> tuple[dict, str]:
    """The appeal is in: its card, and its id."""
    answer = await post(world, an_appeal(case, **more))
    assert (answer.status_code, answer.json()) == (
        202,
        {"results": [{"id": "ap-1", "result": "accepted"}]},
    )
    card = await reviewer.wait_card("ts-leads", "異議申し立て")
    return card, card["metadata"]["event_payload"]["appeal"]


async def notices(world: World) -> list[str]:
    """The kinds of notices that u_123 has got, oldest first."""
    return [notice["kind"] for notice in (await world.thing("users", "u_123"))["notices"]]


async def wait_notice(world: World, kind: str) -> None:
    """Waits until u_123 was told."""

    async def told() -> bool:
        return kind in await notices(world)

    await wait_until(told, 20, what=f"the notice {kind}")


async def answer_with(person: Person, card: dict, action: str, reason: str) -> None:
    """Opens a modal of the appeal's card and sends it with a reason."""
    await person.press(card, action)
    assert await person.fill_and_submit({"reason": reason}) == {"ok": True}


async def test_another_lead_overturns(world: World) -> None:
    """File, claim, overturn: the mute is gone, both cards say so, and the person is told."""
    tanaka = await world.person("U0TANAKA")
    sato, case_card, case = await muted(world)
    card, appeal = await filed(world, case, tanaka)
    shown = visible_text(card)
    assert STATEMENT in shown
    assert "佐藤さんの判断: コメント制限 24時間(MKT-4.2)" in shown
    await wait_notice(world, "received")
    await tanaka.press(card, "appeal.claim")
    card = await tanaka.wait_text(card, "再審査中")
    await answer_with(tanaka, card, "appeal.overturn", "型番と確認できました")
    card = await tanaka.wait_text(card, "措置を取り消しました", 20)
    assert controls(card) == []
    assert (await world.thing("users", "u_123"))["muted"] is False
    assert await world.changes() == [
        ("POST", "users/u_123/mutes"),
        ("POST", "users/u_123/notices"),
        ("DELETE", f"users/u_123/mutes/{case}"),
        ("POST", "users/u_123/notices"),
    ]
    await sato.wait_text(case_card, "田中さんが再審査し、判断を取り消しました", 20)
    await sato.wait_text(case_card, "取り消し済み")
    await wait_notice(world, "overturned")
    assert await notices(world) == ["received", "overturned"]
    await tanaka.wait_text(card, "本人にお知らせしました", 20)
    await world.wait_kind(appeal, "appeal_carried_out")
    assert (await world.kinds(appeal))[:3] == [
        "appeal_filed",
        "notice_sent",
        "appeal_claimed",
    ]
    assert (await world.kinds(case))[-3:] == [
        "appeal_answered",
        "undo_requested",
        "action_undone",
    ]
