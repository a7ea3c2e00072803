"""The card in every state of a case's working life, in both languages."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from activities.slack.card import case_card
from activities.slack.card_menu import entries
from tests.activities.slack.cases import (
    AT,
    BAN,
    MUTE,
    PROTECTS,
    REVIEWS,
    SATO,
    TANAKA,
    Story,
    alert,
    catalog,
    policy,
)
from tests.activities.slack.drawn import faults, pressable, reader, seen, spoken
from workflows.domain import commands as cmd
from workflows.domain.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.known import Known, Sanction
from workflows.domain.text import Language
from workflows.domain.view import view_of

REFUSED = Problem(kind=ProblemKind.REFUSED, status=409)
KNOWN = Known(
    sanctions=(
        Sanction(action="mute_user", times=2, standing=1),
        Sanction(action="permanent_ban", times=1),
    ),
    open_cases=("K7AAAAAAA",),
    closed_cases=3,
)
FORFEIT = "forfeit_payout/user:u_123"
RULE = "<https://rules.example/4.2|MKT-4.2>"
SHARED = ("ユーザー u_123: ", "User u_123: ", "スコア 0.97", "Score 0.97", "LINE ID")


def body(story: Story, language: Language) -> list[str]:
    """State, and everything but what is the same in every state."""
    drawn = case_card(view_of(story.case), reader(language))
    assert faults(drawn) == []
    lines = "\n".join(seen(drawn)).split("\n")
    return [lines[0].split(" · ")[-1], *(x for x in lines[1:] if not x.startswith(SHARED))]


def muted() -> Story:
    return Story().muted().reported(MUTE, ActionStatus.VERIFIED)


def reviewed() -> Story:
    return Story(policy=REVIEWS).muted().reported(MUTE, ActionStatus.VERIFIED)


def undo_asked() -> Story:
    careful = policy(catalog("mute_user", undo_approval={"by": "lead", "within": "30m"}))
    story = Story(policy=careful).muted().reported(MUTE, ActionStatus.VERIFIED)
    return story.then(cmd.Undo(by=SATO), 9)


def rolled_back() -> Story:
    """The second of two actions failed, so the first one was taken back."""
    both = cmd.Decide(
        by=SATO,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": "mute_user"}, {"action": "forfeit_payout"}),  # type: ignore[arg-type]
        reason="3回目の違反",
    )
    in_turn = policy(conduct={"order": "in_turn", "on_failure": "undo"})
    return (
        Story(policy=in_turn)
        .then(both, 3)
        .reported(MUTE, ActionStatus.ROLLED_BACK, 4)
        .reported(FORFEIT, ActionStatus.FAILED, 4, REFUSED)
    )


def rehearsed() -> Story:
    story = Story(policy=policy(rehearse=True)).muted()
    return story.reported(MUTE, ActionStatus.REHEARSED, would="POST /v1/users/u_123/mutes")


def merged() -> Story:
    into = cmd.Merge(by=SATO, into="K7AAAAAAA", subject=alert().subject)
    return Story().claimed().then(into, 4)


PRESETS_JA = "[24時間コメント制限] [強制退会…] [判断する…] [違反なし] [⋯]"
PRESETS_EN = "[Mute 24 h] [Ban…] [Decide…] [No violation] [⋯]"


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        pytest.param(
            lambda: Story(policy=PROTECTS).protected(),
            [
                "🔴 未対応",
                "🛡️ 保護中: コメント制限(ユーザー u_123) · 12:18 まで。"
                "確定しなければ自動で解除します",
                "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13* · 次の通知 12:05 シフト",
                "[担当する] [保護を確定する] [24時間コメント制限] [判断する…] [違反なし] [⋯]",
            ],
            [
                "🔴 Open",
                "🛡️ Protected: Mute (User u_123) · until 12:18, then lifted unless confirmed",
                "Assignee *nobody yet* · Claim by *12:05* · Decide by *12:13*"
                " · Next call 12:05: shift",
                "[Claim] [Confirm protection] [Mute 24 h] [Decide…] [No violation] [⋯]",
            ],
            id="new and protecting",
        ),
        pytest.param(
            lambda: Story().claimed().waiting(),
            [
                "⏸️ 保留",
                "⏸️ *佐藤さんが情報を待っています*(14:03 まで) · 時計は止まっています",
                "出品者に購入証明を依頼中",
                "担当 *佐藤さん* · 判断期限 *停止中*",
                f"[対応を再開する] {PRESETS_JA}",
            ],
            [
                "⏸️ On hold",
                "⏸️ *佐藤 waits for information* until 14:03 · the clocks stand still",
                "出品者に購入証明を依頼中",
                "Assignee *佐藤* · Decide by *paused*",
                f"[Resume] {PRESETS_EN}",
            ],
            id="waiting for information",
        ),
        pytest.param(
            lambda: Story().claimed().then(cmd.Snooze(by=SATO, until=AT + timedelta(minutes=8)), 2),
            [
                "⏸️ 保留",
                "⏸️ *佐藤さんが保留にしました*(12:11 まで)",
                "担当 *佐藤さん* · 判断期限 *12:13*",
                f"[対応を再開する] {PRESETS_JA}",
            ],
            [
                "⏸️ On hold",
                "⏸️ *佐藤 put this on hold* until 12:11",
                "Assignee *佐藤* · Decide by *12:13*",
                f"[Resume] {PRESETS_EN}",
            ],
            id="snoozed",
        ),
        pytest.param(
            lambda: Story().ban_asked().asked(),
            [
                "🟡 承認待ち",
                f"*佐藤さんの判断: 強制退会({RULE})*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "承認 0/1 · 依頼先 リード · 期限の時計は止まっています · 期限後は実行しません",
                "*田中さんからの質問* · 回答待ち(12:38 まで)",
                "配信外の証拠はありますか?",
                "[回答する…] [取り下げる] [⋯]",
            ],
            [
                "🟡 Awaiting approval",
                f"*Decision by 佐藤: Permanent ban ({RULE})*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "Approvals 0/1 · Asked: lead · The clock stands still · Not carried out after that",
                "*田中 asks* · waiting for an answer until 12:38",
                "配信外の証拠はありますか?",
                "[Answer…] [Withdraw] [⋯]",
            ],
            id="awaiting approval with a question",
        ),
        pytest.param(
            lambda: Story(policy=PROTECTS).protected().ban_asked(),
            [
                "🟡 承認待ち",
                f"*佐藤さんの判断: 強制退会({RULE})*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "承認 0/1 · 依頼先 リード · 期限 12:36 · 期限後は実行しません",
                "🛡️ 保護中: コメント制限(ユーザー u_123) · 承認の結果が出るまで続けます",
                "[取り下げる] [⋯]",
            ],
            [
                "🟡 Awaiting approval",
                f"*Decision by 佐藤: Permanent ban ({RULE})*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "Approvals 0/1 · Asked: lead · Due 12:36 · Not carried out after that",
                "🛡️ Protected: Mute (User u_123) · until the approval is settled",
                "[Withdraw] [⋯]",
            ],
            id="protection held while an approval is waited for",
        ),
        pytest.param(
            lambda: Story().ban_asked().then(cmd.Withdraw(by=SATO), 6),
            [
                "🔵 対応中",
                f"*佐藤さんの判断: 強制退会({RULE})*",
                "*佐藤さんが承認の依頼を取り下げました。もう一度判断してください。*",
                "担当 *佐藤さん* · 判断期限 *12:13* · 次の通知 12:13 リード",
                PRESETS_JA,
            ],
            [
                "🔵 In progress",
                f"*Decision by 佐藤: Permanent ban ({RULE})*",
                "*佐藤 withdrew the request for approval. Please decide again.*",
                "Assignee *佐藤* · Decide by *12:13* · Next call 12:13: lead",
                PRESETS_EN,
            ],
            id="withdrawn",
        ),
        pytest.param(
            reviewed,
            [
                "🟡 再審査待ち",
                f"*佐藤さんの判断: 24時間コメント制限({RULE})*",
                "*先に実行しました。再審査を待っています。*",
                "承認 0/1 · 依頼先 リード · 期限 12:21 · 期限後は措置を取り消します",
                "✅ コメント制限 24時間(ユーザー u_123): 反映を確認済み",
                "[⋯]",
            ],
            [
                "🟡 Awaiting review",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "*Carried out first. It waits for a review.*",
                "Approvals 0/1 · Asked: lead · Due 12:21 · Undone after that",
                "✅ Mute for 24 hours (User u_123): Done and verified",
                "[⋯]",
            ],
            id="review pending",
        ),
        pytest.param(
            lambda: reviewed().rejected(),
            [
                "🟣 取り消し中",
                f"*佐藤さんの判断: 24時間コメント制限({RULE})*",
                "*再審査で田中さんが却下したため、措置を取り消します。もう一度判断してください。*",
                "証拠が足りません",
                "⏳ コメント制限 24時間(ユーザー u_123): 取り消し中",
                "担当 *佐藤さん* · 判断期限 *12:13* · 次の通知 12:13 リード",
                "緊急: 取り消せる措置はすぐに実行し、あとで再審査します",
                PRESETS_JA,
            ],
            [
                "🟣 Being undone",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "*田中 rejected this in the review, so the actions are undone. "
                "Please decide again.*",
                "証拠が足りません",
                "⏳ Mute for 24 hours (User u_123): Being undone",
                "Assignee *佐藤* · Decide by *12:13* · Next call 12:13: lead",
                "Urgent: what can be undone is carried out at once and reviewed afterwards",
                PRESETS_EN,
            ],
            id="review rejected",
        ),
        pytest.param(
            rolled_back,
            [
                "🔴 実行失敗",
                f"*佐藤さんの判断: コメント制限 24時間、売上没収({RULE})*",
                "3回目の違反",
                "↩️ コメント制限 24時間(ユーザー u_123): 取り消し済み(ほかの措置が失敗したため)",
                "⚠️ 売上没収(ユーザー u_123): 失敗: プラットフォームに断られました(応答 409)",
                "[再試行] [中止する] [⋯]",
            ],
            [
                "🔴 Failed",
                f"*Decision by 佐藤: Mute for 24 hours, Forfeit payout ({RULE})*",
                "3回目の違反",
                "↩️ Mute for 24 hours (User u_123): Taken back, since another one failed",
                "⚠️ Forfeit payout (User u_123): Failed: the platform refused it (answer 409)",
                "[Retry] [Give up] [⋯]",
            ],
            id="failed and rolled back",
        ),
        pytest.param(
            rehearsed,
            [
                "⚪ 完了(試行のみ)",
                f"*佐藤さんの判断: 24時間コメント制限({RULE})*",
                "🧪 コメント制限 24時間(ユーザー u_123): 試行のみ。"
                "送るはずだった内容: POST /v1/users/u_123/mutes",
                "12:07 完了 · 違反",
                "[再開する…] [⋯]",
            ],
            [
                "⚪ Closed (rehearsed)",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "🧪 Mute for 24 hours (User u_123): Rehearsed only. "
                "It would have asked for: POST /v1/users/u_123/mutes",
                "Closed 12:07 · Violation",
                "[Reopen…] [⋯]",
            ],
            id="rehearsed",
        ),
        pytest.param(
            undo_asked,
            [
                "🟡 取り消しの承認待ち",
                f"*佐藤さんの判断: 24時間コメント制限({RULE})*",
                "*佐藤さんが取り消しを依頼しました。承認を待っています。*",
                "承認 0/1 · 依頼先 リード · 期限 12:42 · 期限後は取り消しません",
                "✅ コメント制限 24時間(ユーザー u_123): 反映を確認済み",
                "12:07 完了 · 違反",
                "[取り下げる] [⋯]",
            ],
            [
                "🟡 Awaiting approval of the undo",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "*佐藤 asked for the undo. It waits for approval.*",
                "Approvals 0/1 · Asked: lead · Due 12:42 · Not undone after that",
                "✅ Mute for 24 hours (User u_123): Done and verified",
                "Closed 12:07 · Violation",
                "[Withdraw] [⋯]",
            ],
            id="undo awaits approval",
        ),
        pytest.param(
            lambda: undo_asked().then(cmd.Reject(by=TANAKA, reason="違反は明らかです"), 12),
            [
                "⚪ 完了",
                f"*佐藤さんの判断: 24時間コメント制限({RULE})*",
                "✅ コメント制限 24時間(ユーザー u_123): 反映を確認済み",
                "12:07 完了 · 違反",
                "*取り消しは田中さんが却下しました。措置はそのまま残ります。*",
                "違反は明らかです",
                "[取り消す…] [⋯]",
            ],
            [
                "⚪ Closed",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "✅ Mute for 24 hours (User u_123): Done and verified",
                "Closed 12:07 · Violation",
                "*田中 rejected the undo. The actions stay.*",
                "違反は明らかです",
                "[Undo…] [⋯]",
            ],
            id="undo rejected",
        ),
        pytest.param(
            lambda: Story().cleared().then(cmd.Reopen(by=TANAKA, reason="通報が続いています"), 30),
            [
                "🔵 対応中(再開)",
                "*佐藤さんの判断: 違反なし*",
                "*田中さんが 12:33 に再開しました。もう一度判断してください。*",
                "担当 *田中さん* · 判断期限 *12:43* · 次の通知 12:43 リード",
                PRESETS_JA,
            ],
            [
                "🔵 In progress again",
                "*Decision by 佐藤: No violation*",
                "*田中 reopened this 12:33. Please decide again.*",
                "Assignee *田中* · Decide by *12:43* · Next call 12:43: lead",
                PRESETS_EN,
            ],
            id="reopened",
        ),
        pytest.param(
            merged,
            [
                "⚪ 統合済み",
                "*佐藤さんがケース K7AAAAAAA に統合しました。対応はそちらで続けます。*",
            ],
            [
                "⚪ Merged",
                "*佐藤 merged this into case K7AAAAAAA. The work goes on there.*",
            ],
            id="merged",
        ),
        pytest.param(
            lambda: Story().claimed().then(cmd.Absorb(case="K7BBBBBBB", alerts=12, by="U0SATO"), 4),
            [
                "🔵 対応中",
                "ほか 12件",
                "統合したケース K7BBBBBBB",
                "担当 *佐藤さん* · 判断期限 *12:13* · 次の通知 12:13 リード",
                PRESETS_JA,
            ],
            [
                "🔵 In progress",
                "+12 similar",
                "Merged into this one: K7BBBBBBB",
                "Assignee *佐藤* · Decide by *12:13* · Next call 12:13: lead",
                PRESETS_EN,
            ],
            id="absorbed another case",
        ),
    ],
)
def test_a_card_says_in_words_and_colour_where_its_case_stands(
    tell: Callable[[], Story], ja: list[str], en: list[str]
) -> None:
    """What happened, what is waited for, who has to act, and what can be pressed."""
    assert body(tell(), Language.JA) == ja
    assert body(tell(), Language.EN) == en


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
            rehearsed,
            "佐藤さんの判断は「24時間コメント制限」でした。試行のため、実行していません。",
            "佐藤 decided “Mute 24 h”. It was rehearsed only and not carried out.",
        ),
        (
            merged,
            "ケース K7AAAAAAA に統合しました。対応はそちらで続けます。",
            "It was merged into case K7AAAAAAA. The work goes on there.",
        ),
        (
            lambda: Story(policy=PROTECTS).protected().claimed(),
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
            "(プラットフォームに断られました(応答 409))",
            "🛡️ Protection failed: Mute (User u_123) (the platform refused it (answer 409))",
        ),
        (
            lambda: Story(policy=PROTECTS).protected().then(cmd.LiftProtection(by=SATO), 2),
            "🛡️ 保護を解除しています: コメント制限(ユーザー u_123)",
            "🛡️ Protection is being lifted: Mute (User u_123)",
        ),
        (
            lambda: Story(policy=PROTECTS).protected().then(cmd.Confirm(by=SATO), 2),
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
            lambda: Story(policy=policy(rehearse=True)),
            "試行中: 判断しても措置は実行されず、送るはずの内容だけが残ります",
            "Rehearsal: nothing is carried out, only what would have been asked for is kept",
        ),
    ],
)
def test_a_line_of_the_card_tells_the_rest(tell: Callable[[], Story], ja: str, en: str) -> None:
    """Protections on their way, the claim's end, who has seen it, whom the ladder calls."""
    assert ja in body(tell(), Language.JA)
    assert en in body(tell(), Language.EN)


def test_what_is_known_of_the_subject_stands_beside_the_score() -> None:
    """Prior actions, those still in force, and the other cases on the same subject."""
    view = view_of(Story(known=KNOWN).case)
    assert seen(case_card(view, reader()))[2] == (
        "スコア 0.97 · 視聴者 1,240 · 過去の措置 コメント制限2(継続中1)・強制退会1"
        " · 対応中の別ケース 1(K7AAAAAAA) · 過去のケース 3"
    )
    assert seen(case_card(view, reader(Language.EN)))[2] == (
        "Score 0.97 · 1,240 viewers · Earlier actions: Mute 2 (1 in force), Permanent ban 1"
        " · 1 other open case (K7AAAAAAA) · 3 earlier cases"
    )


def test_many_other_cases_are_counted() -> None:
    """Five are named."""
    many = Known(open_cases=tuple(f"K7AAAAAA{n}" for n in range(8)))
    facts = seen(case_card(view_of(Story(known=many).case), reader()))[2]
    assert facts.endswith(
        "対応中の別ケース 8(K7AAAAAA0、K7AAAAAA1、K7AAAAAA2、K7AAAAAA3、K7AAAAAA4 ほか3件)"
    )


@pytest.mark.parametrize(
    ("tell", "expected"),
    [
        (Story, ["acknowledge", "escalate", "note", "snooze", "wait"]),
        (lambda: Story().claimed(), ["handover", "wait", "note", "release", "escalate"]),
        (
            lambda: Story(policy=PROTECTS, known=KNOWN).protected().claimed(),
            ["lift_protection", "merge", "handover", "wait", "note"],
        ),
        (
            lambda: Story().claimed().waiting(),
            ["handover", "note", "release", "wait", "snooze"],
        ),
        (lambda: Story().ban_asked(), ["note", "watch"]),
        (
            lambda: Story().ban_asked().then(cmd.Watch(by=TANAKA), 4),
            ["note", "watch", "unwatch"],
        ),
        (lambda: Story().ban_asked().approved(), ["note", "watch"]),
        (muted, ["note", "watch"]),
    ],
)
def test_the_menu_holds_what_is_most_useful_now(
    tell: Callable[[], Story], expected: list[str]
) -> None:
    """At most five entries; all of them can be asked for elsewhere."""
    view = view_of(tell().case)
    menu = pressable(case_card(view, reader()))[-1]
    assert (menu["type"], menu["action_id"]) == ("overflow", "case.more")
    assert [option["value"].split(":")[0] for option in menu["options"]] == expected
    assert list(entries(view))[: len(expected)] == expected


def test_what_has_no_room_in_the_menu_is_named_all_the_same() -> None:
    """For the pages that have more room than a card."""
    story = Story(policy=PROTECTS, known=KNOWN).protected().claimed()
    assert entries(view_of(story.case)) == (
        "lift_protection",
        "merge",
        "handover",
        "wait",
        "note",
        "release",
        "escalate",
        "snooze",
        "watch",
    )


@pytest.mark.parametrize(
    ("tell", "ids", "primary"),
    [
        (
            lambda: Story(policy=PROTECTS).protected(),
            ["case.claim", "case.confirm", "case.preset.mute", "case.decide", "case.clear"],
            "case.claim",
        ),
        (
            lambda: Story(policy=PROTECTS).protected().claimed().waiting(),
            ["case.resume", "case.confirm", "case.preset.mute", "case.decide", "case.clear"],
            "case.resume",
        ),
        (
            lambda: Story(policy=PROTECTS).protected().claimed(),
            [
                "case.confirm",
                "case.preset.mute",
                "case.preset.ban",
                "case.decide",
                "case.clear",
            ],
            "case.decide",
        ),
        (
            lambda: Story().ban_asked().asked(),
            ["approval.answer", "approval.withdraw"],
            "approval.answer",
        ),
        (lambda: reviewed().asked(), ["approval.answer"], "approval.answer"),
        (undo_asked, ["approval.withdraw"], None),
        (muted, ["action.undo"], None),
        (lambda: Story().cleared(), ["case.reopen"], None),
        (merged, [], None),
    ],
)
def test_only_what_can_be_done_can_be_pressed(
    tell: Callable[[], Story], ids: list[str], primary: str | None
) -> None:
    """At most five buttons, and one of them stands out."""
    drawn = pressable(case_card(view_of(tell().case), reader()))
    shown = [each for each in drawn if each["type"] == "button"]
    assert [each["action_id"] for each in shown] == ids
    stands_out = [each["action_id"] for each in shown if each.get("style") == "primary"]
    assert stands_out == ([primary] if primary else [])


def test_confirming_a_protection_says_what_becomes_a_decision() -> None:
    """The button does not name the action, so its question does."""
    confirm = pressable(case_card(view_of(Story(policy=PROTECTS).protected().case), reader()))[1]
    assert [confirm["confirm"][part]["text"] for part in ("title", "text", "confirm")] == [
        "保護を確定しますか?",
        "「コメント制限」を違反の判断としてユーザー u_123に残します。"
        "自動では解除されなくなります。",
        "確定する",
    ]


def test_a_lifted_protection_leaves_the_card() -> None:
    """It did its part; the thread tells of it."""
    story = Story(policy=PROTECTS).protected().reported(MUTE, ActionStatus.LIFTED, 15, of="P1")
    assert body(story, Language.JA)[1].startswith("担当 *未定*")


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
    assert "田中さんが承認しました" in body(story, Language.JA)
    assert "田中 approved this" in body(story, Language.EN)
