"""Timers over minutes and weeks: protections, holds, claims, lifts."""

from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import choose, wait_in_thread
from tests.stories.time_skipping import TimeSkipping
from workflows.domain.ids import enforcement_workflow_id


def route_of(card: dict) -> str:
    """The workflow of a card's case."""
    return str(controls(card)[0].block_id)


async def hidden(env: Environment, wanted: bool) -> None:
    """Waits until the message is hidden, or visible again."""

    async def so() -> bool:
        return bool((await env.thing("messages", "m_77"))["hidden"]) is wanted

    await wait_until(so, what=f"hidden: {wanted}")


async def protected(env: Environment, person: Person) -> tuple[dict, str]:
    """A critical case whose message Koban has hidden automatically."""
    await env.happens(lure(viewers=1240))
    card, case = await case_of(person)
    await hidden(env, True)
    return await person.wait_text(card, "自動対応中"), case


async def test_a_protection_ends_by_itself(clocks: TimeSkipping) -> None:
    """Without a confirmation the message is visible after 15 minutes, as the card shows."""
    env = clocks.env
    sato = await env.person("U0SATO")
    card, case = await protected(env, sato)
    await clocks.passes(enforcement_workflow_id(case, "P1"), minutes=14)
    await hidden(env, True)
    await clocks.passes(enforcement_workflow_id(case, "P1"), minutes=2)
    await hidden(env, False)
    await env.wait_kind(case, "protection_lifted")
    await wait_in_thread(sato, card, "解除")
    assert "decided" not in await env.kinds(case)


async def test_a_confirmed_protection_stays(clocks: TimeSkipping) -> None:
    """A confirmation makes it a decision without a time limit."""
    env = clocks.env
    sato = await env.person("U0SATO")
    card, case = await protected(env, sato)
    await sato.press(card, "case.confirm")
    await sato.wait_text(card, "完了")
    assert (await env.thing("messages", "m_77"))["hidden"] is True
    kinds = await env.kinds(case)
    assert {"protection_confirmed", "protection_kept", "enforcement_started"} <= set(kinds)
    assert "protection_lifted" not in kinds


async def test_a_violation_keeps_the_message_hidden(clocks: TimeSkipping) -> None:
    """A mute alone would show it again."""
    env = clocks.env
    sato = await env.person("U0SATO")
    card, case = await protected(env, sato)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit({"verdict": "violation", "actions": ["mute_user"], "reason": "常習"})
    card = await sato.wait_text(card, "完了")
    assert "メッセージ非表示" in visible_text(card)
    assert ("DELETE", "messages/m_77/hide") not in await env.changes()
    await hidden(env, True)
    assert "protection_kept" in await env.kinds(case)


async def test_an_unticked_protection_is_lifted_by_the_decision(clocks: TimeSkipping) -> None:
    """The modal offers it, ticked."""
    env = clocks.env
    sato = await env.person("U0SATO")
    card, case = await protected(env, sato)
    await sato.press(card, "case.decide")
    keeps = next(c for c in controls(await sato.modal()) if c.block_id == "keeps")
    assert keeps.element["initial_options"][0]["text"]["text"] == "メッセージ非表示"
    answers = {"verdict": "violation", "actions": ["mute_user"], "reason": "本文は問題なし"}
    assert await sato.fill_and_submit({**answers, "keeps": []}) == {"ok": True}
    await sato.wait_text(card, "完了")
    await env.wait_kind(case, "protection_lifted")
    await hidden(env, False)


async def test_a_clearance_ends_a_protection_at_once(clocks: TimeSkipping) -> None:
    """A decision of no violation shows the message again immediately."""
    env = clocks.env
    sato = await env.person("U0SATO")
    card, case = await protected(env, sato)
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    await hidden(env, False)
    await env.wait_kind(case, "protection_lifted")


async def test_a_protection_waits_with_its_decision(clocks: TimeSkipping) -> None:
    """It stays while a ban waits for approval, and ends on time after a rejection."""
    env = clocks.env
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    card, case = await protected(env, sato)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await env.wait_kind(case, "protection_held")
    await clocks.passes(enforcement_workflow_id(case, "P1"), minutes=20)
    await hidden(env, True)
    await tanaka.press(asked, "approval.reject")
    await tanaka.fill_and_submit({"reason": "証拠が足りません"})
    await hidden(env, False)
    await env.wait_kind(case, "protection_lifted")
    assert ("POST", "users/u_123/bans") not in await env.changes()


async def test_the_ladder_protects_when_nobody_decides(clocks: TimeSkipping) -> None:
    """Shift and lead (twice) are mentioned; then Koban pauses the stream."""
    env = clocks.env
    sato = await env.person("U0SATO")
    card, case = await protected(env, sato)
    await choose(sato, card, "lift_protection")
    await env.wait_kind(case, "protection_lifted")
    await hidden(env, False)
    await clocks.passes(route_of(card), minutes=11)

    async def paused() -> bool:
        # Its clock advances with that of the case, so it may be lifted already.
        return ("POST", "streams/s_9/pause") in await env.changes()

    await wait_until(paused, what="the pause")
    assert (await env.kinds(case)).count("case_escalated") == 3
    assert (await env.kinds(case)).count("protection_started") == 2
    await wait_in_thread(sato, card, "配信の一時停止")


async def test_a_claim_ends_when_its_person_is_gone(clocks: TimeSkipping) -> None:
    """After a warning the case is unassigned."""
    env = clocks.env
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await env.wait_kind(case, "case_claimed")
    await clocks.passes(route_of(card), minutes=26)
    await env.wait_kind(case, "claim_warned")
    await clocks.passes(route_of(card), minutes=5)
    await env.wait_kind(case, "claim_expired")
    await sato.wait_text(card, "未対応")


async def test_waiting_ends_after_a_day(clocks: TimeSkipping) -> None:
    """The timers pause meanwhile: the lead is mentioned after the remaining time."""
    env = clocks.env
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await choose(sato, card, "wait")
    await sato.fill_and_submit({"note": "購入者からの返信待ち"})
    await sato.wait_text(card, "保留")
    await clocks.passes(route_of(card), hours=23)
    assert "case_resumed" not in await env.kinds(case)
    await clocks.passes(route_of(card), hours=1, minutes=1)
    await env.wait_kind(case, "case_resumed")
    assert "case_escalated" not in await env.kinds(case)
    await clocks.passes(route_of(card), minutes=29)
    await env.wait_kind(case, "case_escalated")


async def test_a_suspension_of_a_week_is_lifted_in_time(clocks: TimeSkipping) -> None:
    """The card of the closed case is updated."""
    env = clocks.env
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {
            "verdict": "violation",
            "actions": ["suspend_user"],
            "duration": "7d",
            "reason": "3回目の外部誘導",
        }
    )
    card = await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    await clocks.passes(enforcement_workflow_id(case, "D1"), days=6)
    assert (await env.thing("users", "u_123"))["status"] == "suspended"
    await clocks.passes(enforcement_workflow_id(case, "D1"), days=1, minutes=1)
    await env.wait_kind(case, "action_lifted")
    assert (await env.thing("users", "u_123"))["status"] == "active"
    card = await sato.wait_text(card, "解除")
    assert "完了" in visible_text(card)
