"""Buttons over real HTTP: the stored command, and the time of the ack."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from bot.timeouts import PRODUCTION
from deploy.sandbox.slack.person import Refused
from deploy.sandbox.slack.triggers import ResponseUrls
from deploy.sandbox.slack.workspace import ACK_SECONDS
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, ROUTE
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.case.commands import (
    Acknowledge,
    Approve,
    ChoosePreset,
    Claim,
    Confirm,
    Escalate,
    GiveUp,
    LiftProtection,
    MarkNoViolation,
    Place,
    Release,
    Resume,
    Retry,
    Undo,
    Unwatch,
    Watch,
    Withdraw,
)
from workflows.domain.people import Actor

SATO = Actor(id="U0SATO")


@pytest.mark.parametrize(
    ("action", "command"),
    [
        ("case.claim", Claim(by=SATO, version=3)),
        ("case.preset.mute", ChoosePreset(by=SATO, version=3, preset="mute")),
        ("case.clear", MarkNoViolation(by=SATO, version=3)),
        ("case.escalate", Escalate(by=SATO, version=3)),
        ("action.undo", Undo(by=SATO, version=3)),
        ("action.retry", Retry(by=SATO, version=3)),
        ("action.give_up", GiveUp(by=SATO, version=3)),
        ("approval.approve", Approve(by=SATO, version=3)),
        ("approval.withdraw", Withdraw(by=SATO, version=3)),
        ("case.confirm", Confirm(by=SATO, version=3)),
        ("case.lift_protection", LiftProtection(by=SATO, version=3)),
        ("case.acknowledge", Acknowledge(by=SATO, version=3)),
        ("case.resume", Resume(by=SATO, version=3)),
    ],
)
async def test_a_button_sends_its_command_to_its_case(env: SlackEnvironment, action, command):
    """The command has the card's version and goes to the card's workflow."""
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), action)
    [(workflow_id, click)] = env.cases.clicks
    assert workflow_id == ROUTE
    assert click.case == CASE
    assert click.command == command
    assert click.place == Place(channel="C0LIVE", thread=None)


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        ("release", Release(by=SATO, version=3)),
        ("escalate", Escalate(by=SATO, version=3)),
        ("watch", Watch(by=SATO, version=3)),
        ("unwatch", Unwatch(by=SATO, version=3)),
        ("resume", Resume(by=SATO, version=3)),
    ],
)
async def test_a_menu_entry_sends_its_command(env: SlackEnvironment, entry, command):
    """An entry of the overflow menu has the effect of a button."""
    sato = env.person("U0SATO")
    card = await env.message(sato, env.card(entries=((entry, entry),)))
    await sato.choose_overflow(card, f"{entry}:{CASE}:3")
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.case, click.command) == (ROUTE, CASE, command)


async def test_a_press_in_a_thread_is_answered_in_the_thread(env: SlackEnvironment):
    """The place of a click has the thread of its card."""
    sato = env.person("U0SATO")
    parent = env.card()
    reply = env.card(thread_ts=parent)
    await sato.press(await env.message(sato, reply), "case.claim")
    assert env.cases.clicks[0][1].place == Place(channel="C0LIVE", thread=parent)


async def test_slack_is_answered_only_after_the_click_is_stored(env: SlackEnvironment):
    """The ack waits for the case."""
    env.cases.gate = asyncio.Event()
    sato = env.person("U0SATO")
    card = await env.message(sato, env.card())
    pressing = asyncio.create_task(sato.press(card, "case.claim"))
    await env.cases.arrived.wait()
    assert (len(env.workspace.deliveries), pressing.done()) == (0, False)
    env.cases.gate.set()
    await pressing
    assert [delivery.status for delivery in env.workspace.deliveries] == [200]
    assert len(env.cases.clicks) == 1


async def test_two_presses_have_two_ids(env: SlackEnvironment):
    """A second click is another click, even after a refusal."""
    sato = env.person("U0SATO")
    card = await env.message(sato, env.card())
    await sato.press(card, "case.claim")
    await sato.press(card, "case.claim")
    assert len({click.id for _, click in env.cases.clicks}) == 2


async def test_a_press_that_temporal_does_not_take_gets_an_error(env: SlackEnvironment):
    """The message asks the person to click again."""
    env.cases.away = True
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), "case.claim")
    told = await env.ephemeral(sato)
    assert told == f"{CASE}: いまは受け付けられませんでした。もう一度押してください。"
    assert await sato.errors() == []


@pytest.mark.parametrize("timeouts", [replace(LONG_TIMEOUTS, store=0.1)])
async def test_a_click_without_an_answer_from_temporal_gets_an_error_in_time(env: SlackEnvironment):
    """The call times out before Slack shows its own error."""
    env.cases.gate = asyncio.Event()
    emma = env.person("U0CLARK")
    await emma.press(await env.message(emma, env.card()), "case.clear")
    told = await env.ephemeral(emma)
    assert told == f"{CASE}: That didn’t go through. Please press it again."
    assert env.cases.clicks == []
    assert PRODUCTION.store + PRODUCTION.error < ACK_SECONDS


async def test_the_card_survives_a_private_answer(env: SlackEnvironment):
    """An ephemeral answer never replaces the card."""
    env.cases.away = True
    sato = env.person("U0SATO")
    ts = env.card()
    await sato.press(await env.message(sato, ts), "case.claim")
    await env.ephemeral(sato)
    assert (await env.message(sato, ts))["text"] == f"card {CASE}:3"


@pytest.mark.parametrize(
    ("value", "workflow_id"),
    [
        ("", ROUTE),
        ("K7Q2F9XM0", ROUTE),
        ("K7Q2F9XM0:-1", ROUTE),
        ("' OR 1=1 --:3", ROUTE),
        (f"{CASE}:3", "enforcement/K7Q2F9XM0/D1"),
        (f"{CASE}:3", "case/../../x"),
    ],
)
async def test_a_malformed_handle_is_answered_and_reaches_no_case(
    env: SlackEnvironment, value, workflow_id
):
    """The message says that the button is invalid."""
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card(value, workflow_id)), "case.claim")
    told = await env.ephemeral(sato)
    assert told == "このボタンのケースを読み込めませんでした。最新のカードから操作してください。"
    assert env.cases.clicks == []
    assert await sato.errors() == []


async def test_an_unknown_button_is_answered(env: SlackEnvironment):
    """A button of another version of Koban is acked and explained."""
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), "case.invented")
    told = await env.ephemeral(sato)
    assert told == "この操作にはまだ対応していません。カードのほかのボタンを使ってください。"
    assert env.cases.clicks == []


async def test_a_link_button_is_only_acknowledged(env: SlackEnvironment):
    """Slack opens the link, so there is no answer."""
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), "case.rule")
    assert [delivery.status for delivery in env.workspace.deliveries] == [200]
    assert (env.cases.clicks, await sato.ephemerals("ts-live")) == ([], [])


async def test_a_fault_in_koban_gets_an_error_message(env: SlackEnvironment):
    """Every exception is reported to the person."""
    env.cases.broken = True
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), "case.claim")
    told = await env.ephemeral(sato)
    assert told == "受け付けられませんでした。少し待って、もう一度試してください。"


async def test_an_outage_of_temporal_and_slack_is_not_acked(env: SlackEnvironment):
    """Without an ack Slack shows its own error."""
    env.cases.away = True
    sato = env.person("U0SATO")
    card = await env.message(sato, env.card())
    env.workspace.faults.set("slack_down", True)
    with pytest.raises(Refused):
        await sato.press(card, "case.claim")
    assert await sato.errors() == ["このアプリは応答しませんでした。もう一度お試しください。"]


async def test_a_fault_during_an_outage_of_slack_is_not_acked(env: SlackEnvironment):
    """Slack shows its own error for faults in Koban too."""
    env.cases.broken = True
    sato = env.person("U0SATO")
    card = await env.message(sato, env.card())
    env.workspace.faults.set("slack_down", True)
    with pytest.raises(Refused):
        await sato.press(card, "case.claim")


async def test_a_slow_language_lookup_does_not_delay_the_answer(env: SlackEnvironment):
    """With an empty cache the deployment's language is used."""
    env.people.asleep = asyncio.Event()
    env.cases.away = True
    emma = env.person("U0CLARK")
    await emma.press(await env.message(emma, env.card()), "case.claim")
    told = await env.ephemeral(emma)
    env.people.asleep.set()
    assert told == f"{CASE}: いまは受け付けられませんでした。もう一度押してください。"


async def test_an_ephemeral_message_replaces_an_expired_response_url(env: SlackEnvironment):
    """A response_url is valid for 30 minutes."""
    env.cases.away = True
    sato = env.person("U0SATO")
    env.workspace.response_urls = ResponseUrls(clock=count(step=3600).__next__)
    await sato.press(await env.message(sato, env.card()), "case.claim")
    await env.ephemeral(sato)
    assert env.workspace.calls["chat.postEphemeral"] == 1
