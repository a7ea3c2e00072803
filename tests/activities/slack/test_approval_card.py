"""A second person gets everything that they need in order to answer."""

from activities.slack.approval_card import approval_card
from activities.slack.drawing import Message
from tests.activities.slack.cases import CASE, ROUTE, SATO, Story
from tests.activities.slack.drawn import faults, pressable, reader, seen, spoken
from workflows.domain import commands as cmd
from workflows.domain.text import Language
from workflows.domain.view import view_of

LINK = "https://koban-demo.slack.com/archives/C0LIVE/p1"


def request(story: Story, language: Language = Language.JA) -> Message:
    view = view_of(story.case)
    assert view.approval is not None
    assert view.decision is not None
    return approval_card(view, view.approval, view.decision, reader(language), LINK)


def test_a_request_reads_from_top_to_bottom() -> None:
    """Whom it asks, who decided what on whom, why, on what evidence, until when."""
    drawn = request(Story().ban_asked())
    assert faults(drawn) == []
    assert "\n".join(seen(drawn)).split("\n") == [
        "承認のお願い · 重大 · 外部誘導 · K7Q2F9XM0",
        "<!subteam^S0LEAD> 佐藤さんの判断を確認してください。",
        "ユーザー u_123: LINEへの誘導(配信 s_9、出品 m_77)",
        "*佐藤さんの判断: 強制退会(<https://rules.example/4.2|MKT-4.2>)*",
        "• 強制退会(ユーザー u_123)",
        "プロフィールと配信で計3回、LINE IDを提示",
        "スコア 0.97 · 視聴者 1,240",
        "LINE ID ください hxxps://ex[.]com/a",
        f"承認 0/1 · 対象 1件 · 期限 12:36 · 期限後は実行しません · <{LINK}|ケースを開く>",
        "[承認する] [却下する…]",
    ]


def test_a_screen_reader_hears_the_request() -> None:
    """In both languages, in whole sentences."""
    story = Story().ban_asked()
    assert spoken(request(story)) == (
        "佐藤さんが承認を求めています。判断は「強制退会」です。"
        "ユーザー u_123: LINEへの誘導(配信 s_9、出品 m_77)。期限は 12:36 です。"
    )
    assert spoken(request(story, Language.EN)) == (
        "佐藤 asks for approval of “Permanent ban”. "
        "User u_123: Moved the buyer to LINE (Stream s_9, Listing m_77). Due 12:36."
    )


def test_what_cannot_be_undone_is_marked() -> None:
    """Before anybody agrees to it."""
    forfeit = cmd.Decide(
        by=SATO,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": "permanent_ban"}, {"action": "forfeit_payout"}),  # type: ignore[arg-type]
        reason="x",
    )
    lines = "\n".join(seen(request(Story().then(forfeit, 3)))).split("\n")
    assert lines[4:6] == [
        "• 強制退会(ユーザー u_123)",
        "• 売上没収(ユーザー u_123) · ⚠️ 取り消せません",
    ]


def test_its_buttons_know_the_case() -> None:
    """Approve asks once more; reject opens a modal."""
    drawn = request(Story().ban_asked())
    approve, reject = pressable(drawn)
    assert (approve["action_id"], approve["style"]) == ("approval.approve", "primary")
    assert approve["confirm"]["text"]["text"] == "「強制退会」をユーザー u_123に実行します。"
    assert (reject["action_id"], reject["value"]) == ("approval.reject", f"{CASE}:4")
    assert drawn.blocks[-1]["block_id"] == ROUTE


def test_an_ended_request_says_how_and_asks_nothing() -> None:
    """No buttons, no mention."""
    for story, said in [
        (Story().ban_asked().approved(), "*田中さんが承認しました。*"),
        (Story().ban_asked().rejected(), "*田中さんが却下しました。*"),
        (
            Story().ban_asked().then(cmd.Tick(), 40),
            "*期限までに承認されませんでした。判断は実行していません。*",
        ),
    ]:
        drawn = request(story)
        assert said in seen(drawn)
        assert pressable(drawn) == []
        assert "<!subteam" not in str(drawn)
        assert faults(drawn) == []
