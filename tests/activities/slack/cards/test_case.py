"""Case card: facts, assignee, deadlines and buttons."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from activities.slack.blocks import Message
from activities.slack.cards.case import case_card
from tests.activities.slack.cases import AT, BAN, CASE, MUTE, ROUTE, SATO, Story, alert
from tests.activities.slack.drawn import faults, pressable, reader, seen, spoken
from workflows.domain.case.commands import Escalate, GiveUp, Undo
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.view import view_of
from workflows.domain.values import Language

REFUSED = Problem(kind=ProblemKind.REFUSED, status=409)
AWAY = Problem(kind=ProblemKind.UNREACHABLE)
HEAD_JA = (
    "重大度「重大」、外部誘導のケース K7Q2F9XM0: {}。"
    "ユーザー u_123: LINEへの誘導（配信 s_9、出品 m_77）。"
)
HEAD_EN = (
    "Critical severity, Off-platform inducement, case K7Q2F9XM0: {}. "
    "User u_123: Moved the buyer to LINE (Stream s_9, Listing m_77). "
)


def card(story: Story, language: Language = Language.JA) -> Message:
    return case_card(view_of(story.case), reader(language))


def banned() -> Story:
    return Story().claimed().ban_asked().approved()


def muted() -> Story:
    until = AT + timedelta(hours=24)
    return Story().muted().reported(MUTE, ActionStatus.VERIFIED, until=until)


def undone() -> Story:
    return muted().then(Undo(by=SATO), 9).reported(MUTE, ActionStatus.UNDONE, 10)


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        (
            Story,
            ("未対応", "担当は未定です。担当期限は 12:05、判断期限は 12:13 です。"),
            ("Open", "Unassigned. Claim by 12:05, decide by 12:13."),
        ),
        (
            lambda: Story().claimed(),
            ("対応中", "担当は佐藤さん、判断期限は 12:13 です。"),
            ("In progress", "Assignee: 佐藤. Decide by 12:13."),
        ),
        (
            lambda: Story().ban_asked(),
            ("承認待ち", "佐藤さんの判断「強制退会」は承認待ちです。期限は 12:36 です。"),
            (
                "Awaiting approval",
                "“Permanent ban”, decided by 佐藤, is awaiting approval until 12:36.",
            ),
        ),
        (
            lambda: Story().ban_asked().rejected(),
            (
                "対応中",
                "田中さんが却下しました。もう一度判断してください。"
                "担当は佐藤さん、判断期限は 12:13 です。",
            ),
            (
                "In progress",
                "田中 rejected this. Please decide again. Assignee: 佐藤. Decide by 12:13.",
            ),
        ),
        (
            banned,
            ("実行中", "佐藤さんの判断「強制退会」を実行しています。"),
            ("Carrying out", "“Permanent ban”, decided by 佐藤, is being carried out."),
        ),
        (
            lambda: banned().reported(BAN, ActionStatus.FAILED, 6, REFUSED),
            (
                "実行失敗",
                "佐藤さんの判断「強制退会」を実行できませんでした。再試行か中止を選んでください。",
            ),
            (
                "Action failed",
                "“Permanent ban”, decided by 佐藤, could not be carried out. Retry or give up.",
            ),
        ),
        (
            muted,
            ("完了", "佐藤さんの判断は「24時間コメント制限」でした。"),
            ("Closed", "佐藤 decided “Mute 24 h”."),
        ),
        (
            lambda: muted().then(Undo(by=SATO), 9),
            ("取り消し中", "佐藤さんの判断「24時間コメント制限」を取り消しています。"),
            ("Undoing", "“Mute 24 h”, decided by 佐藤, is being undone."),
        ),
        (
            undone,
            (
                "取り消し済み",
                "佐藤さんの判断「24時間コメント制限」は取り消し済みです（12:13 佐藤さん）。",
            ),
            ("Undone", "“Mute 24 h”, decided by 佐藤, was undone (12:13 by 佐藤)."),
        ),
        (
            lambda: Story().cleared(),
            ("完了", "佐藤さんの判断は「違反なし」でした。"),
            ("Closed", "佐藤 decided “No violation”."),
        ),
    ],
)
def test_a_screen_reader_hears_whole_sentences(
    tell: Callable[[], Story], ja: tuple[str, str], en: tuple[str, str]
) -> None:
    """In every phase the text alone has the state and the next step."""
    story = tell()
    assert spoken(card(story)) == HEAD_JA.format(ja[0]) + ja[1]
    assert spoken(card(story, Language.EN)) == HEAD_EN.format(en[0]) + en[1]
    assert faults(card(story)) == []


def test_a_new_card_reads_from_top_to_bottom() -> None:
    """Title, sentence, facts, evidence, count, deadlines and buttons come in this order."""
    story = Story().joined(5).joined(45)
    assert seen(card(story)) == [
        "🟥 重大 · 外部誘導 · K7Q2F9XM0 · 🔴 未対応",
        "ユーザー u_123: LINEへの誘導（配信 s_9、出品 m_77）",
        "スコア 0.97 · 視聴者 1,240人",
        "LINE ID ください hxxps://ex[.]com/a",
        "ほか2件（12:03:10–12:03:55）",
        "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13* · 対応がなければ 12:05 に当番へ通知",
        "[担当する] [24時間コメント制限] [強制退会…] [判断する…] [違反なし] [⋯]",
    ]


def test_sensitive_evidence_is_not_on_the_card() -> None:
    """The card only says that there is hidden evidence."""
    sensitive = {"kind": "text", "text": "ひどいことば", "sensitive": True}
    images = [{"kind": "image", "url": "https://img.example/1"}] * 2
    drawn = card(Story(alert(evidence=(sensitive, *images))))
    assert "閲覧注意のため非表示 · 画像 2点" in seen(drawn)
    assert "ひどいことば" not in str(drawn) + drawn.text
    assert "img.example" not in str(drawn)


def test_long_evidence_leaves_the_buttons_on_the_screen() -> None:
    """Line breaks after the sixth line become spaces."""
    drawn = card(Story(alert(evidence=({"kind": "text", "text": "あ\n" * 200},))))
    assert [len(line) for line in seen(drawn)[3:8]] == [1, 1, 1, 1, 1]
    assert seen(drawn)[8].startswith("あ あ あ ")
    assert seen(drawn)[9].startswith("担当 *未定*")


def test_a_waiting_decision_shows_its_reason_and_its_terms() -> None:
    """The card names approvers, deadline and the result of its expiry."""
    assert seen(card(Story().ban_asked()))[4:] == [
        "*佐藤さんの判断: 強制退会（<https://rules.example/4.2|MKT-4.2>）*",
        "プロフィールと配信で計3回、LINE IDを提示",
        "承認 0/1 · 依頼先 リード · 期限 12:36 · 期限後は実行しません",
        "[取り下げる] [⋯]",
    ]


def test_a_rejection_comes_back_with_its_reason() -> None:
    """The decider sees the reason and can decide again."""
    drawn = seen(card(Story().ban_asked().rejected()))
    assert drawn[5:7] == [
        "*田中さんが却下しました。もう一度判断してください。*",
        "証拠が足りません",
    ]
    assert drawn[-1] == "[24時間コメント制限] [強制退会…] [判断する…] [違反なし] [⋯]"


@pytest.mark.parametrize(
    ("tell", "line"),
    [
        (
            lambda: Story().muted().reported(MUTE, ActionStatus.RETRYING, 4, AWAY),
            "🔁 コメント制限 24時間（ユーザー u_123）: 再試行中: プラットフォームが応答しません",
        ),
        (
            lambda: banned().reported(BAN, ActionStatus.FAILED, 6, REFUSED),
            "⚠️ 強制退会（ユーザー u_123）: 失敗: プラットフォームに拒否されました（409）",
        ),
        (
            muted,
            "✅ コメント制限 24時間（ユーザー u_123）: 実行済み（反映を確認）"
            "（11月24日 12:03 まで）\n12:07 完了 · 違反",
        ),
        (
            lambda: Story().muted().reported(MUTE, ActionStatus.DRIFTED),
            "⚠️ コメント制限 24時間（ユーザー u_123）: 実行済み（プラットフォームに未反映）\n"
            "12:07 完了 · 違反",
        ),
        (
            lambda: muted().reported(MUTE, ActionStatus.LIFTED, 1443),
            "⏹️ コメント制限 24時間（ユーザー u_123）: 期間終了で解除済み（11月24日 12:06）\n"
            "12:07 完了 · 違反",
        ),
        (
            lambda: muted().then(Undo(by=SATO), 9).reported(MUTE, ActionStatus.FAILED, 10, AWAY),
            "☑️ コメント制限 24時間（ユーザー u_123）: 実行済み（11月24日 12:03 まで）。"
            "取り消せませんでした: プラットフォームが応答しません\n12:07 完了 · 違反",
        ),
    ],
)
def test_every_action_has_its_status(tell: Callable[[], Story], line: str) -> None:
    """A status includes the problem and the end of a timed action."""
    assert line in "\n".join(seen(card(tell())))


@pytest.mark.parametrize(
    ("tell", "buttons"),
    [
        (
            Story,
            ["case.claim", "case.preset.mute", "case.preset.ban", "case.decide", "case.clear"],
        ),
        (
            lambda: Story().claimed(),
            ["case.preset.mute", "case.preset.ban", "case.decide", "case.clear"],
        ),
        (lambda: Story().ban_asked(), ["approval.withdraw"]),
        (banned, []),
        (
            lambda: banned().reported(BAN, ActionStatus.FAILED, 6, REFUSED),
            ["action.retry", "action.give_up"],
        ),
        (
            lambda: (
                banned().reported(BAN, ActionStatus.FAILED, 6, REFUSED).then(GiveUp(by=SATO), 7)
            ),
            ["case.preset.mute", "case.preset.ban", "case.decide", "case.clear"],
        ),
        (muted, ["action.undo"]),
        (undone, ["case.reopen"]),
        (lambda: Story().cleared(), ["case.reopen", "case.snooze_detector"]),
    ],
)
def test_only_what_can_be_done_can_be_pressed(
    tell: Callable[[], Story], buttons: list[str]
) -> None:
    """A card has at most five buttons, one primary, and a confirmation before danger."""
    drawn = [each for each in pressable(card(tell())) if each["type"] == "button"]
    assert [each["action_id"] for each in drawn] == buttons
    assert len(drawn) <= 5
    assert sum(each.get("style") == "primary" for each in drawn) <= 1
    assert all("confirm" in each for each in drawn if each.get("style") == "danger")


def test_a_button_knows_its_case() -> None:
    """Value and block id have case, version and workflow."""
    drawn = card(Story().claimed())
    row = drawn.blocks[-1]
    assert row["block_id"] == ROUTE
    assert row["elements"][0]["value"] == f"{CASE}:2"
    assert [option["value"] for option in row["elements"][-1]["options"]] == [
        f"evidence:{CASE}:2",
        f"handover:{CASE}:2",
        f"wait:{CASE}:2",
        f"note:{CASE}:2",
        f"all:{CASE}:2",
    ]


def test_what_needs_approval_says_so_before_it_is_pressed() -> None:
    """The confirmation says that the action waits for approval."""
    ban = pressable(card(Story()))[2]
    assert ban["style"] == "danger"
    assert [ban["confirm"][part]["text"] for part in ("title", "text", "confirm", "deny")] == [
        "「強制退会」の承認を依頼しますか？",
        "承認されるまで、ユーザー u_123 には何も行いません。",
        "承認を依頼する",
        "やめる",
    ]


def test_a_call_for_the_lead_is_shown() -> None:
    """The card shows that a lead was already called."""
    drawn = card(Story().claimed().then(Escalate(by=SATO), 7))
    assert "リードに連絡済み 12:10" in seen(drawn)[4]


def test_a_card_mentions_nobody() -> None:
    """People appear by name, never by id; the metadata has only the case."""
    for story in (Story().claimed(), Story().ban_asked(), muted()):
        drawn = card(story)
        assert "<@" not in str(drawn)
        assert "<!subteam" not in str(drawn)
        assert drawn.metadata == {"event_type": "koban_case", "event_payload": {"case": CASE}}
