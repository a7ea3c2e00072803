"""Reason templates and rules in the modal `decide`."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.slack.blockkit.values import options_of
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import PLAYBOOK, ROUTE, case
from tests.bot.slack.test_everything import says
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Text

WORDS: dict[str, Any] = {
    "policy": {"id": "MKT-4.2", "title": {"ja": "誘導の禁止", "en": "No luring"}},
    "clauses": [{"id": "MKT-4.3", "title": {"ja": "連絡先の禁止", "en": "No contacts"}}],
    "reasons": [
        {
            "id": "line",
            "title": {"ja": "LINEの提示", "en": "Gave a LINE ID"},
            "reason": {"ja": "LINE IDを提示した。", "en": "Gave a LINE ID, and lured."},
            "notice": {"ja": "LINE IDの提示を確認しました。", "en": "We found a LINE ID."},
        },
        {
            "id": "quiet",
            "title": {"ja": "様子見", "en": "Wait"},
            "reason": {"ja": "様子を見る。", "en": "Wait and see."},
            "no_notice": {"ja": "捜査中のため", "en": "It is being investigated"},
        },
    ],
}


def case_with_notices(**more: Any) -> Case:
    """A case whose playbook has reasons, rules and notices."""
    now = case()
    written = PLAYBOOK.model_dump(mode="json", by_alias=True, exclude_none=True)
    frame = Text(ja="{facts} 措置: {actions} ルール: {rule}", en="{facts} {actions}. {rule}")
    call = NoticeCall(path="/v1/users/{subject.id}/notices", **more)
    policy = now.policy.model_copy(
        update={
            "playbook": Playbook.model_validate({**written, **WORDS}),
            "notice_text": NoticeText(call=call, frame=frame),
        }
    )
    return now.model_copy(update={"policy": policy})


async def deciding(env: SlackEnvironment, user: str = "U0SATO", **more: Any) -> Person:
    """A person with the modal open."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=case_with_notices(**more))
    person = env.person(user)
    await person.press(await env.message(person, env.card()), "case.decide")
    await person.modal()
    return person


async def reason(person: Person) -> Any:
    """Initial value of the rationale field."""
    found = next(c for c in controls(await person.modal()) if c.block_id == "reason")
    return found.element.get("initial_value")


async def test_rules_are_a_choice_with_the_usual_one_chosen(env: SlackEnvironment):
    """Options have id and title; the submission has the id."""
    sato = await deciding(env)
    policy = next(c for c in controls(await sato.modal()) if c.block_id == "policy")
    assert [o["text"]["text"] for o in options_of(policy.element)] == [
        "MKT-4.2 · 誘導の禁止",
        "MKT-4.3 · 連絡先の禁止",
    ]
    assert policy.element["initial_option"]["value"] == "MKT-4.2"
    answers = {"verdict": "violation", "actions": ["mute_user"], "reason": "理由"}
    await sato.fill_and_submit({**answers, "policy": "MKT-4.3"})
    assert env.cases.clicks[0][1].command.policy == "MKT-4.3"


async def test_a_reason_fills_in_the_rationale_and_shows_the_notice(env: SlackEnvironment):
    """The rationale has the reader's language, the notice both languages."""
    sato = await deciding(env)
    await sato.choose(await sato.modal(), "template", "line")
    view = await says(sato, "*本人への通知（ユーザー u_123）*")
    shown = visible_text(view)
    assert (
        "LINE IDの提示を確認しました。 措置: （選んだ措置） ルール: MKT-4.2（誘導の禁止）" in shown
    )
    assert "We found a LINE ID. (the chosen actions). MKT-4.2 (No luring)" in shown
    assert await reason(sato) == "LINE IDを提示した。"
    done = await sato.fill_and_submit({"verdict": "violation", "actions": ["mute_user"]})
    assert done == {"ok": True}
    command = env.cases.clicks[0][1].command
    assert (command.template, command.reason) == ("line", "LINE IDを提示した。")


async def test_another_reason_takes_the_place_of_the_first(env: SlackEnvironment):
    """It replaces the rationale and the notice."""
    emma = await deciding(env, "U0CLARK")
    await emma.choose(await emma.modal(), "template", "line")
    await says(emma, "We found a LINE ID.")
    assert await reason(emma) == "Gave a LINE ID, and lured."
    await emma.choose(await emma.modal(), "template", "quiet")
    view = await says(emma, "No notice is sent to the person: It is being investigated")
    assert "We found a LINE ID." not in visible_text(view)
    assert await reason(emma) == "Wait and see."


async def test_what_somebody_wrote_is_never_replaced(env: SlackEnvironment):
    """Only the notice changes; text and other choices stay."""
    sato = await deciding(env)
    typed = {"verdict": "violation", "actions": ["mute_user"], "reason": "自分の言葉"}
    env.cases.away = True
    await sato.fill_and_submit(typed)  # refused: the modal keeps what was typed
    env.cases.away = False
    await sato.choose(await sato.modal(), "template", "line")
    view = await says(sato, "本人への通知")
    assert "措置: コメント制限（24時間）" in visible_text(view)
    assert (await sato.fill_and_submit({}))["ok"] is True
    command = env.cases.clicks[-1][1].command
    assert (command.reason, command.template) == ("自分の言葉", "line")
    assert [each.action for each in command.actions] == ["mute_user"]


async def test_the_shown_notice_follows_every_choice(env: SlackEnvironment):
    """Other actions, another duration and another rule after the template."""
    sato = await deciding(env)
    await sato.choose(await sato.modal(), "template", "line")
    await says(sato, "措置: （選んだ措置） ルール: MKT-4.2")
    await sato.choose(await sato.modal(), "actions", ["mute_user"])
    await says(sato, "措置: コメント制限（24時間） ルール: MKT-4.2")
    await sato.choose(await sato.modal(), "duration", "7d")
    await says(sato, "措置: コメント制限（7日） ルール: MKT-4.2")
    await sato.choose(await sato.modal(), "policy", "MKT-4.3")
    await says(sato, "措置: コメント制限（7日） ルール: MKT-4.3（連絡先の禁止）")
    assert (await sato.fill_and_submit({"verdict": "violation"}))["ok"] is True
    command = env.cases.clicks[0][1].command
    assert (command.policy, command.actions[0].for_) == ("MKT-4.3", timedelta(days=7))


async def test_no_reason_of_policy_is_a_choice_too(env: SlackEnvironment):
    """A select in Slack can't be cleared."""
    sato = await deciding(env)
    await sato.choose(await sato.modal(), "template", "line")
    await says(sato, "本人への通知")
    await sato.choose(await sato.modal(), "template", "-")

    async def gone() -> bool:
        return "本人への通知（" not in visible_text(await sato.modal())

    await sato.until(gone, what="the preview to go")
    await sato.fill_and_submit({"verdict": "violation", "actions": ["mute_user"], "reason": "理由"})
    assert env.cases.clicks[0][1].command.template is None


async def test_a_missing_recipient_is_shown_in_the_modal(env: SlackEnvironment):
    """The platform only notifies companies."""
    sato = await deciding(env, subject="company")
    await sato.choose(await sato.modal(), "template", "line")
    await says(sato, "通知先がないため送りません。")


@pytest.mark.parametrize("timeouts", [replace(LONG_TIMEOUTS, case=0.05)])
async def test_a_case_that_does_not_answer_leaves_the_choice_as_it_is(env: SlackEnvironment):
    """The form can still be submitted, because the case has its reasons."""
    sato = await deciding(env)
    env.cases.thinking = asyncio.Event()
    await sato.choose(await sato.modal(), "template", "line")
    await env.background.drain(2)
    done = await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["mute_user"], "reason": "理由"}
    )
    assert done == {"ok": True}
    assert env.cases.clicks[0][1].command.template == "line"
