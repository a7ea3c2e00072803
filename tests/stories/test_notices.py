"""Notices: sent after the action took effect, in both languages, with retries."""

from typing import Any

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.traffic.alerts import alert, user
from tests.environment import Environment, scene
from tests.stories.test_a_bulk_decision import bulk_case, decided, notice_keys, reported
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_appeals import answer_with, filed, muted

WARNED = {"verdict": "violation", "actions": ["warn"]}


async def modal_says(person: Person, text: str) -> None:
    """Waits until the modal contains this text."""

    async def look() -> bool:
        views = await person.views()
        return bool(views) and text in visible_text(views[-1])

    await person.until(look, what=f"a modal with {text}")


async def notices(env: Environment, person: str) -> list[dict[str, Any]]:
    """The notices to a user of the marketplace."""
    found: list[dict[str, Any]] = (await env.thing("users", person)).get("notices", [])
    return found


async def test_a_reason_of_policy_sends_a_notice(env: Environment) -> None:
    """It is chosen, previewed and decided; the notice has facts, action, rule and how to appeal."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.decide")
    await sato.modal()
    await sato.choose(await sato.modal(), "template", "messenger")
    await modal_says(
        sato, "外部の連絡先を示し、当マーケットの外での取引に誘導したことを確認しました。"
    )
    assert await notices(env, "u_123") == []
    assert await sato.fill_and_submit({**WARNED, "policy": "MKT-4.3"}) == {"ok": True}
    await sato.wait_text(card, "判断を本人に通知しました（ユーザー u_123）")
    [notice] = await notices(env, "u_123")
    assert notice["kind"] == "decision"
    assert notice["text"]["ja"].split("\n")[1:4] == [
        "措置: 警告",
        "該当するルール: MKT-4.3（連絡先の掲載の禁止）",
        "自動の検知をもとに、担当者が確認して判断しました。",
    ]
    assert f"{case}-D1" in notice["text"]["ja"]
    assert "Measure: Warn\nRule: MKT-4.3 (No contact details)" in notice["text"]["en"]
    assert await env.changes() == [
        ("POST", "users/u_123/warnings"),
    ]
    assert [each for each in await env.kinds(case) if "notice" in each] == ["notice_sent"]


async def test_a_permanent_ban_by_a_typed_reason_notifies_the_person(env: Environment) -> None:
    """The notice has the rule and a general sentence; what is typed stays inside."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.decide")
    banned = {"verdict": "violation", "actions": ["permanent_ban"], "reason": "内部の調査による"}
    assert await sato.fill_and_submit(banned) == {"ok": True}
    asked = await tanaka.wait_card("ts-leads", "u_123")
    assert await notices(env, "u_123") == []
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "判断を本人に通知しました（ユーザー u_123）")
    [notice] = await notices(env, "u_123")
    assert notice["text"]["ja"].split("\n")[:3] == [
        "ルールに反する内容を確認しました。",
        "措置: 強制退会",
        "該当するルール: MKT-4.2（外部取引への誘導の禁止）",
    ]
    assert "内部の調査" not in str(notice)
    assert [each for each in await env.kinds(case) if "notice" in each] == ["notice_sent"]


async def test_a_playbook_with_a_reason_for_it_sends_no_notice(env: Environment) -> None:
    """The card says why, and the platform gets no further call."""
    sato = await env.person("U0SATO")
    danger = alert("sh-1", "self_harm", ("user", "u_123"), ("自傷のおそれ", "Risk"), score=0.7)
    await env.happens(scene([danger], [user("u_123")]))
    card, case = await case_of(sato, "u_123")
    await sato.press(card, "case.preset.support")
    card = await sato.wait_text(card, "本人に通知しません（本人の安全のため）")
    await env.wait_kind(case, "action_verified")
    assert await env.changes() == [("POST", "users/u_123/support-messages")]


async def test_a_notice_that_the_platform_refuses_is_sent_again_from_the_card(
    env: Environment,
) -> None:
    """The listing is removed at once; the notice is sent when the platform has the seller."""
    sato = await env.person("U0SATO")
    fake = alert(
        "img-1",
        "counterfeit",
        ("listing", "m_5"),
        ("ロゴの相違", "Wrong logo"),
        score=0.95,
        related=(("user", "u_ghost"),),
    )
    listing = {
        "id": "m_5",
        "title": "バッグ",
        "price": 100,
        "seller": "u_ghost",
        "status": "active",
    }
    await env.happens(scene([fake], [("listings", listing)]))
    card = await sato.wait_card("ts-market", "m_5")
    case = card["metadata"]["event_payload"]["case"]
    await sato.press(card, "case.decide")
    answers = {"verdict": "violation", "actions": ["remove_listing"], "template": "logo"}
    await sato.fill_and_submit({**answers, "reason": "ロゴが違う"})
    card = await sato.wait_text(card, "本人に通知できませんでした")
    assert "完了" in visible_text(card)
    await env.wait_kind(case, "case_closed")
    type_, body = user("u_ghost")
    env.sandbox.market.put(type_, body)
    await sato.press(card, "notice.retry")
    await sato.wait_text(card, "判断を本人に通知しました（ユーザー u_ghost）")
    [notice] = await notices(env, "u_ghost")
    assert "措置: 商品削除" in notice["text"]["ja"]
    assert (await env.thing("listings", "m_5"))["removed"] is True
    kinds = [each for each in await env.kinds(case) if "notice" in each]
    assert kinds == ["notice_failed", "notice_retried", "notice_sent"]


def inbox(env: Environment, person: str, state: str) -> None:
    """Opens or closes a user's inbox for notices."""
    body = env.sandbox.market.remove("users", person)
    env.sandbox.market.put("users", {**body, "inbox": state})


async def test_each_subject_of_a_bulk_decision_gets_its_notice(env: Environment) -> None:
    """It is previewed and counted; a refused one is sent again from the card, the others not."""
    sato = await env.person("U0SATO")
    await reported(env, 4)
    inbox(env, "u_ring2", "closed")
    card, case = await bulk_case(sato)
    preview = "本人への通知（4件、例: ユーザー u_ring0）"
    await decided(sato, card, preview, actions=["warn", "hold_payout"])
    card = await sato.wait_text(card, "通知 3/4件、1件失敗")
    await env.wait_kind(case, "case_closed")
    assert notice_keys(env) == {f"{case}/D1/notice/u_ring{n}": 1 for n in (0, 1, 3)}
    [notice] = await notices(env, "u_ring1")
    assert "措置: 警告、振込保留（24時間）\n該当するルール: MKT-5.4\n" in notice["text"]["ja"]
    assert f"{case}-D1" in notice["text"]["ja"]
    made = env.executions()
    inbox(env, "u_ring2", "open")
    await sato.press(card, "notice.retry")
    await sato.wait_text(card, "通知 4/4件")
    assert notice_keys(env) == {f"{case}/D1/notice/u_ring{n}": 1 for n in range(4)}
    assert env.executions() == made
    kinds = [each for each in await env.kinds(case) if "notice" in each]
    assert kinds == ["notice_failed", "notice_retried", "notice_sent"]
    assert await env.findings() == ()


async def test_an_appeals_notice_is_sent_again_from_its_card(env: Environment) -> None:
    """The platform refuses the notice; the appeal waits, and ends after a retry."""
    tanaka = await env.person("U0TANAKA")
    _, _, case = await muted(env)
    person = env.sandbox.market.remove("users", "u_123")
    card, appeal = await filed(env, case, tanaka)
    card = await tanaka.wait_text(card, "本人に通知できませんでした")
    await answer_with(tanaka, card, "appeal.uphold", "配信の記録で確認しました")
    await env.wait_kind(appeal, "appeal_upheld")
    card = await tanaka.until(lambda: _retryable(tanaka, card), what="the button")
    env.sandbox.market.put("users", person)
    await tanaka.press(card, "appeal.retry_notice")
    card = await tanaka.wait_text(card, "異議申し立ての結果を本人に通知しました")
    assert controls(card) == []
    assert [each["kind"] for each in await notices(env, "u_123")] == ["decision", "upheld"]
    kinds = [each for each in await env.kinds(appeal) if "notice" in each]
    assert kinds == [
        "appeal_notice_failed",
        "appeal_notice_failed",
        "appeal_notice_retried",
        "appeal_notice_sent",
    ]


async def _retryable(person: Person, card: dict) -> dict | None:
    """Waits until only the notice is missing."""
    now = await person.latest(card)
    return now if [c.action_id for c in controls(now)] == ["appeal.retry_notice"] else None
