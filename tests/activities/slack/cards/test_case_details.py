"""The card tells the rest: protections on their way, who has seen it, what is known, and aloud."""

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
    KNOWN,
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
            "佐藤さんが 14:03 まで情報を待っています。時計は止まっています。",
            "佐藤 waits for information until 14:03. The clocks stand still.",
        ),
        (
            lambda: Story().ban_asked().asked(),
            "佐藤さんの判断「強制退会」が承認を待っています。"
            "田中さんが質問しています。回答があるまで、期限の時計は止まっています。",
            "The decision of 佐藤, “Permanent ban”, waits for approval. "
            "田中 has asked a question. The clock stands still until it is answered.",
        ),
        (
            reviewed,
            "佐藤さんの判断「24時間コメント制限」を先に実行し、再審査を待っています。"
            "期限は 12:21 です。",
            "The decision of 佐藤, “Mute 24 h”, was carried out and waits for a review "
            "until 12:21.",
        ),
        (
            undo_asked,
            "佐藤さんの判断「24時間コメント制限」の取り消しが承認を待っています。"
            "期限は 12:42 です。",
            "The undo of the decision of 佐藤, “Mute 24 h”, waits for approval until 12:42.",
        ),
        (
            dry_run,
            "佐藤さんの判断は「24時間コメント制限」でした。試行のため、実行していません。",
            "佐藤 decided “Mute 24 h”. It was rehearsed only and not carried out.",
        ),
        (
            merged,
            "ケース K7AAAAAAA に統合しました。対応はそちらで続けます。",
            "It was merged into case K7AAAAAAA. The work goes on there.",
        ),
        (
            lambda: protected().claimed(),
            "担当は佐藤さん、判断期限は 12:13 です。「コメント制限」で保護しています。",
            "佐藤 is on it. Decide by 12:13. “Mute” protects meanwhile.",
        ),
    ],
)
def test_a_screen_reader_hears_the_state(tell: Callable[[], Story], ja: str, en: str) -> None:
    """The text alone says what is waited for."""
    view = view_of(tell().case)
    assert spoken(case_card(view, reader())).endswith(ja)
    assert spoken(case_card(view, reader(Language.EN))).endswith(en)


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        (
            lambda: Story(policy=PROTECTS).then(cmd.ProtectNow(rules=(0,))),
            "🛡️ 保護を始めています: コメント制限(ユーザー u_123)",
            "🛡️ Protection begins: Mute (User u_123)",
        ),
        (
            lambda: (
                Story(policy=PROTECTS)
                .then(cmd.ProtectNow(rules=(0,)))
                .reported(MUTE, ActionStatus.FAILED, 1, REFUSED, of="P1")
            ),
            "🛡️ 保護できませんでした: コメント制限(ユーザー u_123)"
            "(プラットフォームに拒否されました(応答 409))",
            "🛡️ Protection failed: Mute (User u_123) (the platform refused it (answer 409))",
        ),
        (
            lambda: protected().then(cmd.LiftProtection(by=SATO), 2),
            "🛡️ 保護を解除しています: コメント制限(ユーザー u_123)",
            "🛡️ Protection is being lifted: Mute (User u_123)",
        ),
        (
            lambda: protected().then(cmd.Confirm(by=SATO), 2),
            "🛡️ 保護を判断に引き継いでいます: コメント制限(ユーザー u_123)",
            "🛡️ Protection becomes the decision: Mute (User u_123)",
        ),
        (
            lambda: (
                Story(policy=policy(claims={"idle": "5m", "warn": "2m"}))
                .claimed()
                .then(cmd.Watch(by=TANAKA), 2)
                .then(cmd.Tick(), 4)
            ),
            "担当 *佐藤さん* · *操作がないと 12:09 に担当が外れます* · 判断期限 *12:13*"
            " · 次の通知 12:13 リード · フォロー中 1人",
            "Assignee *佐藤* · *Claim ends 12:09 unless you act* · Decide by *12:13*"
            " · Next call 12:13: lead · 1 watching",
        ),
        (
            lambda: Story().then(cmd.Acknowledge(by=TANAKA), 1),
            "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13* · 次の通知 12:05 シフト"
            " · 確認済み 田中さん",
            "Assignee *nobody yet* · Claim by *12:05* · Decide by *12:13*"
            " · Next call 12:05: shift · Seen by 田中",
        ),
        (
            lambda: Story(
                policy=policy(
                    escalation=[
                        {"after": "2m", "unless": "claimed", "notify": "role", "role": "admin"}
                    ]
                )
            ),
            "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13* · 次の通知 12:05 管理者",
            "Assignee *nobody yet* · Claim by *12:05* · Decide by *12:13* · Next call 12:05: admin",
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
            "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13* · 次の通知 12:05 田中さん",
            "Assignee *nobody yet* · Claim by *12:05* · Decide by *12:13* · Next call 12:05: 田中",
        ),
        (
            lambda: Story(policy=policy(dry_run=True)),
            "試行中: 判断しても措置は実行されず、送るはずの内容だけが残ります",
            "Rehearsal: nothing is carried out, only what would have been asked for is kept",
        ),
    ],
)
def test_a_line_of_the_card_tells_the_rest(tell: Callable[[], Story], ja: str, en: str) -> None:
    """Protections on their way, the claim's end, who has seen it, whom the ladder calls."""
    assert ja in body(view_of(tell().case), Language.JA)
    assert en in body(view_of(tell().case), Language.EN)


def test_what_is_known_of_the_subject_has_a_line_of_its_own() -> None:
    """Prior actions, those still in force, and the other cases on the same subject."""
    view = view_of(Story(known=KNOWN).case)
    assert seen(case_card(view, reader()))[2:4] == [
        "スコア 0.97 · 視聴者 1,240",
        "過去の措置 コメント制限2回(継続中1)・強制退会1回"
        " · 対応中の別ケース 1(K7AAAAAAA) · 過去のケース 3",
    ]
    assert seen(case_card(view, reader(Language.EN)))[2:4] == [
        "Score 0.97 · 1,240 viewers",
        "Earlier actions: Mute ×2 (1 in force), Permanent ban ×1"
        " · 1 other open case (K7AAAAAAA) · 3 earlier cases",
    ]


def test_many_other_cases_are_counted() -> None:
    """Five are named."""
    many = SubjectHistory(open_cases=tuple(f"K7AAAAAA{n}" for n in range(8)))
    facts = seen(case_card(view_of(Story(known=many).case), reader()))[3]
    assert facts.endswith(
        "対応中の別ケース 8(K7AAAAAA0、K7AAAAAA1、K7AAAAAA2、K7AAAAAA3、K7AAAAAA4 ほか3件)"
    )


def test_a_lifted_protection_leaves_the_card() -> None:
    """It did its part; the thread tells of it."""
    story = protected().reported(MUTE, ActionStatus.LIFTED, 15, of="P1")
    assert body(view_of(story.case), Language.JA)[1].startswith("担当 *未定*")


def test_no_card_mentions_anybody() -> None:
    """Whatever its state: it is drawn again and again."""
    stories = [merged(), reviewed(), undo_asked(), rolled_back(), Story().claimed().waiting()]
    for story in [*stories, Story().ban_asked().asked(), Story(known=KNOWN)]:
        drawn = str(case_card(view_of(story.case), reader()))
        assert "<@" not in drawn
        assert "<!subteam" not in drawn


def test_an_approved_decision_names_who_agreed() -> None:
    """The second person stands beside the first."""
    story = Story().ban_asked().approved().reported(BAN, ActionStatus.VERIFIED, 6)
    assert "田中さんが承認しました" in body(view_of(story.case), Language.JA)
    assert "田中 approved this" in body(view_of(story.case), Language.EN)


def test_deadlines_and_protections_count_down() -> None:
    """Slack does, in each reader's own words; the card is not drawn anew for it."""
    drawn = {
        language: str(case_card(view_of(protected().case), reader(language)).blocks)
        for language in Language
    }
    assert "<!date^1795403590^{time}({ago})|12:13>" in drawn[Language.JA]
    assert drawn[Language.JA].count("({ago})") == 3
    assert "{time} ({ago})|12:13>" in drawn[Language.EN]
