"""Approvals: questions, withdrawal, covers, and an undo with an approval."""

from pathlib import Path

import pytest

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import visible_text
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import wait_in_thread


async def a_ban(env: Environment, decider: Person, other: Person) -> tuple[dict, str, dict]:
    """A ban that waits for approval: the case's card, its id, and the request."""
    await env.happens(lure())
    card, case = await case_of(decider)
    await decider.press(card, "case.decide")
    await decider.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    card = await decider.wait_text(card, "承認待ち")
    return card, case, await other.wait_card("ts-leads", "u_123")


async def test_an_approver_asks_a_question(env: Environment) -> None:
    """The deadline pauses until the decider answers."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    card, case, asked = await a_ban(env, sato, tanaka)
    await tanaka.press(asked, "approval.ask")
    await tanaka.fill_and_submit({"question": "本人確認は済んでいますか"})
    card = await sato.wait_text(card, "本人確認は済んでいますか")
    await sato.press(card, "approval.answer")
    await sato.fill_and_submit({"answer": "はい、運転免許証で確認済みです"})
    await wait_in_thread(sato, card, "運転免許証で確認済み")
    asked = await tanaka.wait_text(asked, "運転免許証で確認済み")
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    kinds = await env.kinds(case)
    assert kinds[4:7] == ["approval_asked", "approval_answered", "approved"]


@pytest.mark.long
async def test_a_request_is_withdrawn(env: Environment) -> None:
    """The case returns to the decider; a late approval is refused."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    card, case, asked = await a_ban(env, sato, tanaka)
    await sato.press(card, "approval.withdraw")
    card = await sato.wait_text(card, "対応中")
    await tanaka.press(asked, "approval.approve")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="the refusal")
    assert await env.changes() == []
    assert "approved" not in await env.kinds(case)


async def test_a_lead_who_lost_the_role_since_approves_nothing(
    temporal: str, tmp_path: Path
) -> None:
    """The click was acked before, but the role at the time of the decision counts."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        async with work(env.settings):
            _, case, asked = await a_ban(env, sato, tanaka)
            await env.wait_kind(case, "approval_requested")
        await tanaka.press(asked, "approval.approve")
        env.sandbox.workspace.groups["S0LEAD"].users.remove("U0TANAKA")
        async with work(env.settings):
            refusals = await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="the refusal")
        assert "リード" in visible_text(refusals[-1])
        assert "approved" not in await env.kinds(case)
        assert await env.changes() == []


async def test_a_specialist_covers_for_a_lead(env: Environment) -> None:
    """Clark covers for 田中: her approval counts as 田中's."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    tanaka = await env.person("U0TANAKA")
    card, case, _ = await a_ban(env, sato, tanaka)
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await clark.press(asked, "approval.approve")
    await clark.until(lambda: clark.ephemerals("ts-leads"), what="the refusal")
    await tanaka.command("/koban cover @emma.clark until 23:59", "ts-leads")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="that it is noted")
    await clark.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_123/bans")]
    approved = [row for row in await env.queries.events_of(case) if row["kind"] == "approved"]
    assert approved[0]["actor"] == "U0CLARK"
    assert approved[0]["data"]["consent"]["covers"] == "U0TANAKA"


async def test_nobody_covers_for_the_decider(env: Environment) -> None:
    """A cover for the deciding lead can't approve the decision."""
    clark, tanaka = await env.person("U0CLARK"), await env.person("U0TANAKA")
    await tanaka.command("/koban cover @emma.clark until 23:59", "ts-leads")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="that it is noted")
    _, case, asked = await a_ban(env, tanaka, clark)
    await clark.press(asked, "approval.approve")
    await clark.until(lambda: clark.ephemerals("ts-leads"), what="the refusal")
    assert "approved" not in await env.kinds(case)
    assert await env.changes() == []


async def test_the_request_says_what_an_approver_needs(env: Environment) -> None:
    """It has decider, reason, evidence, place and affected accounts."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    card, _, asked = await a_ban(env, sato, tanaka)
    words = visible_text(asked)
    for wanted in ("佐藤", "強制退会", "常習", "LINE ID ください", "u_123"):
        assert wanted in words
    assert card["ts"].replace(".", "") in str(asked["blocks"])
