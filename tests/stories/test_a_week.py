"""Timers over minutes and weeks: protections, holds, claims, lifts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import choose, wait_in_thread
from tests.stories.turning import Calendar, calendar
from tests.world import World
from workflows.domain.ids import enforcement_workflow_id


@pytest.fixture
async def turned(tmp_path: Path) -> AsyncIterator[Calendar]:
    """A world with adjustable clocks."""
    async with calendar(tmp_path) as made:
        yield made


def route_of(card: dict) -> str:
    """The workflow of a card's case."""
    return str(controls(card)[0].block_id)


async def hidden(world: World, wanted: bool) -> None:
    """Waits until the message is hidden, or visible again."""

    async def so() -> bool:
        return bool((await world.thing("messages", "m_77"))["hidden"]) is wanted

    await wait_until(so, what=f"hidden: {wanted}")


async def protected(world: World, person: Person) -> tuple[dict, str]:
    """A critical case whose message Koban has hidden automatically."""
    await world.happens(lure(viewers=1240))
    card, case = await case_of(person)
    await hidden(world, True)
    return await person.wait_text(card, "自動対応中"), case


async def test_a_protection_ends_by_itself(turned: Calendar) -> None:
    """Without a confirmation the message is visible after 15 minutes, as the card shows."""
    world = turned.world
    sato = await world.person("U0SATO")
    card, case = await protected(world, sato)
    await turned.passes(enforcement_workflow_id(case, "P1"), minutes=14)
    await hidden(world, True)
    await turned.passes(enforcement_workflow_id(case, "P1"), minutes=2)
    await hidden(world, False)
    await world.wait_kind(case, "protection_lifted")
    await wait_in_thread(sato, card, "解除")
    assert "decided" not in await world.kinds(case)


async def test_a_confirmed_protection_stays(turned: Calendar) -> None:
    """A confirmation makes it a decision without a time limit."""
    world = turned.world
    sato = await world.person("U0SATO")
    card, case = await protected(world, sato)
    await sato.press(card, "case.confirm")
    await sato.wait_text(card, "完了")
    assert (await world.thing("messages", "m_77"))["hidden"] is True
    kinds = await world.kinds(case)
    assert {"protection_confirmed", "protection_kept", "enforcement_started"} <= set(kinds)
    assert "protection_lifted" not in kinds


async def test_a_violation_keeps_the_message_hidden(turned: Calendar) -> None:
    """A mute alone would show it again."""
    world = turned.world
    sato = await world.person("U0SATO")
    card, case = await protected(world, sato)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit({"verdict": "violation", "actions": ["mute_user"], "reason": "常習"})
    card = await sato.wait_text(card, "完了")
    assert "メッセージ非表示" in visible_text(card)
    assert ("DELETE", "messages/m_77/hide") not in await world.changes()
    await hidden(world, True)
    assert "protection_kept" in await world.kinds(case)


async def test_an_unticked_protection_is_lifted_by_the_decision(turned: Calendar) -> None:
    """The modal offers it, ticked."""
    world = turned.world
    sato = await world.person("U0SATO")
    card, case = await protected(world, sato)
    await sato.press(card, "case.decide")
    keeps = next(c for c in controls(await sato.modal()) if c.block_id == "keeps")
    assert keeps.element["initial_options"][0]["text"]["text"] == "メッセージ非表示"
    answers = {"verdict": "violation", "actions": ["mute_user"], "reason": "本文は問題なし"}
    assert await sato.fill_and_submit({**answers, "keeps": []}) == {"ok": True}
    await sato.wait_text(card, "完了")
    await world.wait_kind(case, "protection_lifted")
    await hidden(world, False)


async def test_a_clearance_ends_a_protection_at_once(turned: Calendar) -> None:
    """A decision of no violation shows the message again immediately."""
    world = turned.world
    sato = await world.person("U0SATO")
    card, case = await protected(world, sato)
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    await hidden(world, False)
    await world.wait_kind(case, "protection_lifted")


async def test_a_protection_waits_with_its_decision(turned: Calendar) -> None:
    """It stays while a ban waits for approval, and ends on time after a rejection."""
    world = turned.world
    sato, tanaka = await world.person("U0SATO"), await world.person("U0TANAKA")
    card, case = await protected(world, sato)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await world.wait_kind(case, "protection_held")
    await turned.passes(enforcement_workflow_id(case, "P1"), minutes=20)
    await hidden(world, True)
    await tanaka.press(asked, "approval.reject")
    await tanaka.fill_and_submit({"reason": "証拠が足りません"})
    await hidden(world, False)
    await world.wait_kind(case, "protection_lifted")
    assert ("POST", "users/u_123/bans") not in await world.changes()


async def test_the_ladder_protects_when_nobody_decides(turned: Calendar) -> None:
    """Shift and lead (twice) are mentioned; then Koban pauses the stream."""
    world = turned.world
    sato = await world.person("U0SATO")
    card, case = await protected(world, sato)
    await choose(sato, card, "lift_protection")
    await world.wait_kind(case, "protection_lifted")
    await hidden(world, False)
    await turned.passes(route_of(card), minutes=11)

    async def paused() -> bool:
        # Its clock advances with that of the case, so it may be lifted already.
        return ("POST", "streams/s_9/pause") in await world.changes()

    await wait_until(paused, what="the pause")
    assert (await world.kinds(case)).count("case_escalated") == 3
    assert (await world.kinds(case)).count("protection_started") == 2
    await wait_in_thread(sato, card, "配信の一時停止")


async def test_a_claim_ends_when_its_person_is_gone(turned: Calendar) -> None:
    """After a warning the case is unassigned."""
    world = turned.world
    sato = await world.person("U0SATO")
    await world.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await world.wait_kind(case, "case_claimed")
    await turned.passes(route_of(card), minutes=26)
    await world.wait_kind(case, "claim_warned")
    await turned.passes(route_of(card), minutes=5)
    await world.wait_kind(case, "claim_expired")
    await sato.wait_text(card, "未対応")


async def test_waiting_ends_after_a_day(turned: Calendar) -> None:
    """The timers pause meanwhile: the lead is mentioned after the remaining time."""
    world = turned.world
    sato = await world.person("U0SATO")
    await world.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await choose(sato, card, "wait")
    await sato.fill_and_submit({"note": "購入者からの返信待ち"})
    await sato.wait_text(card, "保留")
    await turned.passes(route_of(card), hours=23)
    assert "case_resumed" not in await world.kinds(case)
    await turned.passes(route_of(card), hours=1, minutes=1)
    await world.wait_kind(case, "case_resumed")
    assert "case_escalated" not in await world.kinds(case)
    await turned.passes(route_of(card), minutes=29)
    await world.wait_kind(case, "case_escalated")


async def test_a_suspension_of_a_week_is_lifted_in_time(turned: Calendar) -> None:
    """The card of the closed case is updated."""
    world = turned.world
    sato = await world.person("U0SATO")
    await world.happens(lure())
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
    await world.wait_kind(case, "case_closed")
    await turned.passes(enforcement_workflow_id(case, "D1"), days=6)
    assert (await world.thing("users", "u_123"))["status"] == "suspended"
    await turned.passes(enforcement_workflow_id(case, "D1"), days=1, minutes=1)
    await world.wait_kind(case, "action_lifted")
    assert (await world.thing("users", "u_123"))["status"] == "active"
    card = await sato.wait_text(card, "解除")
    assert "完了" in visible_text(card)
