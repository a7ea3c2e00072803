"""Thread lines of holds, escalations, questions and protections, with their mentions."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from activities.slack.thread import lines_message
from tests.activities.slack.cases import (
    AT,
    BAN,
    MUTE,
    SATO,
    TANAKA,
    Story,
    policy,
)
from tests.activities.slack.drawn import faults, reader, seen
from tests.activities.slack.situations import (
    dry_run,
    in_turn,
    merged,
    protected,
    reviewed,
    undo_asked,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.approval import Consent
from workflows.domain.case.enforcement import ActionStatus, EnforcementReport
from workflows.domain.case.events import Approved, Recorded
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Language

SHIFT, LEAD = "<!subteam^S0SHIFT>", "<!subteam^S0LEAD>"
FORGED = EnforcementReport(id="r/1", case="K7Q2F9XM0", decision="D9", actions=(), unproven=True)
IDLE = policy(claims={"idle": "5m", "warn": "2m"})
LADDER = policy(
    escalation=[
        {
            "after": "2m",
            "unless": "acknowledged",
            "notify": "role",
            "role": "lead",
            "repeat": {"every": "1m", "times": 3},
        },
        {
            "after": "30m",
            "unless": "claimed",
            "notify": "person",
            "person": "U0TANAKA",
            "via": "both",
        },
        {"after": "40m", "unless": "claimed", "notify": "lead", "via": "direct"},
    ]
)


def last_line(story: Story, kind: str, language: Language) -> str:
    """The last line of that kind, with its time in Tokyo's zone."""
    line = [each for each in story.recorded if each.event.kind == kind][-1]
    drawn = lines_message((line,), view_of(story.case), reader(language))
    assert faults(drawn) == []
    return seen(drawn)[0]


def waiting() -> Story:
    return Story().claimed().waiting()


def snoozed(until: int = 8) -> Story:
    later = AT + timedelta(minutes=until)
    return Story().claimed().then(cmd.Snooze(by=TANAKA, until=later), 2)


def called(*minutes: int) -> Story:
    story = Story(policy=LADDER)
    for each in minutes:
        story.then(cmd.Tick(), each)
    return story


def asked() -> Story:
    return Story().ban_asked().asked()


@pytest.mark.parametrize(
    ("tell", "kind", "ja", "en"),
    [
        (
            lambda: Story().claimed().then(cmd.HandOver(by=SATO, to=TANAKA, note="質問済み"), 4),
            "case_handed_over",
            "12:07 <@U0TANAKA> 佐藤さんが田中さんに引き継ぎました「質問済み」",
            "12:07 <@U0TANAKA> 佐藤 handed the case over to 田中: “質問済み”",
        ),
        (
            lambda: Story(policy=IDLE).claimed().then(cmd.Tick(), 4),
            "claim_warned",
            "12:07 <@U0SATO> 操作がないため、12:09 に担当が外れます。"
            "続けるときはメモを残すか、カードを操作してください。",
            "12:07 <@U0SATO> You’ll be released at 12:09 for inactivity. "
            "To keep the case, add a note or use the card.",
        ),
        (
            lambda: Story(policy=IDLE).claimed().then(cmd.Tick(), 4).then(cmd.Tick(), 6),
            "claim_expired",
            f"12:09 {SHIFT} 操作がなかったため、佐藤さんの担当が外れました。対応をお願いします。",
            f"12:09 {SHIFT} 佐藤 was released for inactivity. Please take over.",
        ),
        (
            lambda: Story().then(cmd.Report(report=FORGED), 1),
            "enforcement_refused",
            "12:04 偽の実行要求を拒否しました。管理者に連絡してください。",
            "12:04 Koban refused a forged request to the platform. Please tell an admin.",
        ),
        (
            lambda: Story().then(cmd.Acknowledge(by=SATO), 1),
            "case_acknowledged",
            "12:04 佐藤さんが見ました（対応は未定）",
            "12:04 佐藤 has seen this",
        ),
        (
            lambda: called(2),
            "case_escalated",
            f"12:05 {LEAD} まだ誰も見ていません。確認をお願いします。",
            f"12:05 {LEAD} Nobody has seen this yet. Please take a look.",
        ),
        (
            lambda: called(2, 3, 4),
            "case_escalated",
            f"12:07 {LEAD} まだ誰も見ていません。確認をお願いします。（再通知 2/3）",
            f"12:07 {LEAD} Nobody has seen this yet. Please take a look. (reminder 2/3)",
        ),
        (
            lambda: called(30),
            "case_escalated",
            "12:33 <@U0TANAKA> 担当者がまだいません。対応をお願いします。",
            "12:33 <@U0TANAKA> Nobody has claimed this yet. Please take a look.",
        ),
        (
            lambda: called(40),
            "case_escalated",
            "12:43 リードに DM で通知します",
            "12:43 Notifying by direct message: lead",
        ),
        (
            snoozed,
            "case_snoozed",
            "12:05 田中さんが保留にしました（12:11 まで）",
            "12:05 田中 put the case on hold until 12:11",
        ),
        (
            lambda: snoozed(80),
            "case_snoozed",
            "12:05 田中さんが保留にしました（13:23 まで）。期限のカウントは停止中です",
            "12:05 田中 put the case on hold until 13:23; deadlines are paused",
        ),
        (
            waiting,
            "case_waiting",
            "12:05 佐藤さんが情報を待っています（14:03 まで）「出品者に購入証明を依頼中」",
            "12:05 佐藤 is waiting for information until 14:03: “出品者に購入証明を依頼中”",
        ),
        (
            lambda: waiting().then(cmd.Resume(by=SATO), 9),
            "case_resumed",
            "12:12 佐藤さんが保留を解除しました",
            "12:12 佐藤 took the case off hold",
        ),
        (
            lambda: waiting().then(cmd.Snooze(by=TANAKA, until=AT + timedelta(hours=3)), 9),
            "case_resumed",
            "12:12 前の保留を終了しました",
            "12:12 The previous hold ended",
        ),
        (
            lambda: waiting().then(cmd.Tick(), 121),
            "case_resumed",
            "14:04 <@U0SATO> 保留の期限になりました。対応をお願いします。",
            "14:04 <@U0SATO> The hold is over. Please continue.",
        ),
        (
            lambda: Story().claimed().then(cmd.AddNote(by=TANAKA, note="DMも確認を"), 4),
            "note_added",
            "12:07 田中さんのメモ「DMも確認を」",
            "12:07 Note from 田中: “DMも確認を”",
        ),
        (
            merged,
            "case_merged",
            "12:07 佐藤さんがケース K7AAAAAAA に統合しました",
            "12:07 佐藤 merged this into case K7AAAAAAA",
        ),
        (
            lambda: Story().then(cmd.Absorb(case="K7BBBBBBB", alerts=12, by="U0SATO"), 4),
            "case_absorbed",
            "12:07 佐藤さんがケース K7BBBBBBB をここに統合しました（検知 12件）",
            "12:07 佐藤 merged case K7BBBBBBB into this one (12 alerts)",
        ),
        (
            lambda: Story().cleared().then(cmd.Reopen(by=TANAKA, reason="通報が続いています"), 9),
            "case_reopened",
            "12:12 田中さんが再開しました「通報が続いています」",
            "12:12 田中 reopened the case: “通報が続いています”",
        ),
        (
            asked,
            "approval_asked",
            "12:08 <@U0SATO> 田中さんからの質問です。"
            "回答をお願いします「配信外の証拠はありますか?」",
            "12:08 <@U0SATO> Question from 田中: “配信外の証拠はありますか?”",
        ),
        (
            lambda: asked().then(cmd.AnswerApprover(by=SATO, answer="あります"), 9),
            "approval_answered",
            f"12:12 {LEAD} 佐藤さんが回答しました（期限 12:40）「あります」",
            f"12:12 {LEAD} 佐藤 replied (due 12:40): “あります”",
        ),
        (
            lambda: asked().then(cmd.Tick(), 40),
            "approval_answered",
            f"12:43 {LEAD} 回答がないまま、期限のカウントを再開しました（期限 13:06）",
            f"12:43 {LEAD} No reply; the deadline is running again (due 13:06)",
        ),
        (
            lambda: Story().ban_asked().then(cmd.Tick(), 25),
            "approval_reminded",
            f"12:28 {LEAD} 承認の期限が近づいています（期限 12:36）。承認をお願いします。",
            f"12:28 {LEAD} Approval is due soon (12:36). Please take a look.",
        ),
        (
            lambda: Story().ban_asked().then(cmd.Withdraw(by=SATO), 6),
            "approval_withdrawn",
            "12:09 佐藤さんが承認依頼を取り下げました",
            "12:09 佐藤 withdrew the approval request",
        ),
        (
            lambda: Story().ban_asked().then(cmd.Tick(), 40),
            "approval_expired",
            "12:43 期限までに承認されませんでした。実行しません",
            "12:43 Not approved in time; not carried out",
        ),
        (
            lambda: reviewed().then(cmd.Tick(), 40),
            "approval_expired",
            "12:43 期限までに事後承認されませんでした。措置を取り消します",
            "12:43 Not signed off in time; undoing the actions",
        ),
        (
            lambda: undo_asked().then(cmd.Tick(), 60),
            "approval_expired",
            "13:03 期限までに承認されませんでした。措置は取り消しません",
            "13:03 Not approved in time; the actions stay in place",
        ),
        (
            reviewed,
            "approval_requested",
            "12:06 先に実行し、リードに事後承認を依頼しました（期限 12:21）",
            "12:06 Carried out; sign-off requested from: lead (due 12:21)",
        ),
        (
            undo_asked,
            "approval_requested",
            "12:12 佐藤さんがリードに取り消しの承認を依頼しました（期限 12:42）",
            "12:12 佐藤 requested undo approval from: lead (due 12:42)",
        ),
        (
            lambda: in_turn().reported(MUTE, ActionStatus.SKIPPED),
            "action_skipped",
            "12:07 コメント制限: 前の措置が失敗したため、実行していません",
            "12:07 Mute: skipped, an earlier action failed",
        ),
        (
            lambda: in_turn().reported(MUTE, ActionStatus.ROLLED_BACK),
            "action_rolled_back",
            "12:07 コメント制限: ほかの措置が失敗したため、取り消しました",
            "12:07 Mute: rolled back, another action failed",
        ),
        (
            dry_run,
            "action_dry_run",
            "12:07 コメント制限: 試行のため、実行していません。"
            "送信予定の内容: POST /v1/users/u_123/mutes",
            "12:07 Mute: dry run, not carried out. Request not sent: POST /v1/users/u_123/mutes",
        ),
        (
            protected,
            "protection_started",
            "12:03 Koban が自動対応しました: コメント制限 15分（ユーザー u_123）。"
            "確定しなければ自動で解除します",
            "12:03 Koban took an auto-action: Mute for 15 minutes (User u_123). "
            "It is lifted automatically unless someone confirms",
        ),
        (
            lambda: protected().ban_asked(),
            "protection_held",
            "12:06 承認の結果が出るまで自動対応を継続します（コメント制限）",
            "12:06 Auto-action stays until the approval is settled (Mute)",
        ),
        (
            lambda: protected().ban_asked().rejected(),
            "protection_resumed",
            "12:08 自動対応は期限になると自動で解除します（コメント制限）",
            "12:08 Auto-action is lifted at its deadline again (Mute)",
        ),
        (
            lambda: protected().then(cmd.Confirm(by=SATO), 3),
            "protection_confirmed",
            "12:06 自動対応を判断に引き継ぎます（コメント制限）",
            "12:06 Auto-action becomes part of the decision (Mute)",
        ),
        (
            lambda: (
                protected()
                .then(cmd.Confirm(by=SATO), 3)
                .reported(MUTE, ActionStatus.KEPT, 4, of="P1")
            ),
            "protection_kept",
            "12:07 コメント制限: 自動対応を判断に引き継ぎました",
            "12:07 Mute: auto-action kept by the decision",
        ),
        (
            lambda: protected().cleared(),
            "protection_dismissed",
            "12:06 判断が確定したため、自動対応を解除します（コメント制限）",
            "12:06 Decision made; lifting the auto-action (Mute)",
        ),
        (
            lambda: protected().then(cmd.LiftProtection(by=SATO), 3),
            "protection_dismissed",
            "12:06 佐藤さんが自動対応の解除を指示しました（コメント制限）",
            "12:06 佐藤 is lifting the auto-action (Mute)",
        ),
        (
            lambda: protected().reported(MUTE, ActionStatus.LIFTED, 15, of="P1"),
            "protection_lifted",
            "12:18 コメント制限: 自動対応を解除しました",
            "12:18 Mute: auto-action lifted",
        ),
    ],
)
def test_each_event_is_a_line(tell: Callable[[], Story], kind: str, ja: str, en: str) -> None:
    """A line has time, person and event, and a mention of whoever has to act."""
    assert last_line(tell(), kind, Language.JA) == ja
    assert last_line(tell(), kind, Language.EN) == en


def test_a_worse_case_calls_its_owner() -> None:
    """The case was on hold at a lower severity."""
    grave = policy(severity={"critical": "alert.score >= 0.97", "medium": "true"})
    story = Story(policy=grave)
    story.case = story.case.model_copy(update={"severity": Severity.MEDIUM})
    later = AT + timedelta(minutes=9)
    story.claimed().then(cmd.Snooze(by=SATO, until=later), 2).joined(240)
    assert last_line(story, "case_resumed", Language.JA) == (
        "12:07 <@U0SATO> 重大度が上がったため、保留を解除しました。対応をお願いします。"
    )


def test_an_approval_through_a_cover_names_both() -> None:
    """The line names the covered person too."""
    story = Story().ban_asked()
    consent = Consent(by="U0TANAKA", role=Role.LEAD, at=AT, covers="U0SATO")
    event = Approved(at=AT, by="U0TANAKA", decision="D1", consent=consent, granted=False)
    drawn = lines_message((Recorded(seq=9, event=event),), view_of(story.case), reader())
    assert seen(drawn) == [
        "12:03 田中さんが佐藤さんの代理で承認しました。あと1人以上の承認が必要です"
    ]


def test_a_line_about_an_ended_action_has_no_title() -> None:
    """Lines are often posted after their action has ended."""
    story = protected().ban_asked().approved()
    story.reported(MUTE, ActionStatus.LIFTED, 6, of="P1").reported(BAN, ActionStatus.VERIFIED, 7)
    assert last_line(story, "protection_held", Language.JA) == (
        "12:06 承認の結果が出るまで自動対応を継続します"
    )
