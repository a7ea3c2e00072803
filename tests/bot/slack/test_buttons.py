"""Buttons over real HTTP: the stored command, and the time of the ack."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from bot.timeouts import PRODUCTION
from deploy.sandbox.slack.person import Refused
from deploy.sandbox.slack.triggers import ResponseUrls
from deploy.sandbox.slack.workspace import ACK_SECONDS
from tests.bot.slack.conftest import Stage
from tests.bot.slack.fakes import CASE, ROUTE
from tests.patience import PATIENT
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
async def test_a_button_sends_its_command_to_its_case(stage: Stage, action, command):
    """Each button becomes the command it names, as of the card's version, at the card's route."""
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card()), action)
    [(workflow_id, click)] = stage.cases.clicks
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
async def test_a_menu_entry_sends_its_command(stage: Stage, entry, command):
    """An entry behind ⋯ does the same as a button would."""
    sato = stage.person("U0SATO")
    card = await stage.message(sato, stage.card(entries=((entry, entry),)))
    await sato.choose_overflow(card, f"{entry}:{CASE}:3")
    [(workflow_id, click)] = stage.cases.clicks
    assert (workflow_id, click.case, click.command) == (ROUTE, CASE, command)


async def test_a_press_in_a_thread_is_answered_in_the_thread(stage: Stage):
    """The place of a click names the thread that its card stands in."""
    sato = stage.person("U0SATO")
    parent = stage.card()
    reply = stage.card(thread_ts=parent)
    await sato.press(await stage.message(sato, reply), "case.claim")
    assert stage.cases.clicks[0][1].place == Place(channel="C0LIVE", thread=parent)


async def test_slack_is_answered_only_after_the_click_is_stored(stage: Stage):
    """While the case has not taken the click, the request stays open; then it ends well."""
    stage.cases.gate = asyncio.Event()
    sato = stage.person("U0SATO")
    card = await stage.message(sato, stage.card())
    pressing = asyncio.create_task(sato.press(card, "case.claim"))
    await stage.cases.arrived.wait()
    assert (len(stage.workspace.deliveries), pressing.done()) == (0, False)
    stage.cases.gate.set()
    await pressing
    assert [delivery.status for delivery in stage.workspace.deliveries] == [200]
    assert len(stage.cases.clicks) == 1


async def test_two_presses_have_two_ids(stage: Stage):
    """Pressing again is another click, whatever the first one came to."""
    sato = stage.person("U0SATO")
    card = await stage.message(sato, stage.card())
    await sato.press(card, "case.claim")
    await sato.press(card, "case.claim")
    assert len({click.id for _, click in stage.cases.clicks}) == 2


async def test_a_press_that_temporal_does_not_take_is_told(stage: Stage):
    """Nothing is pretended: the person hears that they have to press again."""
    stage.cases.away = True
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card()), "case.claim")
    told = await stage.ephemeral(sato)
    assert told == f"{CASE}: いまは受け付けられませんでした。もう一度押してください。"
    assert await sato.errors() == []


@pytest.mark.parametrize("timeouts", [replace(PATIENT, store=0.1)])
async def test_a_click_without_an_answer_from_temporal_gets_an_error_in_time(stage: Stage):
    """The call is given up before Slack shows an error of its own."""
    stage.cases.gate = asyncio.Event()
    emma = stage.person("U0CLARK")
    await emma.press(await stage.message(emma, stage.card()), "case.clear")
    told = await stage.ephemeral(emma)
    assert told == f"{CASE}: That didn’t go through. Please press it again."
    assert stage.cases.clicks == []
    assert PRODUCTION.store + PRODUCTION.error < ACK_SECONDS


async def test_the_card_survives_a_private_answer(stage: Stage):
    """An answer to one person never replaces the card that everybody sees."""
    stage.cases.away = True
    sato = stage.person("U0SATO")
    ts = stage.card()
    await sato.press(await stage.message(sato, ts), "case.claim")
    await stage.ephemeral(sato)
    assert (await stage.message(sato, ts))["text"] == f"card {CASE}:3"


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
async def test_a_malformed_handle_is_answered_and_reaches_no_case(stage: Stage, value, workflow_id):
    """A button that names no case does nothing, and says so."""
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card(value, workflow_id)), "case.claim")
    told = await stage.ephemeral(sato)
    assert told == "このボタンのケースを読み込めませんでした。最新のカードから操作してください。"
    assert stage.cases.clicks == []
    assert await sato.errors() == []


async def test_an_unknown_button_is_answered(stage: Stage):
    """A button from another version of Koban is acknowledged and explained."""
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card()), "case.invented")
    told = await stage.ephemeral(sato)
    assert told == "この操作にはまだ対応していません。カードのほかのボタンを使ってください。"
    assert stage.cases.clicks == []


async def test_a_link_button_is_only_acknowledged(stage: Stage):
    """Slack opens the link by itself; Koban has nothing to say."""
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card()), "case.rule")
    assert [delivery.status for delivery in stage.workspace.deliveries] == [200]
    assert (stage.cases.clicks, await sato.ephemerals("ts-live")) == ([], [])


async def test_a_fault_in_koban_is_told_too(stage: Stage):
    """Whatever goes wrong, the person who pressed is not left with nothing."""
    stage.cases.broken = True
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card()), "case.claim")
    told = await stage.ephemeral(sato)
    assert told == "受け付けられませんでした。少し待って、もう一度試してください。"


async def test_what_nobody_can_be_told_is_left_to_slack(stage: Stage):
    """Temporal is away, and so is Slack's API: Slack itself says that the press did nothing."""
    stage.cases.away = True
    sato = stage.person("U0SATO")
    card = await stage.message(sato, stage.card())
    stage.workspace.faults.set("slack_down", True)
    with pytest.raises(Refused):
        await sato.press(card, "case.claim")
    assert await sato.errors() == ["このアプリは応答しませんでした。もう一度お試しください。"]


async def test_a_fault_that_nobody_can_be_told_is_left_to_slack(stage: Stage):
    """The same for what goes wrong in Koban itself."""
    stage.cases.broken = True
    sato = stage.person("U0SATO")
    card = await stage.message(sato, stage.card())
    stage.workspace.faults.set("slack_down", True)
    with pytest.raises(Refused):
        await sato.press(card, "case.claim")


async def test_a_language_that_takes_long_to_learn_does_not_hold_the_answer_up(stage: Stage):
    """With a cold cache and a slow Slack the deployment's language is used."""
    stage.people.asleep = asyncio.Event()
    stage.cases.away = True
    emma = stage.person("U0CLARK")
    await emma.press(await stage.message(emma, stage.card()), "case.claim")
    told = await stage.ephemeral(emma)
    stage.people.asleep.set()
    assert told == f"{CASE}: いまは受け付けられませんでした。もう一度押してください。"


async def test_an_ephemeral_message_is_sent_where_the_response_url_is_over(stage: Stage):
    """A response_url serves for half an hour; after that the answer takes the other way."""
    stage.cases.away = True
    sato = stage.person("U0SATO")
    stage.workspace.response_urls = ResponseUrls(clock=count(step=3600).__next__)
    await sato.press(await stage.message(sato, stage.card()), "case.claim")
    await stage.ephemeral(sato)
    assert stage.workspace.calls["chat.postEphemeral"] == 1
