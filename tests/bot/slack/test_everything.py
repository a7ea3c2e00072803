"""Modal `all` of the overflow menu, and modals that open before their case is read."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.timeouts import PRODUCTION
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.slack.triggers import TRIGGER_SECONDS
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, ROUTE, case
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.case.commands import ChoosePreset, Escalate, HandOver, Place
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import Preset

SATO = Actor(id="U0SATO")


def with_presets(count: int = 10, **changes: Any) -> Case:
    """A case whose playbook has this many presets, followed by a ban."""
    made = [
        Preset.model_validate(
            {"id": f"p{n}", "title": {"ja": f"定型{n}", "en": f"P{n}"}, "actions": ["mute_user"]}
        )
        for n in range(1, count)
    ]
    ban = {"id": "ban", "title": {"ja": "強制退会", "en": "Ban"}, "actions": ["permanent_ban"]}
    presets = (*made, Preset.model_validate(ban))
    now = case().model_copy(update={"version": 9, **changes})
    playbook = now.policy.playbook.model_copy(update={"presets": presets})
    return now.model_copy(update={"policy": now.policy.model_copy(update={"playbook": playbook})})


async def chosen(env: SlackEnvironment, user: str, entry: str) -> Person:
    """A person who chose an entry of the card's overflow menu."""
    person = env.person(user)
    card = await env.message(person, env.card(entries=((entry, entry),)))
    await person.choose_overflow(card, f"{entry}:{CASE}:3")
    return person


async def says(person: Person, text: str) -> dict:
    """The topmost modal, once it contains this text."""

    async def look() -> dict | None:
        views = await person.views()
        return views[-1] if views and text in visible_text(views[-1]) else None

    return await person.until(look, what=f"a modal with {text}")


async def test_every_preset_and_every_entry_is_in_one_modal(env: SlackEnvironment):
    """Ten presets come in the playbook's order, then the rest; danger has a confirmation."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "all")
    shown = [c for c in controls(await says(sato, "ワンタップの判断")) if c.kind == "button"]
    assert [c.action_id for c in shown] == [
        *(f"case.preset.p{n}" for n in range(1, 10)),
        "case.preset.ban",
        "case.evidence",
        "case.acknowledge",
        "case.escalate",
        "case.note",
        "case.snooze",
        "case.wait",
        "case.handover",
        "case.snooze_detector",
        "case.watch",
        "case.timeline",
    ]
    [ban] = [c.element for c in shown if c.action_id == "case.preset.ban"]
    assert ban["confirm"]["text"]["text"] == ("承認されるまで、ユーザー u_123 には何も行いません。")
    assert ban["value"] == f"{CASE}:9"


async def test_a_press_in_the_modal_is_a_press_on_the_card(env: SlackEnvironment):
    """It has the version that the modal showed, and is answered in the card's channel."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "all")
    await sato.press(await says(sato, "ワンタップの判断"), "case.preset.p7")
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.case) == (ROUTE, CASE)
    assert click.command == ChoosePreset(by=SATO, version=9, preset="p7")
    assert click.place == Place(channel="C0LIVE")
    assert controls(await says(sato, "受け付けました。結果はカードで確認してください。")) == []


async def test_the_second_row_finds_its_case_too(env: SlackEnvironment):
    """Each row of a view has a unique block id."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "all")
    await sato.press(await says(sato, "ケースの操作"), "case.escalate")
    assert env.cases.clicks[0][1].command == Escalate(by=SATO, version=9)


async def test_a_form_takes_the_modals_place(env: SlackEnvironment):
    """The form replaces the modal; its submission goes to the case."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "all")
    await sato.press(await says(sato, "ケースの操作"), "case.handover")
    await says(sato, "申し送り")
    assert len(await sato.views()) == 1
    assert await sato.fill_and_submit({"person": "U0CLARK", "note": "続きを頼みます"}) == {
        "ok": True
    }
    [(_, click)] = env.cases.clicks
    assert click.command == HandOver(
        by=SATO, version=9, to=Actor(id="U0CLARK"), note="続きを頼みます"
    )
    assert click.place == Place(channel="C0LIVE")


async def test_a_failed_press_in_the_modal_is_reported_there(env: SlackEnvironment):
    """The modal shows the error."""
    sato = await chosen(env, "U0SATO", "all")
    view = await says(sato, "ケースの操作")
    env.cases.away = True
    await sato.press(view, "case.acknowledge")
    await says(sato, "いまは受け付けられませんでした。")
    assert env.cases.clicks == []


async def test_a_closed_case_has_the_entries_that_are_always_available(env: SlackEnvironment):
    """Opening the modal does not wake up its workflow."""
    env.cases.memories.clear()
    sato = await chosen(env, "U0SATO", "all")
    shown = [c.action_id for c in controls(await says(sato, "ケースの操作"))]
    assert shown == [
        "case.note",
        "case.watch",
        "case.unwatch",
        "case.timeline",
        "case.snooze_detector",
        "case.end_snooze",
    ]


async def test_a_preset_that_asks_first_is_asked_in_a_modal(env: SlackEnvironment):
    """The modal has actions and subjects; its submission is the preset at the shown version."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "confirm_preset.ban")
    view = await says(sato, "「強制退会」の承認を依頼しますか？")
    assert "承認されるまで、ユーザー u_123 には何も行いません。" in visible_text(view)
    assert view["submit"]["text"] == "承認を依頼する"
    assert await sato.fill_and_submit({}) == {"ok": True}
    assert env.cases.clicks[0][1].command == ChoosePreset(by=SATO, version=9, preset="ban")


async def test_a_preset_that_is_gone_can_not_be_confirmed(env: SlackEnvironment):
    """The case was decided, or the card has another playbook."""
    sato = await chosen(env, "U0SATO", "confirm_preset.ban")
    view = await says(sato, "この判断はいまは選べません。")
    assert view["submit"] is None
    decided = with_presets(phase=Phase.ENFORCING)
    env.cases.memories[ROUTE] = CaseSnapshot(case=decided)
    emma = await chosen(env, "U0CLARK", "confirm_preset.ban")
    assert (await says(emma, "This is no longer available."))["submit"] is None


async def test_a_confirmed_preset_that_is_not_stored_leaves_the_question_open(
    env: SlackEnvironment,
):
    """The error is shown above the question, which can be submitted again."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "confirm_preset.ban")
    await says(sato, "強制退会")
    env.cases.away = True
    await sato.fill_and_submit({})
    await says(sato, "いまは受け付けられませんでした。")
    assert [view["callback_id"] for view in await sato.views()] == ["confirm_preset", "said"]
    assert env.cases.clicks == []


@pytest.mark.parametrize("entry", ["handover", "all", "confirm_preset.ban"])
async def test_a_modal_opens_before_its_case_answers(env: SlackEnvironment, entry: str):
    """It shows a placeholder, and is filled in after the query."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    env.cases.thinking = asyncio.Event()
    sato = await chosen(env, "U0SATO", entry)
    await says(sato, "読み込んでいます…")
    env.cases.thinking.set()
    await says(sato, f"{CASE} · 外部誘導 · ユーザー u_123")
    assert len(await sato.views()) == 1


async def test_a_case_that_is_over_is_reported_in_the_open_modal(env: SlackEnvironment):
    """The form is not shown."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets(phase=Phase.CLOSED))
    env.cases.thinking = asyncio.Event()
    sato = await chosen(env, "U0SATO", "handover")
    await says(sato, "読み込んでいます…")
    env.cases.thinking.set()
    await says(sato, f"ケース {CASE} はすでに完了しています。")


@pytest.mark.parametrize("timeouts", [replace(LONG_TIMEOUTS, case=0.1)])
async def test_a_modal_opens_without_an_answer_from_the_case(env: SlackEnvironment):
    """It offers every action of the policy."""
    env.cases.thinking = asyncio.Event()
    sato = await chosen(env, "U0SATO", "handover")
    await says(sato, "申し送り")


async def test_a_modal_is_open_within_the_life_of_its_trigger(env: SlackEnvironment):
    """Neither a slow case nor a slow language lookup delays it beyond three seconds."""
    env.cases.thinking = asyncio.Event()
    env.people.asleep = asyncio.Event()
    sato = await chosen(env, "U0SATO", "handover")
    await says(sato, "読み込んでいます…")
    assert PRODUCTION.draw + PRODUCTION.language < TRIGGER_SECONDS
    env.people.asleep.set()
    env.cases.thinking.set()
