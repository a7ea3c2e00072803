"""`/koban` over real HTTP, in Japanese and English."""

from datetime import timedelta

import pytest

from bot.services.cases import ActionLine, EventLine, Past, Story
from bot.services.lookups import Fact
from deploy.sandbox.slack.screen import controls
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, NOW, ROUTE, line
from workflows.domain.alerts import Subject
from workflows.domain.case.commands import AddNote, Watch
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Phase
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text

MUTE = Text(ja="コメント制限", en="Mute")


def story() -> Story:
    return Story(
        line=line(CASE, Severity.CRITICAL, phase=Phase.CLAIMED, owner="U0SATO"),
        alerts=213,
        decision_by="U0SATO",
        decision_title=Text(ja="24時間コメント制限", en="Mute 24 h"),
        decision_reason="配信で LINE ID を提示 https://ex.com",
        actions=(
            ActionLine(case=CASE, name="mute_user", title=MUTE, status=ActionStatus.VERIFIED),
        ),
        events=(
            EventLine(at=NOW - timedelta(minutes=5), kind="case_opened"),
            EventLine(at=NOW, kind="case_claimed", by="U0SATO"),
            EventLine(at=NOW, kind="from_the_future"),
        ),
    )


@pytest.mark.parametrize(
    ("user", "title", "line_"),
    [
        ("U0SATO", "*Koban の使い方*", "`/koban queue overdue` 期限超過のケース"),
        ("U0CLARK", "*How to use Koban*", "`/koban queue overdue` overdue cases"),
    ],
)
async def test_help_is_in_its_readers_language(env: SlackEnvironment, user, title, line_):
    """It lists every form, and the look-ups of the policy."""
    told = (await env.command(env.person(user), "/koban help")).splitlines()
    assert (told[0], line_ in told) == (title, True)
    assert [row for row in told if row.startswith("`/koban stream ID`")] != []


async def test_nothing_typed_is_help(env: SlackEnvironment):
    """An empty command shows the help."""
    assert (await env.command(env.person("U0SATO"), "/koban ")).startswith("*Koban の使い方*")


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("csae k7q2f9xm0", "`/koban case k7q2f9xm0`"),
        ("usr u_1", "`/koban user u_1`"),
        ("queue overdu", "`/koban queue overdue`"),
        ("overdue", "`/koban queue overdue`"),
        ("K7Q2F9XM0", "`/koban case K7Q2F9XM0`"),
        ("halp", "`/koban help`"),
    ],
)
async def test_a_typo_gets_the_nearest_form(env: SlackEnvironment, typed, nearest):
    """The suggestion can be typed unchanged."""
    told = await env.command(env.person("U0CLARK"), f"/koban {typed}")
    assert told.endswith(f"Did you mean {nearest}?")


async def test_nonsense_gets_help(env: SlackEnvironment):
    """Without a similar form the answer refers to the help."""
    told = await env.command(env.person("U0SATO"), "/koban ばなな")
    assert (
        told == "`/koban ばなな` というコマンドはありません。`/koban help` で使い方を確認できます。"
    )


async def test_hostile_text_is_escaped(env: SlackEnvironment):
    """The typed text is repeated without mentions, links or formatting."""
    told = await env.command(
        env.person("U0SATO"), "/koban `<!channel> <@U0TANAKA> https://ex.com *b*"
    )
    assert "&lt;!channel&gt; &lt;@" in told
    assert "hxxps://ex[.]com" in told
    assert env.workspace.notifications == []


@pytest.mark.parametrize("typed", ["case", "case 123", "user", f"user {'x' * 300}"])
async def test_an_impossible_id_gets_an_example(env: SlackEnvironment, typed):
    """An invalid id is answered with an example, without a look-up."""
    told = await env.command(env.person("U0SATO"), f"/koban {typed}")
    assert told.startswith("ID を指定してください（例: `/koban ")
    assert env.ledger.log == []


async def test_a_case_is_shown_whole(env: SlackEnvironment):
    """The answer has phase, assignee, due time, decision, actions, events and a card link."""
    env.ledger.stories[CASE] = story()
    told = await env.command(env.person("U0SUZUKI"), "/koban case ｋ7q2f9xmo")
    due = int((NOW + timedelta(minutes=10)).timestamp())
    assert f"*{CASE} · 外部誘導 · ユーザー u_123*" in told
    assert f"重大 · 対応中 · 担当 <@U0SATO> · 期限 <!date^{due}^" in told
    assert "検知 213件" in told
    assert "<@U0SATO>さんの判断: 24時間コメント制限" in told
    assert "判断理由「配信で LINE ID を提示 hxxps://ex[.]com」" in told
    assert "• コメント制限 · 実行済み（反映を確認）" in told
    assert "担当開始 · <@U0SATO>" in told
    assert "<https://koban-demo.slack.com/archives/C0LIVE/p1763900000000100|カードを開く>" in told


@pytest.mark.parametrize(
    ("user", "phase", "names"),
    [
        (
            "U0SATO",
            Phase.CLAIMED,
            ["evidence", "note", "watch", "handover", "snooze", "wait", "merge", "timeline"],
        ),
        ("U0SATO", Phase.ENFORCING, ["evidence", "note", "watch", "timeline"]),
        ("U0TANAKA", Phase.CLOSED, ["evidence", "note", "watch", "reopen", "timeline"]),
        ("U0SUZUKI", Phase.CLAIMED, ["evidence", "watch", "timeline"]),
        ("U0CLARK", Phase.ENFORCING, ["evidence", "note", "unwatch", "timeline"]),
    ],
)
async def test_a_looked_up_case_can_be_worked(env: SlackEnvironment, user, phase, names):
    """The buttons depend on case and role; an auditor can only view and watch."""
    watched = (
        EventLine(at=NOW, kind="case_unwatched", by="U0CLARK"),
        EventLine(at=NOW, kind="case_watched", by="U0CLARK"),
    )
    env.ledger.stories[CASE] = Story(
        line=line(CASE, phase=phase, workflow_id=ROUTE, version=7), alerts=1, events=watched
    )
    person = env.person(user)
    await env.command(person, f"/koban case {CASE}")
    [message] = await person.ephemerals("ts-live")
    assert [c.action_id for c in controls(message)] == [f"case.{name}" for name in names]
    assert {(c.block_id, c.element["value"]) for c in controls(message)} == {(ROUTE, f"{CASE}:7")}


async def test_a_button_of_a_look_up_reaches_the_case(env: SlackEnvironment):
    """Watch and note work from an ephemeral answer."""
    env.ledger.stories[CASE] = Story(line=line(CASE, workflow_id=ROUTE, version=3), alerts=1)
    sato = env.person("U0SATO")
    await env.command(sato, f"/koban case {CASE}")
    [message] = await sato.ephemerals("ts-live")
    await sato.press(message, "case.watch")
    await sato.press(message, "case.note")
    await sato.fill_and_submit({"note": "3件目"})
    by = Actor(id="U0SATO")
    assert [(workflow_id, click.command) for workflow_id, click in env.cases.clicks] == [
        (ROUTE, Watch(by=by, version=3)),
        (ROUTE, AddNote(by=by, version=3, note="3件目")),
    ]


async def test_an_unknown_case_gets_a_sentence(env: SlackEnvironment):
    """The id is repeated, so that a typing error is visible."""
    told = await env.command(env.person("U0CLARK"), "/koban case K00000000")
    assert told == "No case K00000000. Please check the ID."


async def test_a_user_is_shown_with_personal_data_masked(env: SlackEnvironment):
    """The answer has the platform's fields, prior actions and cases."""
    env.platform.facts["user:u_1"] = (
        Fact(title=Text(ja="状態", en="Status"), value="active"),
        Fact(title=Text(ja="メール", en="E-mail"), value="aiko@example.com", personal=True),
        Fact(title=Text(ja="氏名", en="Name"), value="山田愛子", personal=True),
    )
    env.ledger.pasts["user:u_1"] = Past(
        cases=(line("K11111111", phase=Phase.CLOSED, verdict=Verdict.VIOLATION),),
        actions=(
            ActionLine(case="K11111111", name="mute_user", title=MUTE, status=ActionStatus.LIFTED),
        ),
    )
    told = await env.command(env.person("U0CLARK"), "/koban user u_1")
    assert "Status: active" in told
    assert "E-mail: a∗∗∗@…" in told
    assert "aiko" not in told
    assert "愛子" not in told
    assert "*1 past action*\n• Mute · Expired and lifted · K11111111" in told
    assert "|K11111111> · Off-platform inducement · Violation" in told


async def test_cases_that_name_a_subject_as_related_follow_its_own(env: SlackEnvironment):
    """Each says what it is about."""
    env.ledger.pasts["stream:s_9"] = Past(cases=(line("K11111111"),))
    env.ledger.namings["stream:s_9"] = (
        line("K22222222", subject=Subject(type="user", id="u_123")),
    )
    told = await env.command(env.person("U0CLARK"), "/koban stream s_9")
    title, own, naming = told.splitlines()[-3:]
    assert title == "*2 cases*"
    assert "K11111111" in own
    assert "related" not in own
    assert "K22222222" in naming
    assert naming.endswith(" · named as related to User u_123")


async def test_a_look_up_is_recorded_before_anything_is_read(env: SlackEnvironment):
    """The record has both people and the reason."""
    await env.command(env.person("U0SUZUKI"), "/koban user u 1/../2")
    [note] = env.ledger.notes
    assert (note.actor, note.at) == ("U0SUZUKI", NOW)
    assert (note.subject_type, note.subject_id) == ("user", "u 1/../2")
    assert note.why == "/koban user in C0LIVE"
    assert env.ledger.log == ["looked_up", "past", "naming"]
    assert env.platform.asked == ["user:u 1/../2"]


async def test_nothing_is_shown_without_a_record(env: SlackEnvironment):
    """Without the ledger the look-up is refused."""
    env.ledger.away = True
    told = await env.command(env.person("U0SATO"), "/koban user u_1")
    assert told == "いまは照会できません。少し待って、もう一度試してください。"
    assert env.platform.asked == []


@pytest.mark.parametrize("typed", ["user u_1", "case K7Q2F9XM0", "queue"])
async def test_only_people_with_a_role_look_things_up(env: SlackEnvironment, typed):
    """Other people get a sentence and no data."""
    env.people.roles_of.clear()
    told = await env.command(env.person("U0CLARK"), f"/koban {typed}")
    assert told.startswith("Only Trust &amp; Safety members can look things up.")
    assert (env.ledger.log, env.platform.asked) == ([], [])


async def test_the_past_is_shown_although_the_platform_is_away(env: SlackEnvironment):
    """The ledger's data does not need the platform."""
    env.platform.away = True
    told = await env.command(env.person("U0SATO"), "/koban listing m_77")
    assert "プラットフォームが応答しないため、Koban の記録だけを表示しています。" in told
    assert "*過去の措置 0件*" in told


QUEUE = (
    line("K0000000A", Severity.MEDIUM, due_in=5, owner="U0SATO"),
    line("K0000000B", Severity.CRITICAL, due_in=60, owner="U0CLARK"),
    line("K0000000C", Severity.HIGH, due_in=-7, phase=Phase.OPEN),
    line(
        "K0000000D",
        Severity.HIGH,
        due_in=20,
        phase=Phase.AWAITING_APPROVAL,
        decider="U0TANAKA",
        owner="U0TANAKA",
        approvers=["lead"],
        barred=["U0TANAKA"],
    ),
)


@pytest.mark.parametrize(
    ("typed", "title", "ids"),
    [
        ("queue", "未完了のケース 4件", ["K0000000B", "K0000000C", "K0000000D", "K0000000A"]),
        ("queue mine", "あなたの担当 1件", ["K0000000A"]),
        ("ｑｕｅｕｅ　ＯＶＥＲＤＵＥ", "期限超過 1件", ["K0000000C"]),
        ("queue approvals", "承認待ち 1件", ["K0000000D"]),
    ],
)
async def test_the_queue_is_severest_first_then_soonest(env: SlackEnvironment, typed, title, ids):
    """Each row has a link to its card."""
    env.ledger.lines = QUEUE
    told = await env.command(env.person("U0SATO"), f"/koban {typed}")
    assert told.startswith(f"*{title}*")
    assert [row.split("|")[1][:9] for row in told.splitlines() if "archives" in row] == ids


async def test_what_is_overdue_is_marked(env: SlackEnvironment):
    """Only the overdue case has the mark."""
    env.ledger.lines = QUEUE
    told = await env.command(env.person("U0SATO"), "/koban queue")
    marked = [row for row in told.splitlines() if row.endswith(" · *期限超過*")]
    assert len(marked) == 1
    assert marked[0].startswith("未対応 · 担当 未定 · 期限 ")


async def test_a_long_queue_says_how_much_is_left_out(env: SlackEnvironment):
    """It shows twenty cases and the number of the others."""
    env.ledger.lines = tuple(line(f"K{number:08d}") for number in range(33))
    told = await env.command(env.person("U0CLARK"), "/koban queue")
    assert told.startswith("*33 open cases*")
    assert told.endswith("and 13 more")


async def test_an_empty_queue_is_one_sentence(env: SlackEnvironment):
    """There is no list."""
    told = await env.command(env.person("U0SATO"), "/koban queue overdue")
    assert told == "期限超過のケースはありません。"


async def test_a_command_is_acknowledged_before_the_answer_is_known(env: SlackEnvironment):
    """A slow look-up does not delay the ack, which has no body."""
    env.ledger.lines = QUEUE
    await env.command(env.person("U0SATO"), "/koban queue")
    [delivery] = env.workspace.deliveries
    assert (delivery.kind, delivery.status) == ("command", 200)
    assert env.workspace.calls["chat.postEphemeral"] == 0
