"""Bulk decision over real HTTP: its modal, and the list of its subjects."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.sandbox.slack.blockkit.values import options_of
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, NOW, ROUTE, case
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.case.commands import DecideBulk, Place, StopBulk
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Actor
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.limits import Full, Limits, Power
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import PresetAction
from workflows.domain.values import Text

REASON = "同じ端末から登録された業者"
FIELDS = {"sources": ["device"], "actions": ["mute_user"], "reason": REASON}


def bulk_case(**more: object) -> Case:
    """A case whose playbook allows bulk decisions."""
    now = case()
    playbook = now.policy.playbook.model_copy(update={"bulk": True})
    policy = now.policy.model_copy(update={"playbook": playbook})
    return now.model_copy(update={"policy": policy, **more})


async def pressed(env: SlackEnvironment, user: str = "U0SATO", button: str = "case.bulk") -> Person:
    """A person who clicked the bulk entry of such a card."""
    env.cases.memories.setdefault(ROUTE, CaseSnapshot())
    if env.cases.memories[ROUTE].case == case():
        env.cases.memories[ROUTE] = CaseSnapshot(case=bulk_case())
    person = env.person(user)
    await person.press(await env.message(person, env.card()), button)
    return person


async def showing(person: Person, text: str) -> dict:
    """The modal, once it contains this text."""

    async def look() -> dict | None:
        return next((v for v in await person.views() if text in visible_text(v)), None)

    return await person.until(look, what=f"{text} in the modal")


async def opened(
    env: SlackEnvironment, user: str = "U0SATO", first: str = "「影響を確認」"
) -> Person:
    """A person with the modal open and its look-ups counted."""
    person = await pressed(env, user)
    await showing(person, first)
    return person


def offered(view: dict, block: str) -> list[str]:
    found = next(control for control in controls(view) if control.block_id == block)
    return [option["text"]["text"] for option in options_of(found.element)]


async def test_it_opens_before_its_look_ups_answer(env: SlackEnvironment):
    """A trigger is valid for 3 s; a platform can take longer."""
    env.bulk_decisions.gate = asyncio.Event()
    sato = await pressed(env)
    assert "対象を調べています…" in visible_text(await sato.modal())
    env.bulk_decisions.gate.set()
    view = await showing(sato, "「影響を確認」")
    assert offered(view, "sources")[0] == "同じ端末（59件）"
    assert offered(view, "actions") == ["コメント制限", "商品削除", "強制退会"]


async def test_a_look_up_that_does_not_answer_can_still_be_chosen(env: SlackEnvironment):
    """The option says that its count is unknown."""
    env.bulk_decisions.away = True
    sato = await opened(env)
    assert offered(await sato.modal(), "sources")[0] == "同じ端末（件数不明）"


async def test_the_reach_is_shown_before_anything_is_sent(env: SlackEnvironment):
    """The first submission is a preview; the second one, with the same choice, decides."""
    sato = await opened(env)
    assert await sato.fill_and_submit({**FIELDS, "duration": "3d"}) == {"ok": True}
    view = await showing(sato, "60件に実行します")
    assert "影響: 対象 60件 · 措置中 4件 · フォロワー 1,240" in visible_text(view)
    assert "リードの承認後に実行します。" in visible_text(view)
    assert view["submit"]["text"] == "判断する"
    assert env.cases.clicks == []
    assert await sato.fill_and_submit({}) == {"ok": True}
    [(workflow_id, click)] = env.cases.clicks
    assert workflow_id == ROUTE
    assert click.place == Place(channel="C0LIVE")
    assert click.command == DecideBulk(
        by=Actor(id="U0SATO"),
        version=3,
        sources=("device",),
        actions=(PresetAction(action="mute_user", for_=timedelta(days=3)),),
        reason=REASON,
        seen=60,
    )
    assert await sato.views() == []


HOUR = timedelta(hours=1)
LIMITS = Limits.model_validate(
    {
        "approval": {"by": "lead", "within": "30m"},
        "bulk": 100,
        "velocity": {"actions": 90, "within": "10m"},
        "people": {"decisions": {"most": 100, "within": "1h"}},
    }
)
REACHED = Full(power=Power.DECISIONS, holder="U0SATO", most=100, within=HOUR, used=80)


def limited(env: SlackEnvironment) -> None:
    """Gives these limits to the case and to today's policy."""
    env.policies.today = LIMITS
    now = bulk_case()
    policy = now.policy.model_copy(update={"limits": LIMITS})
    limited_case = now.model_copy(update={"policy": policy})
    env.cases.memories[ROUTE] = CaseSnapshot(case=limited_case)


@pytest.mark.parametrize(
    ("resets", "user", "first", "words"),
    [
        (
            40,
            "U0SATO",
            "「影響を確認」",
            "⚠️ 60件は違反の判断の上限（1時間に100件、残り20件）を超えるため、判断しても"
            "実行しません。対象を減らすか、ほかの担当者に依頼するか、41分後に判断してください。",
        ),
        (
            None,
            "U0CLARK",
            "“Check impact”",
            "⚠️ These 60 subjects exceed the limit of 100 decisions in 1 hour (20 left), so a "
            "decision would be refused: choose fewer subjects.",
        ),
    ],
)
async def test_a_choice_above_the_persons_limit_says_so_before_it_is_sent(
    env: SlackEnvironment, resets: int | None, user: str, first: str, words: str
):
    """The preview asks the ledger and books nothing; the case refuses what is sent all the same."""
    limited(env)
    at = None if resets is None else NOW + timedelta(minutes=resets)
    env.limits.full = REACHED.model_copy(update={"resets_at": at})
    person = await opened(env, user, first)
    assert await person.fill_and_submit(FIELDS) == {"ok": True}
    view = await showing(person, words)
    assert "60件に実行します" not in visible_text(view)
    assert "This decides for 60 subjects." not in visible_text(view)
    assert "1,240" in visible_text(view)
    assert (env.cases.clicks, env.limits.bookings) == ([], [])
    uses = [(u.power, u.holder, u.amount, u.most) for u in env.limits.previews[-1].uses]
    assert uses == [(Power.DECISIONS, user, 60, 100), (Power.ACTIONS, user, 60, None)]
    await person.fill_and_submit({})
    assert env.cases.clicks[0][1].command.seen == 60


async def test_after_fewer_subjects_the_choice_can_be_decided(env: SlackEnvironment):
    """The input stays, and another preview asks again."""
    limited(env)
    env.limits.full = REACHED
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    await showing(sato, "対象を減らしてください。")
    env.limits.full = None
    await sato.fill_and_submit({"sources": [], "ids": "u_900"})
    view = await showing(sato, "2件に実行します")
    assert "リードの承認後" not in visible_text(view)
    await sato.fill_and_submit({})
    assert env.cases.clicks[0][1].command.seen == 2


async def test_a_preview_above_the_budget_of_actions_names_the_approval(env: SlackEnvironment):
    """`velocity` counts the person's earlier actions as well."""
    limited(env)
    env.limits.totals = {Power.ACTIONS: 91}
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    assert "リードの承認後に実行します。" in visible_text(await showing(sato, "60件に実行します"))


async def test_a_preview_without_the_ledger_has_the_impact(env: SlackEnvironment):
    """The case compares again when the decision comes."""
    limited(env)
    env.limits.away = True
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    view = await showing(sato, "60件に実行します")
    assert view["submit"]["text"] == "判断する"


FRAME = Text(ja="措置: {actions}\nルール: {rule}", en="Measure: {actions}\nRule: {rule}")


def with_notices(env: SlackEnvironment, subject: str = "user", **playbook: object) -> None:
    """Gives the case a platform with notices to subjects of a type."""
    now = bulk_case()
    call = NoticeCall(path="/v1/users/{subject.id}/notices", subject=subject)
    changed = now.policy.playbook.model_copy(update=playbook)
    text = NoticeText(call=call, frame=FRAME)
    policy = now.policy.model_copy(update={"notice_text": text, "playbook": changed})
    env.cases.memories[ROUTE] = CaseSnapshot(case=now.model_copy(update={"policy": policy}))


async def test_the_preview_has_the_notices_and_their_number(env: SlackEnvironment):
    """The text is that of the first subject, with the chosen measures."""
    with_notices(env)
    sato = await opened(env)
    await sato.fill_and_submit({**FIELDS, "duration": "3d"})
    shown = visible_text(await showing(sato, "60件に実行します"))
    assert "本人への通知（60件、例: ユーザー u_123）" in shown
    assert "措置: コメント制限（3日）" in shown
    assert "Measure: Mute (3 days)" in shown
    await sato.fill_and_submit({"actions": ["permanent_ban"]})
    shown = visible_text(await showing(sato, "措置: 強制退会"))
    assert "コメント制限（3日）" not in shown
    assert env.cases.clicks == []
    assert await sato.fill_and_submit({}) == {"ok": True}
    [(_, click)] = env.cases.clicks
    assert click.command.actions[0].action == "permanent_ban"


@pytest.mark.parametrize(
    ("subject", "playbook", "words"),
    [
        ("seller", {}, "本人への通知は、通知先がないため送りません。"),
        (
            "user",
            {"no_notice": Text(ja="捜査中のため", en="It is being investigated")},
            "本人には通知しません。理由: 捜査中のため",
        ),
    ],
)
async def test_the_preview_says_why_there_is_no_notice(
    env: SlackEnvironment, subject: str, playbook: dict, words: str
):
    """The subjects have no addressee, or policy has a reason."""
    with_notices(env, subject, **playbook)
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    shown = visible_text(await showing(sato, "60件に実行します"))
    assert words in shown
    assert "措置: " not in shown


async def test_a_dry_run_previews_no_notice(env: SlackEnvironment):
    """None will be sent."""
    with_notices(env, dry_run=True)
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    assert "通知" not in visible_text(await showing(sato, "60件に実行します"))


async def test_another_choice_is_shown_again(env: SlackEnvironment):
    """A changed choice needs another preview."""
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    await showing(sato, "60件に実行します")
    assert await sato.fill_and_submit({"ids": "u_900, u_901\nu_900"}) == {"ok": True}
    await showing(sato, "62件に実行します")
    assert env.cases.clicks == []
    assert env.bulk_decisions.gathered[-1] == ("u_900", "u_901")
    await sato.fill_and_submit({"reason": "別の理由"})
    assert env.cases.clicks[0][1].command.seen == 62


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        (
            {"sources": ["seller"]},
            {
                "sources": "選んだ抽出条件では、この措置の対象は見つかりません: "
                "<!channel> *太字* hxxps://evil[.]example"
            },
        ),
        (
            {"actions": ["mute_user", "remove_listing"]},
            {"actions": "対象の種類が異なる措置は、一緒に選べません。"},
        ),
        ({"ids": "u\u202e1"}, {"ids": "ID として使えない文字があります: u\ufffd1"}),
    ],
)
async def test_errors_are_under_their_fields(env: SlackEnvironment, answers, errors):
    """Nothing is looked up or sent, and the input stays."""
    sato = await opened(env)
    done = await sato.fill_and_submit({**FIELDS, **answers})
    assert done == {"ok": False, "errors": errors}
    assert env.bulk_decisions.gathered == []
    assert env.cases.clicks == []


async def test_too_many_are_refused_inline(env: SlackEnvironment):
    """The error has the number."""
    env.bulk_decisions.members = 1200
    sato = await opened(env)
    done = await sato.fill_and_submit(FIELDS)
    assert done["errors"] == {
        "sources": "一括で判断できるのは1,000件までです（現在 1,200件）。対象を減らしてください。"
    }
    assert env.cases.clicks == []


async def test_a_platform_that_is_away_keeps_the_input(env: SlackEnvironment):
    """This holds before the ack and during the calculation of the impact."""
    sato = await opened(env)
    env.bulk_decisions.away = True
    done = await sato.fill_and_submit(FIELDS)
    assert done["errors"]["reason"].startswith("プラットフォームが応答しません。")
    env.bulk_decisions.away, env.bulk_decisions.blind = False, True
    await sato.fill_and_submit({})
    view = await showing(sato, "プラットフォームが応答しません。")
    assert view["submit"]["text"] == "影響を確認"
    env.bulk_decisions.blind = False
    await sato.fill_and_submit({})
    await showing(sato, "60件に実行します")
    assert env.cases.clicks == []


@pytest.mark.parametrize("timeouts", [replace(LONG_TIMEOUTS, impact=0.1)])
async def test_a_slow_impact_follows_later(env: SlackEnvironment):
    """Slack gets its ack in time, and the modal is updated later."""
    sato = await opened(env)
    env.bulk_decisions.slow = asyncio.Event()
    assert await sato.fill_and_submit(FIELDS) == {"ok": True}
    view = await showing(sato, "影響を集計しています…")
    assert view["submit"]["text"] == "影響を確認"
    env.bulk_decisions.slow.set()
    view = await showing(sato, "60件に実行します")
    assert view["submit"]["text"] == "判断する"
    await sato.fill_and_submit({})
    assert env.cases.clicks[0][1].command.seen == 60


async def test_a_case_that_is_decided_says_so(env: SlackEnvironment):
    """The sentence appears in the open modal."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=bulk_case(phase=Phase.ENFORCING))
    sato = await pressed(env)
    await showing(sato, f"ケース {CASE} はすでに完了しています。")


async def test_a_playbook_without_bulk_says_so(env: SlackEnvironment):
    """An old card may still have the entry."""
    env.cases.memories[ROUTE] = CaseSnapshot(case=case().model_copy(update={"version": 4}))
    sato = await pressed(env)
    await showing(sato, "この種類のケースでは、一括で判断できません。")


async def test_a_case_out_of_reach_says_so(env: SlackEnvironment):
    """The subject is unknown without the case."""
    env.cases.away = True
    sato = await pressed(env)
    await showing(sato, "いまは受け付けられませんでした。")


async def test_input_survives_temporal_being_out_of_reach(env: SlackEnvironment):
    """The submission succeeds once Temporal is back."""
    sato = await opened(env)
    await sato.fill_and_submit(FIELDS)
    await showing(sato, "60件に実行します")
    env.cases.away = True
    assert (await sato.fill_and_submit({}))["ok"] is False
    env.cases.away = False
    assert (await sato.fill_and_submit({}))["ok"] is True
    assert len(env.cases.clicks) == 1


@pytest.mark.parametrize(
    "metadata", ["", "null", "{}", json.dumps({"workflow_id": "x", "case": CASE})]
)
async def test_forged_metadata_is_refused_with_the_input_kept(env: SlackEnvironment, metadata):
    """Metadata without a case sends nothing."""
    sato = await opened(env)
    [view] = env.workspace.views.stack("U0SATO")
    view.content["private_metadata"] = metadata
    done = await sato.fill_and_submit(FIELDS)
    assert done["errors"]["reason"].startswith("この画面のケースを読み込めませんでした。")
    assert env.cases.clicks == []


async def test_an_english_reader_reads_english(env: SlackEnvironment):
    """The English modal has the same content."""
    clark = await opened(env, "U0CLARK", "“Check impact”")
    await clark.fill_and_submit(FIELDS)
    view = await showing(clark, "This decides for 60 subjects.")
    assert "Affects: 60 subjects · 4 already under action · Followers 1,240" in visible_text(view)


async def test_the_list_has_pages_and_escapes_ids(env: SlackEnvironment):
    """A page has 25 subjects, failed ones first."""
    tanaka = await pressed(env, "U0TANAKA", "bulk.list")
    view = await showing(tanaka, "対象 60件中 1–25件目")
    assert "失敗" in visible_text(view)
    assert "https://" not in visible_text(view)
    await tanaka.press(view, "次へ")
    view = await showing(tanaka, "対象 60件中 26–50件目")
    await tanaka.press(view, "次へ")
    view = await showing(tanaka, "対象 60件中 51–60件目")
    assert [control.label for control in controls(view)] == ["前へ"]
    assert [note.why for note in env.ledger.notes] == [
        "bulk, page 1",
        "bulk, page 2",
        "bulk, page 3",
    ]
    assert env.workspace.notifications == []


async def test_a_person_without_a_role_sees_no_list(env: SlackEnvironment):
    """Account ids are for team members only."""
    env.people.roles_of["U0TANAKA"] = set()
    tanaka = await pressed(env, "U0TANAKA", "bulk.list")
    refused = (
        "この操作ができるのは管理者か監査担当かリードかスペシャリストです"
        "（<@U0SUZUKI>、<@U0REED>、<@U0CLARK> ほか1人）。必要なときは依頼してください。"
    )
    assert refused in visible_text(await showing(tanaka, "この操作ができるのは"))
    assert env.ledger.notes == []


async def test_stop_is_stored_like_every_press(env: SlackEnvironment):
    """The command is stored before the ack."""
    await pressed(env, "U0CLARK", "bulk.stop")
    assert env.cases.clicks[0][1].command == StopBulk(by=Actor(id="U0CLARK"), version=3)
