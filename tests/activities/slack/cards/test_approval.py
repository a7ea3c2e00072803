"""Approval card: everything that the approver needs."""

from activities.slack.blocks import Message
from activities.slack.cards.approval import approval_card
from tests.activities.slack.cases import (
    CASE,
    MUTE,
    REVIEWS,
    ROUTE,
    SATO,
    TANAKA,
    Story,
    catalog,
    policy,
)
from tests.activities.slack.drawn import faults, pressable, reader, seen, spoken
from tests.activities.slack.situations import REFUSED, protected, reviewed, undo_asked
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.view import view_of
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.values import Language

LINK = "https://koban-demo.slack.com/archives/C0LIVE/p1"


def request(story: Story, language: Language = Language.JA) -> Message:
    view = view_of(story.case)
    assert view.approval is not None
    assert view.decision is not None
    return approval_card(view, view.approval, view.decision, reader(language), LINK)


def test_a_request_reads_from_top_to_bottom() -> None:
    """Approvers, decider, actions, reason, evidence and deadline come in this order."""
    drawn = request(Story().ban_asked())
    assert faults(drawn) == []
    assert "\n".join(seen(drawn)).split("\n") == [
        "承認依頼 · 重大 · 外部誘導 · K7Q2F9XM0",
        "<!subteam^S0LEAD> 佐藤さんの判断です。承認をお願いします。",
        "ユーザー u_123: LINEへの誘導（配信 s_9、出品 m_77）",
        "*佐藤さんの判断: 強制退会（<https://rules.example/4.2|MKT-4.2>）*",
        "• 強制退会（ユーザー u_123）",
        "プロフィールと配信で計3回、LINE IDを提示",
        "スコア 0.97 · 視聴者 1,240人",
        "LINE ID ください hxxps://ex[.]com/a",
        "承認すると実行し、却下すると差し戻します。",
        "影響範囲: 対象 1件 · 措置 1件 · 視聴者 1,240人",
        "承認 0/1 · 期限 12:36 · 期限後は実行しません",
        f"チャンネル #ts-live · <{LINK}|ケースを開く>",
        "[承認する] [却下する…] [質問する…] [検知内容を見る]",
    ]


def test_a_screen_reader_hears_the_request() -> None:
    """The text has whole sentences in both languages."""
    story = Story().ban_asked()
    assert spoken(request(story)) == (
        "佐藤さんが「強制退会」の承認を依頼しています。"
        "ユーザー u_123: LINEへの誘導（配信 s_9、出品 m_77）。期限は 12:36 です。"
    )
    assert spoken(request(story, Language.EN)) == (
        "佐藤 asks for approval of “Permanent ban”. "
        "User u_123: Moved the buyer to LINE (Stream s_9, Listing m_77). Due 12:36."
    )


def test_what_cannot_be_undone_is_marked() -> None:
    """An irreversible action has a mark."""
    forfeit = cmd.Decide(
        by=SATO,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": "permanent_ban"}, {"action": "forfeit_payout"}),  # type: ignore[arg-type]
        reason="x",
    )
    lines = "\n".join(seen(request(Story().then(forfeit, 3)))).split("\n")
    assert lines[4:6] == [
        "• 強制退会（ユーザー u_123）",
        "• 売上没収（ユーザー u_123） · ⚠️ 取り消せません",
    ]


def test_its_buttons_know_the_case() -> None:
    """Approve asks for confirmation; reject, ask and evidence open a modal."""
    drawn = request(Story().ban_asked())
    approve, reject, ask, look = pressable(drawn)
    assert (approve["action_id"], approve["style"]) == ("approval.approve", "primary")
    assert approve["confirm"]["text"]["text"] == "ユーザー u_123 に「強制退会」を行います。"
    assert (reject["action_id"], reject["value"]) == ("approval.reject", f"{CASE}:4")
    assert (ask["action_id"], ask["value"]) == ("approval.ask", f"{CASE}:4")
    assert (look["action_id"], look["value"]) == ("case.evidence", f"{CASE}:4")
    assert drawn.blocks[-1]["block_id"] == ROUTE


def test_an_ended_request_says_how_and_asks_nothing() -> None:
    """It has person and time, no buttons and no mentions."""
    for story, said in [
        (Story().ban_asked().approved(), "*12:08 田中さんが承認しました。*"),
        (Story().ban_asked().rejected(), "*12:08 田中さんが却下しました。*"),
        (
            Story().ban_asked().then(cmd.Tick(), 40),
            "*12:43 期限までに承認されませんでした。実行していません。*",
        ),
        (
            Story().ban_asked().then(cmd.Withdraw(by=SATO), 6),
            "*12:09 佐藤さんが依頼を取り下げました。*",
        ),
        (reviewed().rejected(), "*12:08 田中さんが却下しました。*"),
        (
            reviewed().then(cmd.Tick(), 40),
            "*12:43 期限までに事後承認されませんでした。措置を取り消します。*",
        ),
        (
            undo_asked().then(cmd.Tick(), 60),
            "*13:03 期限までに承認されませんでした。措置はそのまま残ります。*",
        ),
        (
            Story(policy=REVIEWS)
            .muted()
            .reported(MUTE, ActionStatus.FAILED, 4, REFUSED)
            .then(cmd.GiveUp(by=SATO), 5),
            "*12:08 この依頼は終了しました。最新の内容はケースで確認してください。*",
        ),
    ]:
        drawn = request(story)
        assert said in seen(drawn)
        assert pressable(drawn) == []
        assert "<!subteam" not in str(drawn)
        assert faults(drawn) == []


def words(drawn: Message) -> list[str]:
    """Title, request, and everything after the decision except facts and evidence."""
    assert faults(drawn) == []
    lines = "\n".join(seen(drawn)).split("\n")
    shared = ("ユーザー u_123: ", "User u_123: ", "スコア", "Score", "LINE ID")
    return [line for line in lines if not line.startswith(shared)]


def test_a_review_shows_what_was_done_already() -> None:
    """The card has the actions in effect and the consequence of each answer."""
    assert words(request(reviewed())) == [
        "事後承認の依頼 · 重大 · 外部誘導 · K7Q2F9XM0",
        "<!subteam^S0LEAD> 佐藤さんの判断を先に実行しました。事後承認をお願いします。",
        "*佐藤さんの判断: 24時間コメント制限（<https://rules.example/4.2|MKT-4.2>）*",
        "✅ コメント制限 24時間（ユーザー u_123）: 実行済み（反映を確認）",
        "承認するとそのまま残し、却下すると措置を取り消します。",
        "影響範囲: 対象 1件 · 措置 1件 · 視聴者 1,240人",
        "承認 0/1 · 期限 12:21 · 期限後は措置を取り消します",
        f"チャンネル #ts-live · <{LINK}|ケースを開く>",
        "[承認する] [却下する…] [質問する…] [検知内容を見る]",
    ]
    english = request(reviewed(), Language.EN)
    assert words(english)[:2] == [
        "Sign-off needed · Critical · Off-platform inducement · K7Q2F9XM0",
        "<!subteam^S0LEAD> 佐藤’s decision is already carried out. Please sign off.",
    ]
    assert words(english)[4:7] == [
        "Approve to keep it; reject to undo the actions.",
        "Affects: 1 subject · 1 action · 1,240 viewers",
        "Approvals 0/1 · Due 12:21 · If no one replies: undone",
    ]
    approve = pressable(request(reviewed()))[0]
    assert approve["confirm"]["text"]["text"] == (
        "実行済みの「24時間コメント制限」（ユーザー u_123）をそのまま残します。"
    )


def test_an_undo_shows_what_would_be_taken_back() -> None:
    """The requester of an undo can differ from the decider."""
    story = undo_asked()
    assert words(request(story)) == [
        "取り消しの承認依頼 · 重大 · 外部誘導 · K7Q2F9XM0",
        "<!subteam^S0LEAD> 佐藤さんが措置の取り消しを依頼しています。承認をお願いします。",
        "*佐藤さんの判断: 24時間コメント制限（<https://rules.example/4.2|MKT-4.2>）*",
        "• コメント制限 24時間（ユーザー u_123）",
        "承認すると措置を取り消し、却下するとそのまま残します。",
        "影響範囲: 対象 1件 · 措置 1件 · 視聴者 1,240人",
        "承認 0/1 · 期限 12:42 · 期限後は取り消しません",
        f"チャンネル #ts-live · <{LINK}|ケースを開く>",
        "[承認する] [却下する…] [質問する…] [検知内容を見る]",
    ]
    assert spoken(request(story, Language.EN)) == (
        "佐藤 asks for approval to undo “Mute 24 h”. "
        "User u_123: Moved the buyer to LINE (Stream s_9, Listing m_77). Due 12:42."
    )


def test_an_open_question_is_on_the_card_and_pauses_the_deadline() -> None:
    """Only one question can be open."""
    drawn = request(Story().ban_asked().asked())
    assert words(drawn)[5:] == [
        "*田中さんからの質問* · 回答待ち（12:38 まで）",
        "配信外の証拠はありますか?",
        "承認すると実行し、却下すると差し戻します。",
        "影響範囲: 対象 1件 · 措置 1件 · 視聴者 1,240人",
        "承認 0/1 · 期限のカウントは停止中 · 期限後は実行しません",
        f"チャンネル #ts-live · <{LINK}|ケースを開く>",
        "[承認する] [却下する…] [検知内容を見る]",
    ]
    assert words(request(Story().ban_asked().asked(), Language.EN))[5:7] == [
        "*Question from 田中* · waiting for a reply until 12:38",
        "配信外の証拠はありますか?",
    ]


def test_the_answer_takes_the_place_of_the_question() -> None:
    """The deadline resumes with the remaining time."""
    story = (
        Story()
        .ban_asked()
        .asked()
        .then(cmd.AnswerApprover(by=SATO, answer="DMの写しがあります"), 9)
    )
    drawn = words(request(story))
    assert drawn[5:9] == [
        "*田中さんの質問*",
        "配信外の証拠はありますか?",
        "*佐藤さんの回答*",
        "DMの写しがあります",
    ]
    assert drawn[11] == "承認 0/1 · 期限 12:40 · 期限後は実行しません"
    assert drawn[-1] == "[承認する] [却下する…] [質問する…] [検知内容を見る]"


def test_a_cover_is_named_with_the_covered_person() -> None:
    """One of two approvals is given through a cover."""
    twice = catalog("permanent_ban", approval={"by": "lead", "quorum": 2, "within": "30m"})
    until = Story().case.clock.decide
    cover = Cover(role=Role.LEAD, person="U0REED", until=until)
    stand_in = Actor(id="U0SATO", roles=frozenset({Role.SPECIALIST}), covers=(cover,))
    clark = Actor(id="U0CLARK", roles=frozenset({Role.SPECIALIST}))
    decided = cmd.Decide(
        by=clark,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": "permanent_ban"},),  # type: ignore[arg-type]
        reason="x",
    )
    story = Story(policy=policy(twice)).then(decided, 3).then(cmd.Approve(by=stand_in), 5)
    assert words(request(story))[7] == (
        "承認 1/2 · 期限 12:36 · 期限後は実行しません · 佐藤さんがU0REEDさんの代理で承認しました"
    )
    story.then(cmd.Approve(by=TANAKA), 6)
    assert "*12:09 佐藤さんがU0REEDさんの代理で承認しました、田中さんが承認しました。*" in seen(
        request(story)
    )


def test_a_request_shows_what_is_protected_meanwhile() -> None:
    """The card lists protections that are in effect."""
    drawn = words(request(protected().ban_asked()))
    assert drawn[5] == "🛡️ 自動対応中: コメント制限（ユーザー u_123） · 承認の結果が出るまで継続"


def test_an_ended_request_shows_no_protection() -> None:
    """It is not drawn again when the protection ends."""
    for ended in (protected().ban_asked().approved(), protected().ban_asked().rejected()):
        assert [line for line in seen(request(ended)) if "🛡️" in line] == []
