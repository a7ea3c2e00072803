"""Card details: protections, viewers, subject history and the text for screen readers."""

from collections.abc import Callable

import pytest

from activities.slack.cards.case import case_card
from tests.activities.slack.cases import (
    BAN,
    MUTE,
    PROTECTS,
    SATO,
    TANAKA,
    Story,
    policy,
)
from tests.activities.slack.drawn import body, reader, seen, spoken
from tests.activities.slack.situations import (
    HISTORY,
    REFUSED,
    dry_run,
    merged,
    protected,
    reviewed,
    rolled_back,
    undo_asked,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import SubjectHistory
from workflows.domain.case.view import view_of
from workflows.domain.values import Language


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        (
            lambda: Story().claimed().waiting(),
            "佐藤さんが 14:03 まで情報を待っています。期限のカウントは停止中です。",
            "佐藤 is waiting for information until 14:03. Deadlines are paused.",
        ),
        (
            lambda: Story().ban_asked().asked(),
            "佐藤さんの判断「強制退会」は承認待ちです。"
            "田中さんが質問しています。回答があるまで期限のカウントは停止中です。",
            "“Permanent ban”, decided by 佐藤, is awaiting approval. "
            "田中 asked a question. The deadline is paused until it is answered.",
        ),
        (
            reviewed,
            "佐藤さんの判断「24時間コメント制限」は先に実行済みで、事後承認待ちです。"
            "期限は 12:21 です。",
            "“Mute 24 h”, decided by 佐藤, was carried out and is awaiting sign-off until 12:21.",
        ),
        (
            undo_asked,
            "佐藤さんの判断「24時間コメント制限」の取り消しは承認待ちです。期限は 12:42 です。",
            "The undo of “Mute 24 h”, decided by 佐藤, is awaiting approval until 12:42.",
        ),
        (
            dry_run,
            "佐藤さんの判断は「24時間コメント制限」でした。試行のため、実行していません。",
            "佐藤 decided “Mute 24 h”. It was a dry run, so nothing was carried out.",
        ),
        (
            merged,
            "ケース K7AAAAAAA に統合しました。対応は統合先で続けます。",
            "Merged into case K7AAAAAAA. Work continues there.",
        ),
        (
            lambda: protected().claimed(),
            "担当は佐藤さん、判断期限は 12:13 です。自動対応「コメント制限」を実行中です。",
            "Assignee: 佐藤. Decide by 12:13. Auto-action “Mute” is in place.",
        ),
    ],
)
def test_a_screen_reader_hears_the_state(tell: Callable[[], Story], ja: str, en: str) -> None:
    """The text alone says what the case waits for."""
    view = view_of(tell().case)
    assert spoken(case_card(view, reader())).endswith(ja)
    assert spoken(case_card(view, reader(Language.EN))).endswith(en)


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        (
            lambda: Story(policy=PROTECTS).then(cmd.ProtectNow(rules=(0,))),
            "🛡️ 自動対応を開始中: コメント制限（ユーザー u_123）",
            "🛡️ Starting auto-action: Mute (User u_123)",
        ),
        (
            lambda: (
                Story(policy=PROTECTS)
                .then(cmd.ProtectNow(rules=(0,)))
                .reported(MUTE, ActionStatus.FAILED, 1, REFUSED, of="P1")
            ),
            "🛡️ 自動対応に失敗: コメント制限（ユーザー u_123）"
            "（プラットフォームに拒否されました（409））",
            "🛡️ Auto-action failed: Mute (User u_123) (the platform refused it (409))",
        ),
        (
            lambda: protected().then(cmd.LiftProtection(by=SATO), 2),
            "🛡️ 自動対応を解除中: コメント制限（ユーザー u_123）",
            "🛡️ Lifting auto-action: Mute (User u_123)",
        ),
        (
            lambda: protected().then(cmd.Confirm(by=SATO), 2),
            "🛡️ 自動対応を判断に引き継ぎ中: コメント制限（ユーザー u_123）",
            "🛡️ Auto-action becoming part of the decision: Mute (User u_123)",
        ),
        (
            lambda: (
                Story(policy=policy(claims={"idle": "5m", "warn": "2m"}))
                .claimed()
                .then(cmd.Watch(by=TANAKA), 2)
                .then(cmd.Tick(), 4)
            ),
            "担当 *佐藤さん* · *操作がなければ 12:09 に担当が外れます* · 判断期限 *12:13*"
            " · 対応がなければ 12:13 にリードへ通知 · フォロー中 1人",
            "Assignee *佐藤* · *Released at 12:09 unless you act* · Decide by *12:13*"
            " · Pings lead at 12:13 · 1 watching",
        ),
        (
            lambda: Story().then(cmd.Acknowledge(by=TANAKA), 1),
            "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13* · 対応がなければ 12:05 に当番へ通知"
            " · 田中さんが見ました",
            "*Unassigned* · Claim by *12:05* · Decide by *12:13*"
            " · Pings on-call at 12:05 · Seen by 田中",
        ),
        (
            lambda: Story(
                policy=policy(
                    escalation=[
                        {"after": "2m", "unless": "claimed", "notify": "role", "role": "admin"}
                    ]
                )
            ),
            "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13*"
            " · 対応がなければ 12:05 に管理者へ通知",
            "*Unassigned* · Claim by *12:05* · Decide by *12:13* · Pings admin at 12:05",
        ),
        (
            lambda: Story(
                policy=policy(
                    escalation=[
                        {
                            "after": "2m",
                            "unless": "claimed",
                            "notify": "person",
                            "person": "U0TANAKA",
                        }
                    ]
                )
            ),
            "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13*"
            " · 対応がなければ 12:05 に田中さんへ通知",
            "*Unassigned* · Claim by *12:05* · Decide by *12:13* · Pings 田中 at 12:05",
        ),
        (
            lambda: Story(policy=policy(dry_run=True)),
            "試行中: 判断しても措置は実行されません（送信予定の内容だけを記録）",
            "Dry run: no action is taken, only the requests are logged",
        ),
    ],
)
def test_a_line_of_the_card_has_the_details(tell: Callable[[], Story], ja: str, en: str) -> None:
    """It has pending protections, the claim's end, acknowledgements and escalations."""
    assert ja in body(view_of(tell().case), Language.JA)
    assert en in body(view_of(tell().case), Language.EN)


def test_what_is_known_of_the_subject_has_a_line_of_its_own() -> None:
    """The line has prior actions, those in force and other cases on the subject."""
    view = view_of(Story(history=HISTORY).case)
    assert seen(case_card(view, reader()))[2:4] == [
        "スコア 0.97 · 視聴者 1,240人",
        "過去の措置 コメント制限 2回（継続中 1）・強制退会 1回"
        " · 対応中の別ケース 1件（K7AAAAAAA） · 過去のケース 3件",
    ]
    assert seen(case_card(view, reader(Language.EN)))[2:4] == [
        "Score 0.97 · 1,240 viewers",
        "Past actions: Mute ×2 (1 in force), Permanent ban ×1"
        " · 1 other open case (K7AAAAAAA) · 3 past cases",
    ]


def test_many_other_cases_are_counted() -> None:
    """Five cases are named."""
    many = SubjectHistory(open_cases=tuple(f"K7AAAAAA{n}" for n in range(8)))
    facts = seen(case_card(view_of(Story(history=many).case), reader()))[3]
    assert facts.endswith(
        "対応中の別ケース 8件（K7AAAAAA0、K7AAAAAA1、K7AAAAAA2、K7AAAAAA3、K7AAAAAA4 ほか3件）"
    )


def test_a_lifted_protection_is_past() -> None:
    """The card has its end, with the time and the person, or that it ended by itself."""
    story = protected().reported(MUTE, ActionStatus.LIFTED, 15, of="P1")
    shown = body(view_of(story.case), Language.JA)
    assert shown[1] == "🛡️ 自動対応を解除: コメント制限（ユーザー u_123） · 12:18 自動"
    assert shown[2].startswith("担当 *未定*")
    english = body(view_of(story.case), Language.EN)
    assert english[1] == "🛡️ Auto-action lifted: Mute (User u_123) · 12:18 automatically"
    story = protected().then(cmd.LiftProtection(by=SATO), 5)
    story = story.reported(MUTE, ActionStatus.LIFTED, 6, of="P1")
    shown = body(view_of(story.case), Language.JA)
    assert shown[1] == "🛡️ 自動対応を解除: コメント制限（ユーザー u_123） · 12:09 佐藤さん"


def test_no_card_mentions_anybody() -> None:
    """A card is updated often, so no state has a mention."""
    stories = [merged(), reviewed(), undo_asked(), rolled_back(), Story().claimed().waiting()]
    for story in [*stories, Story().ban_asked().asked(), Story(history=HISTORY)]:
        drawn = str(case_card(view_of(story.case), reader()))
        assert "<@" not in drawn
        assert "<!subteam" not in drawn


def test_an_approved_decision_names_who_agreed() -> None:
    """The approver is named beside the decider."""
    story = Story().ban_asked().approved().reported(BAN, ActionStatus.VERIFIED, 6)
    assert "田中さんが承認しました" in body(view_of(story.case), Language.JA)
    assert "田中 approved" in body(view_of(story.case), Language.EN)


def test_deadlines_and_protections_count_down() -> None:
    """Slack renders relative times, so the card needs no update."""
    drawn = {
        language: str(case_card(view_of(protected().case), reader(language)).blocks)
        for language in Language
    }
    assert "<!date^1795403590^{time}（{ago}）|12:13>" in drawn[Language.JA]
    assert drawn[Language.JA].count("（{ago}）") == 3
    assert "{time} ({ago})|12:13>" in drawn[Language.EN]
