"""Modals `decide` and `reject` over real HTTP: opened and submitted."""

import json
from datetime import timedelta

import pytest

from deploy.sandbox.slack.blockkit.values import options_of
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, ROUTE, case
from tests.workflows.domain.builders import a_case, a_policy, follow, minutes, news
from workflows.domain.alerts import Subject
from workflows.domain.case.commands import Decide, Place, ProtectNow, Reject
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import PresetAction

REASON = "プロフィールと配信で計3回、LINE IDを提示"


async def open_(env: SlackEnvironment, user: str, button: str) -> Person:
    person = env.person(user)
    await person.press(await env.message(person, env.card()), button)
    await person.modal()
    return person


def offered(view: dict, block: str) -> list[str]:
    found = next(control for control in controls(view) if control.block_id == block)
    return [option["value"] for option in options_of(found.element)]


async def test_decide_opens_with_what_fits_the_case(env: SlackEnvironment):
    """Only actions for the case's subject are offered, dangerous ones last."""
    sato = await open_(env, "U0SATO", "case.decide")
    view = await sato.modal()
    assert offered(view, "verdict") == ["violation", "no_violation", "false_positive"]
    assert offered(view, "actions") == ["mute_user", "permanent_ban"]
    assert offered(view, "duration") == ["1h", "1d", "3d", "7d"]
    assert "keeps" not in {control.block_id for control in controls(view)}
    read = visible_text(view)
    assert (
        f"{CASE} · 外部誘導 · ユーザー u_123" in read or f"{CASE} · 外部誘導 · user u_123" in read
    )
    policy = next(control for control in controls(view) if control.block_id == "policy")
    assert policy.element["initial_option"]["value"] == "MKT-4.2"


async def test_only_actions_of_the_playbook_are_offered(env: SlackEnvironment):
    """`actions: [mute_user]`."""
    now = case()
    playbook = now.policy.playbook.model_copy(update={"actions": ("mute_user",)})
    policy = now.policy.model_copy(update={"playbook": playbook})
    env.cases.memories[ROUTE] = CaseSnapshot(case=now.model_copy(update={"policy": policy}))
    sato = await open_(env, "U0SATO", "case.decide")
    assert offered(await sato.modal(), "actions") == ["mute_user"]


def protected_case() -> Case:
    """A case with a warning, which stays after a violation, as its protection P1."""
    policy = a_policy(protect=[{"action": "warn", "for": "15m"}])
    now = follow(a_case(policy=policy), ProtectNow(rules=(0,)), minutes(0))
    now = follow(now, news(now, ActionStatus.DONE, "P1"), minutes(0.1))
    return now.model_copy(update={"id": CASE, "workflow_id": ROUTE, "version": 3})


@pytest.mark.parametrize("ticked", [("P1",), ()])
async def test_a_violation_keeps_the_ticked_protections(
    env: SlackEnvironment, ticked: tuple[str, ...]
):
    """All are ticked at first; an empty choice keeps none."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=protected_case())
    sato = await open_(env, "U0SATO", "case.decide")
    keeps = next(c for c in controls(await sato.modal()) if c.block_id == "keeps")
    assert [each["value"] for each in keeps.element["initial_options"]] == ["P1"]
    right = {"verdict": "violation", "actions": ["mute_user"], "reason": REASON}
    assert await sato.fill_and_submit({**right, "keeps": list(ticked)}) == {"ok": True}
    assert env.cases.clicks[0][1].command.keeps == ticked


async def test_dangers_and_approvals_are_said_before_they_are_chosen(env: SlackEnvironment):
    """An option's description has the danger and the approval."""
    sato = await open_(env, "U0SATO", "case.decide")
    actions = next(c for c in controls(await sato.modal()) if c.block_id == "actions")
    told = {o["value"]: o["description"]["text"] for o in options_of(actions.element)}
    assert told == {
        "mute_user": "最長 7日",
        "permanent_ban": "影響が大きい措置 · リード 1人の承認が必要",
    }


async def test_a_modal_speaks_its_readers_language(env: SlackEnvironment):
    """Emma's modal is English in a Japanese channel."""
    emma = await open_(env, "U0CLARK", "case.decide")
    view = await emma.modal()
    assert (view["title"]["text"], view["submit"]["text"]) == ("Decide", "Decide")
    assert "Off-platform inducement" in visible_text(view)


async def test_a_submission_decides_the_case(env: SlackEnvironment):
    """Verdict, actions, duration, rule and rationale are one command; the modal closes."""
    sato = await open_(env, "U0SATO", "case.decide")
    done = await sato.fill_and_submit(
        {
            "verdict": "violation",
            "actions": ["mute_user", "permanent_ban"],
            "duration": "3d",
            "reason": f"  {REASON}\n",
        }
    )
    assert done == {"ok": True}
    [(workflow_id, click)] = env.cases.clicks
    days = timedelta(days=3)
    assert (workflow_id, click.case) == (ROUTE, CASE)
    assert click.place == Place(channel="C0LIVE")
    assert click.command == Decide(
        by=Actor(id="U0SATO"),
        version=3,
        verdict=Verdict.VIOLATION,
        actions=(
            PresetAction(action="mute_user", for_=days),
            PresetAction(action="permanent_ban", for_=days),
        ),
        policy="MKT-4.2",
        reason=REASON,
    )
    assert await sato.views() == []


async def test_a_false_positive_needs_no_action(env: SlackEnvironment):
    """Without a violation the command has neither actions nor a rule."""
    sato = await open_(env, "U0SATO", "case.decide")
    await sato.fill_and_submit({"verdict": "false_positive", "reason": "店名でした"})
    command = env.cases.clicks[0][1].command
    assert (command.verdict, command.actions, command.policy) == ("false_positive", (), None)


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({"reason": " \n "}, {"reason": "判断理由を書いてください。"}),
        (
            {"actions": []},
            {"actions": "「違反」のときは、措置を1つ以上選んでください。"},
        ),
        (
            {"verdict": "no_violation"},
            {"actions": "措置を選べるのは「違反」のときだけです。選択を外してください。"},
        ),
    ],
)
async def test_errors_are_under_their_fields(env: SlackEnvironment, answers, errors):
    """Nothing is sent, and the input stays."""
    sato = await open_(env, "U0SATO", "case.decide")
    right = {"verdict": "violation", "actions": ["mute_user"], "reason": REASON}
    done = await sato.fill_and_submit({**right, **answers})
    assert done == {"ok": False, "errors": errors}
    assert env.cases.clicks == []
    assert len(await sato.views()) == 1


async def test_a_duration_over_an_actions_limit_is_refused_inline(env: SlackEnvironment):
    """Of two timed actions the stricter limit counts."""
    now = case()
    usual = now.policy.catalog.actions["mute_user"]
    timed = usual.timed.model_copy(update={"max": timedelta(hours=24)})
    strict = usual.model_copy(update={"timed": timed})
    catalog = now.policy.catalog.model_copy(
        update={"actions": {**now.policy.catalog.actions, "slow_user": strict}}
    )
    policy = now.policy.model_copy(update={"catalog": catalog})
    env.cases.memories[ROUTE] = CaseSnapshot(case=now.model_copy(update={"policy": policy}))
    sato = await open_(env, "U0SATO", "case.decide")
    done = await sato.fill_and_submit(
        {
            "verdict": "violation",
            "actions": ["mute_user", "slow_user"],
            "duration": "7d",
            "reason": REASON,
        }
    )
    assert done["errors"] == {"duration": "選んだ措置の期間は最長 24時間です。"}


async def test_input_survives_temporal_being_out_of_reach(env: SlackEnvironment):
    """The modal stays open with an error, and the next submission succeeds."""
    sato = await open_(env, "U0SATO", "case.decide")
    answers = {"verdict": "violation", "actions": ["mute_user"], "reason": REASON}
    env.cases.away = True
    done = await sato.fill_and_submit(answers)
    assert done["errors"] == {
        "reason": "いまは受け付けられませんでした。入力は残っています。もう一度送信してください。"
    }
    env.cases.away = False
    assert (await sato.fill_and_submit({}))["ok"] is True
    assert env.cases.clicks[0][1].command.reason == REASON


async def test_another_modal_makes_another_click(env: SlackEnvironment):
    """A submission's id depends on its modal and its content."""
    sato = await open_(env, "U0SATO", "case.decide")
    view = await sato.modal()
    sent = {"verdict": "violation", "actions": ["mute_user"], "reason": REASON}
    await sato.fill_and_submit(sent)
    env.workspace.views.stacks["U0SATO"] = [env.workspace.views.open("U0SATO", _content(view))]
    await sato.fill_and_submit({**sent, "reason": "別の理由"})
    first, second = (click.id for _, click in env.cases.clicks)
    assert first != second
    assert first.startswith(f"view/{view['id']}/")


def _content(view: dict) -> dict:
    names = ("type", "title", "submit", "close", "callback_id", "private_metadata", "blocks")
    return {name: view[name] for name in names}


async def test_reject_sends_its_reason(env: SlackEnvironment):
    """The command has the approver's reason."""
    reed = await open_(env, "U0REED", "approval.reject")
    done = await reed.fill_and_submit({"reason": "Evidence covers one message only"})
    assert done == {"ok": True}
    assert env.cases.clicks[0][1].command == Reject(
        by=Actor(id="U0REED"), version=3, reason="Evidence covers one message only"
    )


async def test_reject_without_a_reason_is_refused_inline(env: SlackEnvironment):
    """Whitespace is no reason."""
    reed = await open_(env, "U0REED", "approval.reject")
    done = await reed.fill_and_submit({"reason": "  "})
    assert done["errors"] == {"reason": "Please give a reason."}
    assert env.cases.clicks == []


async def test_decide_opens_although_no_worker_answers(env: SlackEnvironment):
    """Without the case every action of the policy is offered."""
    env.cases.away = True
    sato = await open_(env, "U0SATO", "case.decide")
    assert offered(await sato.modal(), "actions") == [
        "mute_user",
        "remove_listing",
        "permanent_ban",
    ]


async def test_a_closed_case_says_so_instead_of_opening(env: SlackEnvironment):
    """No modal opens, and the person gets a message."""
    env.cases.memories.clear()
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), "case.decide")
    told = await env.ephemeral(sato)
    assert told == f"ケース {CASE} はすでに完了しています。最新のカードを確認してください。"
    assert await sato.views() == []


async def test_a_modal_that_slack_does_not_open_is_reported(env: SlackEnvironment):
    """An expired trigger leads to an ephemeral message."""
    sato = env.person("U0SATO")
    card = await env.message(sato, env.card())
    env.workspace.triggers.clock = iter(range(0, 1_000, 500)).__next__
    await sato.press(card, "case.decide")
    assert await env.ephemeral(sato) == "画面を開けませんでした。もう一度押してください。"


async def test_hostile_subjects_stay_text_in_a_modal(env: SlackEnvironment):
    """A subject id neither mentions nor links."""
    now = case()
    hostile = Subject(type="user", id="<!channel> https://ex.com *x*")
    env.cases.memories[ROUTE] = CaseSnapshot(case=now.model_copy(update={"subject": hostile}))
    sato = await open_(env, "U0SATO", "case.decide")
    read = visible_text(await sato.modal())
    assert "&lt;!channel&gt; hxxps://ex[.]com ∗x∗" in read
    assert env.workspace.notifications == []


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "null",
        "{}",
        "x" * 3000,
        json.dumps(
            {"workflow_id": "enforcement/x", "case": CASE, "version": 1, "channel": "C0LIVE"}
        ),
    ],
)
async def test_forged_metadata_is_refused_with_the_input_kept(env: SlackEnvironment, metadata):
    """Metadata without a case sends nothing."""
    sato = await open_(env, "U0SATO", "approval.reject")
    [view] = env.workspace.views.stack("U0SATO")
    view.content["private_metadata"] = metadata
    done = await sato.fill_and_submit({"reason": "理由"})
    assert done["errors"]["reason"].startswith("この画面のケースを読み込めませんでした。")
    assert env.cases.clicks == []


async def test_a_fault_in_koban_keeps_the_modal_open(env: SlackEnvironment):
    """Slack shows its own error, and the input stays."""
    sato = await open_(env, "U0SATO", "approval.reject")
    env.cases.broken = True
    done = await sato.fill_and_submit({"reason": "理由"})
    assert done["ok"] is False
    assert len(await sato.views()) == 1
