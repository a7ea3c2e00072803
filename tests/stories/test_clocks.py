"""Deadlines of a shift: hours and days in seconds, with an adjustable clock."""

import shutil
from pathlib import Path

import pytest

from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import koban
from tests.stories.flood import alerts, send_alerts
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import choose
from tests.stories.time_skipping import TimeSkipping


def route_of(card: dict) -> str:
    """The workflow of a card's case."""
    return str(controls(card)[0].block_id)


async def threads(person: Person, card: dict) -> str:
    """The texts of the card's thread."""
    return "\n".join(visible_text(message) for message in await person.thread(card))


def mentioned(clocks: TimeSkipping) -> list[str]:
    """The mentioned groups in order."""
    return [note.target for note in clocks.env.sandbox.workspace.notifications]


async def test_an_unclaimed_case_is_escalated(clocks: TimeSkipping) -> None:
    """The shift is mentioned after ten minutes, the lead after thirty, then nobody."""
    sato = await clocks.env.person("U0SATO")
    await clocks.env.happens(lure())
    card, case = await case_of(sato)
    await clocks.passes(route_of(card), minutes=9)
    assert await threads(sato, card) == ""
    await clocks.passes(route_of(card), minutes=1, seconds=30)
    await sato.until(lambda: threads(sato, card), what="a call for the shift")
    assert mentioned(clocks) == ["<!subteam^S0SHIFT>"]
    assert await clocks.env.kinds(case) == ["case_opened", "case_escalated"]
    await clocks.passes(route_of(card), minutes=21)

    async def twice() -> bool:
        return (await clocks.env.kinds(case)).count("case_escalated") == 2

    await sato.until(twice, what="a call for the leads")
    await clocks.passes(route_of(card), hours=1)
    assert (await clocks.env.kinds(case)).count("case_escalated") == 2
    assert mentioned(clocks) == ["<!subteam^S0SHIFT>", "<!subteam^S0LEAD>"]


@pytest.mark.long
async def test_ninety_days_with_an_alert_a_day(clocks: TimeSkipping) -> None:
    """Every alert joins without further mentions, and a decision is possible on the last day."""
    sato = await clocks.env.person("U0SATO")
    await clocks.env.happens(lure())
    card, case = await case_of(sato)
    for day in range(1, 91):
        await clocks.passes(route_of(card), hours=24)
        await send_alerts(clocks.env, alerts([day + 1]))
    card = await sato.wait_text(card, "90件")
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    await clocks.env.wait_kind(case, "case_closed")
    kinds = await clocks.env.kinds(case)
    assert kinds.count("alert_joined") == 90
    assert kinds.count("case_escalated") == 2
    assert len(await sato.cards("ts-live")) == 1


async def test_a_claim_stops_the_escalation_to_the_shift(clocks: TimeSkipping) -> None:
    """Only the lead is mentioned when the decision is overdue."""
    sato = await clocks.env.person("U0SATO")
    await clocks.env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    await clocks.env.wait_kind(case, "case_claimed")
    await clocks.passes(route_of(card), minutes=20)
    await choose(sato, card, "note")
    await sato.fill_and_submit({"note": "出品履歴を確認中"})
    await clocks.env.wait_kind(case, "note_added")
    await clocks.passes(route_of(card), minutes=11)
    await clocks.env.wait_kind(case, "case_escalated")
    escalations = [
        row["data"]["notify"]
        for row in await clocks.env.queries.events_of(case)
        if row["kind"] == "case_escalated"
    ]
    assert escalations == ["lead"]


async def ask_for(person: Person, card: dict, action: str) -> None:
    """Decides by the modal on an action that needs approval."""
    await person.press(card, "case.decide")
    answer = await person.fill_and_submit(
        {"verdict": "violation", "actions": [action], "reason": "常習"}
    )
    assert answer == {"ok": True}
    await person.wait_text(card, "承認待ち")


async def test_an_expired_approval_is_refused(clocks: TimeSkipping) -> None:
    """With `on_expiry: refuse` the decision is cancelled before any change at the platform."""
    sato = await clocks.env.person("U0SATO")
    await clocks.env.happens(lure())
    card, case = await case_of(sato)
    await ask_for(sato, card, "end_stream")
    await clocks.passes(route_of(card), minutes=11)
    await clocks.env.wait_kind(case, "approval_expired")
    await sato.wait_text(card, "対応中")
    assert await clocks.env.changes() == []


async def test_an_expired_approval_is_requested_again(clocks: TimeSkipping) -> None:
    """With `on_expiry: escalate` the leads are mentioned again, and a late approval counts."""
    sato, tanaka = await clocks.env.person("U0SATO"), await clocks.env.person("U0TANAKA")
    await clocks.env.happens(lure())
    card, case = await case_of(sato)
    await ask_for(sato, card, "permanent_ban")
    await clocks.passes(route_of(card), minutes=31)
    await clocks.env.wait_kind(case, "approval_expired")
    asked = (await tanaka.cards("ts-leads"))[-1]
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    assert await clocks.env.changes() == [
        ("POST", "users/u_123/bans"),
    ]


async def test_a_mute_ends_in_time_though_the_case_is_closed(temporal: str, tmp_path: Path) -> None:
    """Koban lifts a mute of 3 s in real time, and the closed case's card shows it."""
    policy = tmp_path / "policy"
    shutil.copytree(POLICY, policy)
    book = policy / "playbooks" / "off_platform.yaml"
    book.write_text(book.read_text("utf-8").replace("{for: 24h}", "{for: 3s}"), "utf-8")
    async with koban(temporal, tmp_path, policy=policy) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        card, case = await case_of(sato)
        await sato.press(card, "case.preset.mute")
        await sato.wait_text(card, "完了")
        await env.wait_kind(case, "case_closed")
        await env.wait_kind(case, "action_lifted")
        assert (await env.thing("users", "u_123"))["muted"] is False
        assert await env.changes() == [
            ("POST", "users/u_123/mutes"),
            ("DELETE", f"users/u_123/mutes/{case}"),
        ]
        await sato.wait_text(card, "解除")
