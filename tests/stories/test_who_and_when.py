"""Refusals with names, and deadlines after a rejection or repeated holds."""

from pathlib import Path

from deploy.sandbox.slack.person import Person
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_a_week import hidden, route_of
from tests.stories.test_second_person import a_ban
from tests.stories.test_working_a_case import choose
from tests.stories.time_skipping import time_skipping


async def refusal(person: Person, channel: str, number: int = 1) -> str:
    """Waits for this many ephemeral messages; returns the newest."""

    async def so_many() -> list[dict]:
        found = await person.ephemerals(channel)
        return found if len(found) >= number else []

    return str((await person.until(so_many, what="the refusal"))[-1]["text"])


async def test_a_refused_approval_says_who_could_give_it(env: Environment) -> None:
    """It names leads and their covers, without a mention."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    tanaka = await env.person("U0TANAKA")
    _, case, asked = await a_ban(env, sato, tanaka)
    await tanaka.command("/koban cover @emma.clark until 23:59", "ts-leads")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="that it is noted")
    await clark.until(lambda: clark.messages("dm"), what="that she covers")
    before = len(env.sandbox.workspace.notifications)
    await sato.press(asked, "approval.approve")
    assert (await refusal(sato, "ts-leads")).endswith(
        "承認できるのはリードです（Oliver Reedさん、田中さん、代理のEmma Clarkさん）。"
        "必要なときは依頼してください。"
    )
    await tanaka.command("/koban cover end", "ts-leads")
    await tanaka.until(lambda: _answers(tanaka, 2), what="that it ended")
    await clark.press(asked, "approval.approve")
    assert (await refusal(clark, "ts-leads")).endswith(
        "Approving needs the role lead (Oliver Reed, 田中). Please ask someone who has it."
    )
    assert len(env.sandbox.workspace.notifications) == before
    assert "approved" not in await env.kinds(case)


async def _answers(person: Person, number: int) -> bool:
    return len(await person.ephemerals("ts-leads")) >= number


async def test_the_fourth_hold_is_a_leads(env: Environment) -> None:
    """The specialist is refused with names; the lead can hold the case."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, case = await case_of(sato)
    for number in range(1, 5):
        await choose(sato, card, "wait")
        await sato.fill_and_submit({"note": f"返信待ち {number}"})
        if number < 4:
            card = await sato.wait_text(card, f"返信待ち {number}")
    assert (await refusal(sato, "ts-live")).endswith(
        "このケースはすでに3回保留にしています。さらに保留にできるのはリードです"
        "（Oliver Reedさん、田中さん）。判断するか、依頼してください。"
    )
    assert (await env.kinds(case)).count("case_waiting") == 3
    await choose(tanaka, card, "snooze")
    await tanaka.fill_and_submit({"lasts": "30m"})
    await env.wait_kind(case, "case_snoozed")


async def test_a_press_on_an_older_card_keeps_a_later_protection(env: Environment) -> None:
    """The milder case is closed as no violation: the message stays hidden for its time."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    old, case = await case_of(sato)
    await env.happens(lure(2, viewers=1240))
    await env.wait_kind(case, "protection_started")
    await hidden(env, True)
    await sato.press(old, "case.clear")
    await sato.wait_text(old, "完了")
    kinds = await env.kinds(case)
    assert "case_closed" in kinds
    assert "protection_dismissed" not in kinds
    assert (await env.thing("messages", "m_77"))["hidden"] is True


async def test_an_escalation_missed_during_an_approval_follows_a_rejection(
    tmp_path: Path,
) -> None:
    """Due at 30, rejected at 40: the lead is mentioned ten minutes later without a decision."""
    async with time_skipping(tmp_path) as clocks:
        env = clocks.env
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        card, case, asked = await a_ban(env, sato, tanaka)
        await env.wait_kind(case, "approval_requested")
        await clocks.passes(route_of(card), minutes=29)
        await clocks.passes(route_of(card), minutes=11)
        await tanaka.press(asked, "approval.reject")
        await tanaka.fill_and_submit({"reason": "証拠が足りません"})
        await env.wait_kind(case, "rejected")
        assert "case_escalated" not in await env.kinds(case)
        await clocks.passes(route_of(card), minutes=11)
        await env.wait_kind(case, "case_escalated")
