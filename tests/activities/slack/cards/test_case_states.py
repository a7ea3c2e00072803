"""Case card in every state and both languages."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.activities.slack.cases import (
    AT,
    SATO,
    TANAKA,
    Story,
)
from tests.activities.slack.drawn import body
from tests.activities.slack.situations import (
    dry_run,
    merged,
    protected,
    reviewed,
    rolled_back,
    undo_asked,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.view import view_of
from workflows.domain.values import Language

RULE = "<https://rules.example/4.2|MKT-4.2>"
PRESETS_JA = "[24時間コメント制限] [強制退会…] [判断する…] [違反なし] [⋯]"
PRESETS_EN = "[Mute 24 h] [Ban…] [Decide…] [No violation] [⋯]"


@pytest.mark.parametrize(
    ("tell", "ja", "en"),
    [
        pytest.param(
            lambda: protected(),
            [
                "🔴 未対応",
                "🛡️ 自動対応中: コメント制限（ユーザー u_123） · 12:18 まで"
                "（確定しなければ自動で解除）",
                "担当 *未定* · 担当期限 *12:05* · 判断期限 *12:13*"
                " · 対応がなければ 12:05 に当番へ通知",
                "[担当する] [自動対応を確定する] [24時間コメント制限] [判断する…] [違反なし] [⋯]",
            ],
            [
                "🔴 Open",
                "🛡️ Auto-action: Mute (User u_123) · until 12:18 unless someone confirms",
                "*Unassigned* · Claim by *12:05* · Decide by *12:13* · Pings on-call at 12:05",
                "[Claim] [Confirm auto-action] [Mute 24 h] [Decide…] [No violation] [⋯]",
            ],
            id="new and protecting",
        ),
        pytest.param(
            lambda: Story().claimed().waiting(),
            [
                "⏸️ 保留",
                "⏸️ *佐藤さんが情報を待っています*（14:03 まで） · 期限のカウントは停止中です",
                "出品者に購入証明を依頼中",
                "担当 *佐藤さん* · 判断期限 *停止中*",
                f"[対応を再開する] {PRESETS_JA}",
            ],
            [
                "⏸️ On hold",
                "⏸️ *佐藤 is waiting for information* until 14:03 · Deadlines paused",
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
                "⏸️ *佐藤さんが保留にしました*（12:11 まで）",
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
                f"*佐藤さんの判断: 強制退会（{RULE}）*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "承認 0/1 · 依頼先 リード · 期限のカウントは停止中 · 期限後は実行しません",
                "*田中さんからの質問* · 回答待ち（12:38 まで）",
                "配信外の証拠はありますか?",
                "[回答する…] [取り下げる] [⋯]",
            ],
            [
                "🟡 Awaiting approval",
                f"*Decision by 佐藤: Permanent ban ({RULE})*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "Approvals 0/1 · Asked: lead · Deadline paused"
                " · If no one replies: not carried out",
                "*Question from 田中* · waiting for a reply until 12:38",
                "配信外の証拠はありますか?",
                "[Reply…] [Withdraw] [⋯]",
            ],
            id="awaiting approval with a question",
        ),
        pytest.param(
            lambda: protected().ban_asked(),
            [
                "🟡 承認待ち",
                f"*佐藤さんの判断: 強制退会（{RULE}）*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "承認 0/1 · 依頼先 リード · 期限 12:36 · 期限後は実行しません",
                "🛡️ 自動対応中: コメント制限（ユーザー u_123） · 承認の結果が出るまで継続",
                "[取り下げる] [⋯]",
            ],
            [
                "🟡 Awaiting approval",
                f"*Decision by 佐藤: Permanent ban ({RULE})*",
                "プロフィールと配信で計3回、LINE IDを提示",
                "Approvals 0/1 · Asked: lead · Due 12:36 · If no one replies: not carried out",
                "🛡️ Auto-action: Mute (User u_123) · stays until the approval is settled",
                "[Withdraw] [⋯]",
            ],
            id="protection held while an approval is waited for",
        ),
        pytest.param(
            lambda: Story().ban_asked().then(cmd.Withdraw(by=SATO), 6),
            [
                "🔵 対応中",
                f"*佐藤さんの判断: 強制退会（{RULE}）*",
                "*佐藤さんが承認依頼を取り下げました。もう一度判断してください。*",
                "担当 *佐藤さん* · 判断期限 *12:13* · 対応がなければ 12:13 にリードへ通知",
                PRESETS_JA,
            ],
            [
                "🔵 In progress",
                f"*Decision by 佐藤: Permanent ban ({RULE})*",
                "*佐藤 withdrew the approval request. Please decide again.*",
                "Assignee *佐藤* · Decide by *12:13* · Pings lead at 12:13",
                PRESETS_EN,
            ],
            id="withdrawn",
        ),
        pytest.param(
            reviewed,
            [
                "🟡 事後承認待ち",
                f"*佐藤さんの判断: 24時間コメント制限（{RULE}）*",
                "*先に実行済み（事後承認待ち）*",
                "承認 0/1 · 依頼先 リード · 期限 12:21 · 期限後は措置を取り消します",
                "✅ コメント制限 24時間（ユーザー u_123）: 実行済み（反映を確認）",
                "[⋯]",
            ],
            [
                "🟡 Awaiting sign-off",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "*Already carried out (awaiting sign-off)*",
                "Approvals 0/1 · Asked: lead · Due 12:21 · If no one replies: undone",
                "✅ Mute for 24 hours (User u_123): Done and verified",
                "[⋯]",
            ],
            id="review pending",
        ),
        pytest.param(
            lambda: reviewed().rejected(),
            [
                "🟣 取り消し中",
                f"*佐藤さんの判断: 24時間コメント制限（{RULE}）*",
                "*田中さんが事後承認を却下したため、措置を取り消します。もう一度判断してください。*",
                "証拠が足りません",
                "⏳ コメント制限 24時間（ユーザー u_123）: 取り消し中",
                "担当 *佐藤さん* · 判断期限 *12:13* · 対応がなければ 12:13 にリードへ通知",
                "緊急: 取り消せる措置は先に実行し、あとで承認を取ります",
                PRESETS_JA,
            ],
            [
                "🟣 Undoing",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "*田中 rejected this at sign-off, so the actions are being undone. "
                "Please decide again.*",
                "証拠が足りません",
                "⏳ Mute for 24 hours (User u_123): Undoing",
                "Assignee *佐藤* · Decide by *12:13* · Pings lead at 12:13",
                "Urgent: actions that can be undone run first and are signed off later",
                PRESETS_EN,
            ],
            id="review rejected",
        ),
        pytest.param(
            rolled_back,
            [
                "🔴 実行失敗",
                f"*佐藤さんの判断: コメント制限 24時間、売上没収（{RULE}）*",
                "3回目の違反",
                "↩️ コメント制限 24時間（ユーザー u_123）: 取り消し済み（ほかの措置が失敗したため）",
                "⚠️ 売上没収（ユーザー u_123）: 失敗: プラットフォームに拒否されました（409）",
                "[再試行] [中止する] [⋯]",
            ],
            [
                "🔴 Action failed",
                f"*Decision by 佐藤: Mute for 24 hours, Forfeit payout ({RULE})*",
                "3回目の違反",
                "↩️ Mute for 24 hours (User u_123): Rolled back, another action failed",
                "⚠️ Forfeit payout (User u_123): Failed: the platform refused it (409)",
                "[Retry] [Give up] [⋯]",
            ],
            id="failed and rolled back",
        ),
        pytest.param(
            dry_run,
            [
                "⚪ 完了（試行のみ）",
                f"*佐藤さんの判断: 24時間コメント制限（{RULE}）*",
                "🧪 コメント制限 24時間（ユーザー u_123）: 試行のみ。"
                "送信予定の内容: POST /v1/users/u_123/mutes",
                "12:07 完了 · 違反",
                "[再開する…] [⋯]",
            ],
            [
                "⚪ Closed (dry run)",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "🧪 Mute for 24 hours (User u_123): Dry run. "
                "Request not sent: POST /v1/users/u_123/mutes",
                "Closed 12:07 · Violation",
                "[Reopen…] [⋯]",
            ],
            id="dry_run",
        ),
        pytest.param(
            undo_asked,
            [
                "🟡 取り消しの承認待ち",
                f"*佐藤さんの判断: 24時間コメント制限（{RULE}）*",
                "*佐藤さんが取り消しを依頼しました（承認待ち）*",
                "承認 0/1 · 依頼先 リード · 期限 12:42 · 期限後は取り消しません",
                "✅ コメント制限 24時間（ユーザー u_123）: 実行済み（反映を確認）",
                "12:07 完了 · 違反",
                "[取り下げる] [⋯]",
            ],
            [
                "🟡 Undo awaiting approval",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "*佐藤 asked to undo this (awaiting approval)*",
                "Approvals 0/1 · Asked: lead · Due 12:42 · If no one replies: not undone",
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
                f"*佐藤さんの判断: 24時間コメント制限（{RULE}）*",
                "✅ コメント制限 24時間（ユーザー u_123）: 実行済み（反映を確認）",
                "12:07 完了 · 違反",
                "*田中さんが取り消しを却下しました。措置はそのまま残ります。*",
                "違反は明らかです",
                "[措置を取り消す] [⋯]",
            ],
            [
                "⚪ Closed",
                f"*Decision by 佐藤: Mute 24 h ({RULE})*",
                "✅ Mute for 24 hours (User u_123): Done and verified",
                "Closed 12:07 · Violation",
                "*田中 rejected the undo. The actions stay in place.*",
                "違反は明らかです",
                "[Undo actions] [⋯]",
            ],
            id="undo rejected",
        ),
        pytest.param(
            lambda: Story().cleared().then(cmd.Reopen(by=TANAKA, reason="通報が続いています"), 30),
            [
                "🔵 対応中（再開）",
                "*佐藤さんの判断: 違反なし*",
                "*田中さんが 12:33 に再開しました。もう一度判断してください。*",
                "担当 *田中さん* · 判断期限 *12:43* · 対応がなければ 12:43 にリードへ通知",
                PRESETS_JA,
            ],
            [
                "🔵 In progress (reopened)",
                "*Decision by 佐藤: No violation*",
                "*田中 reopened this at 12:33. Please decide again.*",
                "Assignee *田中* · Decide by *12:43* · Pings lead at 12:43",
                PRESETS_EN,
            ],
            id="reopened",
        ),
        pytest.param(
            merged,
            [
                "⚪ 統合済み",
                "*佐藤さんがケース K7AAAAAAA に統合しました。対応は統合先で続けます。*",
            ],
            [
                "⚪ Merged",
                "*佐藤 merged this into case K7AAAAAAA. Work continues there.*",
            ],
            id="merged",
        ),
        pytest.param(
            lambda: Story().claimed().then(cmd.Absorb(case="K7BBBBBBB", alerts=12, by="U0SATO"), 4),
            [
                "🔵 対応中",
                "ほか12件",
                "統合したケース: K7BBBBBBB",
                "担当 *佐藤さん* · 判断期限 *12:13* · 対応がなければ 12:13 にリードへ通知",
                PRESETS_JA,
            ],
            [
                "🔵 In progress",
                "+12 similar",
                "Merged in: K7BBBBBBB",
                "Assignee *佐藤* · Decide by *12:13* · Pings lead at 12:13",
                PRESETS_EN,
            ],
            id="absorbed another case",
        ),
    ],
)
def test_a_card_has_its_state_in_words_and_colour(
    tell: Callable[[], Story], ja: list[str], en: list[str]
) -> None:
    """The card has result, next step, responsible person and buttons."""
    assert body(view_of(tell().case), Language.JA) == ja
    assert body(view_of(tell().case), Language.EN) == en
