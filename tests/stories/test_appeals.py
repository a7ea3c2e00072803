"""Appeals against mutes and bans, reviewed by another person."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import appeals
from deploy.sandbox.app import APPEALS_SECRET, INGEST_SECRET
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.traffic.sender import signed
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure

STATEMENT = "LINEのIDではなく、商品の型番を書いただけです。"


def an_appeal(case: str, id_: str = "ap-1", **more: Any) -> dict[str, Any]:
    """The body that the marketplace posts for u_123."""
    return {
        "id": id_,
        "case": case,
        "subject": {"type": "user", "id": "u_123"},
        "statement": STATEMENT,
        "submitted_at": "2026-11-25T03:04:05Z",
        **more,
    }


async def post(
    env: Environment, appeal: dict[str, Any], secret: str = APPEALS_SECRET
) -> httpx.Response:
    """Posts a signed appeal as the marketplace."""
    body = json.dumps(appeal, ensure_ascii=False)
    return await env.http.post(
        f"{env.url}/v1/appeals", content=body.encode(), headers=signed(secret, body)
    )


async def appeals_of(env: Environment, case: str) -> list[dict[str, Any]]:
    """The ledger's appeals against decisions of a case."""
    database = Database(env.settings.ledger.url.get_secret_value())
    rows = await database.rows(sa.select(appeals).where(appeals.c.case_id == case))
    await database.aclose()
    return [dict(row) for row in rows]


async def muted(env: Environment, by: str = "U0SATO") -> tuple[Person, dict, str]:
    """Mutes u_123; returns the decider, the case's card and its id."""
    sato = await env.person(by)
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.preset.mute")
    card = await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    return sato, card, case


async def filed(env: Environment, case: str, reviewer: Person, **more: Any) -> tuple[dict, str]:
    """The appeal's card, and its id."""
    answer = await post(env, an_appeal(case, **more))
    assert (answer.status_code, answer.json()) == (
        202,
        {"results": [{"id": "ap-1", "result": "accepted"}]},
    )
    card = await reviewer.wait_card("ts-leads", "異議申し立て")
    return card, card["metadata"]["event_payload"]["appeal"]


async def notices(env: Environment) -> list[str]:
    """The kinds of notices that u_123 has got, oldest first."""
    return [notice["kind"] for notice in (await env.thing("users", "u_123"))["notices"]]


async def wait_notice(env: Environment, kind: str) -> None:
    """Waits for a notice to u_123."""

    async def notified() -> bool:
        return kind in await notices(env)

    await wait_until(notified, what=f"the notice {kind}")


async def answer_with(person: Person, card: dict, action: str, reason: str) -> None:
    """Answers by a modal of the appeal's card, with a reason."""
    await person.press(card, action)
    assert await person.fill_and_submit({"reason": reason}) == {"ok": True}


async def test_another_lead_overturns(env: Environment) -> None:
    """The mute is lifted, both cards are updated, and u_123 is notified."""
    tanaka = await env.person("U0TANAKA")
    sato, case_card, case = await muted(env)
    card, appeal = await filed(env, case, tanaka)
    shown = visible_text(card)
    assert STATEMENT in shown
    assert "佐藤さんの判断: コメント制限 24時間（MKT-4.2）" in shown
    await wait_notice(env, "received")
    await tanaka.press(card, "appeal.claim")
    card = await tanaka.wait_text(card, "再審査中")
    await answer_with(tanaka, card, "appeal.overturn", "型番と確認できました")
    card = await tanaka.wait_text(card, "措置を取り消しました")
    assert controls(card) == []
    assert (await env.thing("users", "u_123"))["muted"] is False
    await sato.wait_text(case_card, "田中さんが再審査し、判断を取り消しました")
    await sato.wait_text(case_card, "取り消し済み")
    await wait_notice(env, "overturned")
    assert await notices(env) == ["decision", "received", "overturned"]
    assert await env.changes() == [
        ("POST", "users/u_123/mutes"),
        ("DELETE", f"users/u_123/mutes/{case}"),
    ]
    await tanaka.wait_text(card, "異議申し立ての結果を本人に通知しました")
    await env.wait_kind(appeal, "appeal_carried_out")
    assert [kind for kind in await env.kinds(appeal) if kind != "appeal_notice_sent"] == [
        "appeal_filed",
        "appeal_claimed",
        "appeal_overturned",
        "appeal_carried_out",
    ]
    assert (await env.kinds(case))[-3:] == [
        "appeal_answered",
        "undo_requested",
        "action_undone",
    ]


async def test_a_lead_upholds(env: Environment) -> None:
    """Only the notice is sent to the platform, and the case's card has the result."""
    tanaka = await env.person("U0TANAKA")
    sato, case_card, case = await muted(env)
    card, appeal = await filed(env, case, tanaka)
    await wait_notice(env, "received")
    await answer_with(tanaka, card, "appeal.uphold", "配信の記録で確認しました")
    await tanaka.wait_text(card, "判断を維持")
    await sato.wait_text(case_card, "田中さんが再審査し、判断を維持しました")
    await wait_notice(env, "upheld")
    (_, _, upheld) = (await env.thing("users", "u_123"))["notices"]
    assert "理由: 配信の記録で確認しました" in upheld["text"]["ja"]
    assert "The reason: 配信の記録で確認しました" in upheld["text"]["en"]
    assert (await env.thing("users", "u_123"))["muted"] is True
    assert await env.changes() == [
        ("POST", "users/u_123/mutes"),
    ]
    await env.wait_kind(appeal, "appeal_upheld")
    assert (await env.kinds(case))[-1] == "appeal_answered"


async def refusal(person: Person) -> str:
    """The person's newest ephemeral message in ts-leads."""

    async def look() -> str:
        found = await person.ephemerals("ts-leads")
        return found[-1]["text"] if found else ""

    return await person.until(look, what="the refusal")


async def test_the_decider_can_not_review(env: Environment) -> None:
    """A lead's answer to an appeal against their own mute is refused."""
    tanaka, _, case = await muted(env, "U0TANAKA")
    card, appeal = await filed(env, case, tanaka)
    await tanaka.press(card, "appeal.claim")
    assert "自分が判断または承認した措置は再審査できません" in await refusal(tanaka)
    await answer_with(tanaka, card, "appeal.uphold", "私が正しい")

    async def twice() -> bool:
        return len(await tanaka.ephemerals("ts-leads")) == 2

    await tanaka.until(twice, what="the second refusal")
    assert "未対応" in visible_text(await tanaka.latest(card))
    assert not {"appeal_claimed", "appeal_upheld"} & set(await env.kinds(appeal))
    assert (await env.thing("users", "u_123"))["muted"] is True
    assert "appeal_answered" not in await env.kinds(case)


@pytest.mark.long
async def test_the_approver_can_not_review(env: Environment) -> None:
    """Reed reviews a ban by 佐藤 and 田中; the overturn needs no further approval."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    reed = await env.person("U0REED")
    await env.happens(lure())
    case_card, case = await case_of(sato)
    await sato.press(case_card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(case_card, "完了")
    await env.wait_kind(case, "case_closed")
    card, appeal = await filed(env, case, reed, decision="D1")
    await answer_with(tanaka, card, "appeal.overturn", "やはり違いました")
    assert "再審査できません" in await refusal(tanaka)
    assert (await env.thing("users", "u_123"))["status"] == "banned"
    await answer_with(reed, card, "appeal.overturn", "Not a LINE id")
    await reed.wait_text(card, "措置を取り消しました")
    assert (await env.thing("users", "u_123"))["status"] == "active"
    await env.wait_kind(appeal, "appeal_carried_out")


async def test_a_specialist_can_not_review(env: Environment) -> None:
    """The refusal names the leads, who review by the example policy."""
    sato, _, case = await muted(env)
    clark = await env.person("U0CLARK")
    card, appeal = await filed(env, case, clark)
    await clark.press(card, "appeal.claim")
    assert "lead" in await refusal(clark)
    assert "appeal_claimed" not in await env.kinds(appeal)
    assert await sato.ephemerals("ts-leads") == []


@pytest.mark.long
async def test_an_appeal_is_known_for_good(env: Environment) -> None:
    """Before and after the answer there are one card and one chain of events."""
    tanaka = await env.person("U0TANAKA")
    _, _, case = await muted(env)
    card, appeal = await filed(env, case, tanaka)
    again = await post(env, an_appeal(case))
    assert again.json() == {"results": [{"id": "ap-1", "result": "duplicate"}]}
    await answer_with(tanaka, card, "appeal.overturn", "型番でした")
    await tanaka.wait_text(card, "措置を取り消しました")
    await env.wait_kind(appeal, "appeal_carried_out")
    again = await post(env, an_appeal(case))
    assert (again.status_code, again.json()["results"][0]["result"]) == (202, "duplicate")
    appeals = [c for c in await tanaka.cards("ts-leads") if "異議申し立て" in visible_text(c)]
    assert len(appeals) == 1


@pytest.mark.long
async def test_what_can_not_be_reviewed_is_answered_at_once(env: Environment) -> None:
    """Unknown case, unknown decision and no action in force have no effect."""
    tanaka = await env.person("U0TANAKA")
    sato, case_card, case = await muted(env)
    unknown = await post(env, an_appeal("K00000000"))
    assert unknown.json()["results"][0]["error"] == "There is no case K00000000."
    other = await post(env, an_appeal(case, decision="D2"))
    assert other.json()["results"][0]["pointer"] == "/decision"
    somebody = await post(env, an_appeal(case, subject={"type": "user", "id": "u_9"}))
    assert (somebody.status_code, somebody.json()["results"][0]["pointer"]) == (422, "/subject")
    await sato.press(case_card, "action.undo")
    await sato.wait_text(case_card, "取り消し済み")
    await env.wait_kind(case, "action_undone")
    nothing = await post(env, an_appeal(case))
    assert nothing.json()["results"][0]["error"] == f"No action of case {case} is in effect."
    assert [a.status_code for a in (unknown, other, nothing)] == [422, 422, 422]
    assert await tanaka.cards("ts-leads") == []
    assert await appeals_of(env, case) == []


@pytest.mark.long
async def test_a_detector_neither_files_nor_withdraws(env: Environment) -> None:
    """Its secret gets 401; the appeal, the sanction and the person's notices stay."""
    tanaka = await env.person("U0TANAKA")
    _, _, case = await muted(env)
    assert (await post(env, an_appeal(case), INGEST_SECRET)).status_code == 401
    assert await appeals_of(env, case) == []
    card, appeal = await filed(env, case, tanaka)
    back = await post(env, an_appeal(case, withdrawn=True), INGEST_SECRET)
    assert back.status_code == 401
    await wait_notice(env, "received")
    assert "未対応" in visible_text(await tanaka.latest(card))
    assert "appeal_withdrawn" not in await env.kinds(appeal)
    assert (await env.thing("users", "u_123"))["muted"] is True


async def test_the_appellant_withdraws(env: Environment) -> None:
    """The card shows it, and later clicks are refused."""
    tanaka = await env.person("U0TANAKA")
    _, _, case = await muted(env)
    card, appeal = await filed(env, case, tanaka)
    back = await post(env, an_appeal(case, withdrawn=True))
    assert back.json() == {"results": [{"id": "ap-1", "result": "accepted"}]}
    await tanaka.wait_text(card, "取り下げ")
    await env.wait_kind(appeal, "appeal_withdrawn")
    assert controls(await tanaka.latest(card)) == []
    assert (await env.thing("users", "u_123"))["muted"] is True


@pytest.mark.long
async def test_an_undo_that_the_platform_refuses_stays_visible(env: Environment) -> None:
    """The appeal waits; a lead's retry on the case's card completes it."""
    tanaka = await env.person("U0TANAKA")
    sato, case_card, case = await muted(env)
    card, appeal = await filed(env, case, tanaka)
    await wait_notice(env, "received")
    user = env.sandbox.market.remove("users", "u_123")
    await answer_with(tanaka, card, "appeal.overturn", "型番でした")
    await tanaka.wait_text(card, "取り消せなかった措置が 1件あります")
    env.sandbox.market.put("users", user)
    case_card = await sato.wait_text(case_card, "取り消せませんでした")
    await tanaka.press(case_card, "action.undo")
    await tanaka.wait_text(card, "措置を取り消しました")
    await wait_notice(env, "overturned")
    kinds = await env.kinds(appeal)
    assert kinds.index("appeal_undo_failed") < kinds.index("appeal_carried_out")


async def test_the_marketplace_files_an_appeal_for_its_user(env: Environment) -> None:
    """The request is the one of the demo panel's button."""
    tanaka = await env.person("U0TANAKA")
    await muted(env)
    filing = {"user": "u_123", "statement": "<!channel> *返してください*"}
    answer = await env.http.post(f"{env.sandbox.url}/market-ui/appeals", json=filing)
    assert (answer.status_code, answer.json()["results"][0]["result"]) == (202, "accepted")
    card = await tanaka.wait_card("ts-leads", "返してください")
    assert "未対応" in visible_text(card)

    async def called() -> list[str]:
        return [note.target for note in env.sandbox.workspace.notifications]

    assert await tanaka.until(called, what="a call for the reviewers") == ["<!subteam^S0LEAD>"]
    nobody = await env.http.post(
        f"{env.sandbox.url}/market-ui/appeals", json={"user": "u_0", "statement": "x"}
    )
    assert nobody.status_code == 404


@pytest.mark.long
async def test_nothing_of_an_appeal_is_lost_while_every_worker_is_down(
    temporal: str, tmp_path: Path
) -> None:
    """Appeal and answer are accepted at once, and carried out when a worker is back."""
    async with koban(temporal, tmp_path, working=False) as env:
        tanaka = await env.person("U0TANAKA")
        async with work(env.settings):
            _, _, case = await muted(env)
        assert (await post(env, an_appeal(case))).status_code == 202
        assert (await post(env, an_appeal(case))).json()["results"][0]["result"] == "duplicate"
        async with work(env.settings):
            card = await tanaka.wait_card("ts-leads", "異議申し立て")
            await wait_notice(env, "received")
        await answer_with(tanaka, card, "appeal.overturn", "型番でした")
        assert (await env.thing("users", "u_123"))["muted"] is True
        async with work(env.settings):
            await tanaka.wait_text(card, "措置を取り消しました")
            await wait_notice(env, "overturned")
        assert (await env.thing("users", "u_123"))["muted"] is False
        assert set(env.sandbox.market.executions().values()) == {1}


@pytest.mark.long
async def test_the_answer_does_not_wait_for_the_receipt(env: Environment) -> None:
    """After the outage only the answer's notice is sent; the card lists the missing one."""
    tanaka = await env.person("U0TANAKA")
    _, _, case = await muted(env)
    env.sandbox.faults.set("platform_500", True)
    card, appeal = await filed(env, case, tanaka)
    await answer_with(tanaka, card, "appeal.uphold", "規約どおりです")
    await env.wait_kind(appeal, "appeal_notice_failed")
    env.sandbox.faults.set("platform_500", False)
    await wait_notice(env, "upheld")
    await tanaka.wait_text(card, "本人に通知できませんでした")
    await tanaka.wait_text(card, "異議申し立ての結果を本人に通知しました")
    assert await notices(env) == ["decision", "upheld"]
