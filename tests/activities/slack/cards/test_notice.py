"""Notice status on a card, and its retry."""

import re

import pytest

from activities.slack.cards.case import case_card
from activities.slack.thread import line
from tests.activities.slack.cases import CATALOG, SATO, TANAKA, Story, policy
from tests.activities.slack.drawn import faults, pressable, reader, seen
from tests.workflows.domain.case.bulk_builders import bulk_news
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Bulk, Tally
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
from workflows.domain.case.view import view_of
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Policy
from workflows.domain.values import Language, Text

REFUSED = Problem(kind=ProblemKind.REFUSED, status=404)
AWAY = Problem(kind=ProblemKind.UNREACHABLE)
REASON = {
    "id": "line",
    "title": {"ja": "LINEの提示", "en": "LINE ID"},
    "reason": {"ja": "LINE IDを提示した。", "en": "Gave a LINE ID."},
    "notice": {"ja": "LINE IDの *提示* を確認しました。", "en": "We found a LINE ID."},
}


def with_notice(to: str = "user") -> Policy:
    """A policy with a reason that sends a notice."""
    frame = Text(ja="{facts}", en="{facts}")
    call = NoticeCall(path="/v1/users/{subject.id}/notices", subject=to)
    made = policy(CATALOG, reasons=[REASON])
    return made.model_copy(update={"notice_text": NoticeText(call=call, frame=frame)})


def decided(action: str = "mute_user") -> Story:
    """A case that 佐藤 decided with that reason."""
    decide = cmd.Decide(
        by=SATO,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": action},),  # type: ignore[arg-type]
        reason="LINE IDを提示した。",
        template="line",
    )
    return Story(policy=with_notice()).then(decide, 3)


def ended(status: NoticeStatus | None, problem: Problem | None = None) -> Story:
    """A mute in effect, with a notice of this status."""
    story = decided()
    notice = None if status is None else NoticeState(status=status, problem=problem)
    done = ActionReport(action="mute_user/user:u_123", status=ActionStatus.VERIFIED)
    report = EnforcementReport(
        id=f"n/{status}", case=story.case.id, decision="D1", actions=(done,), notice=notice
    )
    return story.then(cmd.Report(report=report), 4)


def notice_lines(story: Story, language: Language = Language.JA) -> list[str]:
    """The card's lines about the notice."""
    drawn = case_card(view_of(story.case), reader(language))
    assert faults(drawn) == []
    lines = "\n".join(seen(drawn)).split("\n")
    return [each for each in lines if re.search("本人|の通知|The user|decision notice", each)]


def labels(story: Story) -> list[str]:
    drawn = pressable(case_card(view_of(story.case), reader()))
    return [each["text"]["text"] for each in drawn if each["type"] == "button"]


@pytest.mark.parametrize(
    ("story", "ja", "en"),
    [
        (
            decided(),
            "✉️ 実行後に判断を本人に通知します（ユーザー u_123）",
            "✉️ The user is notified once it is carried out (User u_123)",
        ),
        (
            ended(NoticeStatus.SENT),
            "✉️ 判断を本人に通知しました（ユーザー u_123）",
            "✉️ The user was notified of the decision (User u_123)",
        ),
        (
            ended(NoticeStatus.RETRYING, AWAY),
            "🔁 判断の通知を再送中です（ユーザー u_123）: プラットフォームが応答しません",
            "🔁 Resending the decision notice (User u_123): the platform isn’t responding",
        ),
        (
            ended(NoticeStatus.FAILED, REFUSED),
            "⚠️ 判断を本人に通知できませんでした（ユーザー u_123）: "
            "プラットフォームに拒否されました（404）",
            "⚠️ The user could not be notified of the decision (User u_123): "
            "the platform refused it (404)",
        ),
    ],
    ids=["before", "sent", "retrying", "failed"],
)
def test_the_card_has_the_status_of_the_notice(story: Story, ja: str, en: str) -> None:
    """Both languages have a line for each status."""
    assert notice_lines(story) == [ja]
    assert notice_lines(story, Language.EN) == [en]


def test_only_a_notice_that_failed_can_be_sent_again() -> None:
    """The retry button comes first, before the undo."""
    assert labels(ended(NoticeStatus.FAILED, REFUSED)) == ["通知を再送する", "措置を取り消す"]
    assert labels(ended(NoticeStatus.RETRYING, AWAY)) == ["措置を取り消す"]
    assert labels(ended(NoticeStatus.SENT)) == ["措置を取り消す"]


def test_a_notice_on_its_way_again_says_so() -> None:
    """A pending notice has no retry button."""
    story = ended(NoticeStatus.FAILED, REFUSED).then(cmd.RetryNotice(by=SATO), 60)
    assert notice_lines(story) == ["⏳ 判断を本人に通知中です（ユーザー u_123）"]
    assert labels(story) == ["措置を取り消す"]


def test_a_decision_without_a_notice_says_why() -> None:
    """The reason is that of policy; without an addressee or notices there is no line."""
    assert notice_lines(Story().muted()) == []
    silent = with_notice()
    because = Text(ja="捜査中の *ため*", en="It is being investigated")
    playbook = silent.playbook.model_copy(update={"no_notice": because})
    silent = silent.model_copy(update={"playbook": playbook})
    lines = seen(case_card(view_of(Story(policy=silent).muted().case), reader()))
    assert any("🔕 本人に通知しません（捜査中の" in each for each in lines)


def test_an_undone_decision_shows_no_notice() -> None:
    """A failed notice of an undone decision is not shown."""
    story = ended(NoticeStatus.FAILED, REFUSED).then(cmd.Undo(by=SATO), 9)
    story.reported("mute_user/user:u_123", ActionStatus.UNDONE, 10)
    assert notice_lines(story) == []
    assert labels(story) == ["再開する…"]


def test_the_approver_sees_the_text_of_the_notice() -> None:
    """Policy text is escaped like any other text."""
    from activities.slack.cards.approval import approval_card

    case = decided("permanent_ban").case
    assert case.approval is not None
    assert case.decision is not None
    drawn = approval_card(view_of(case), case.approval, case.decision, reader(), None)
    assert "本人への通知内容（ユーザー u_123）: LINE IDの ∗提示∗ を確認しました。" in seen(drawn)
    assert faults(drawn) == []


def test_the_thread_has_retry_and_result() -> None:
    """The lines name the person who retried and the result."""
    story = ended(NoticeStatus.FAILED, REFUSED).then(cmd.RetryNotice(by=TANAKA), 60)
    view = view_of(story.case)
    shown = [
        line(each, view, reader()).partition("> ")[2]
        for each in story.recorded
        if each.event.kind.startswith("notice")
    ]
    assert shown == [
        "判断を本人に通知できませんでした。プラットフォームに拒否されました（404）",
        "田中さんが判断の通知を再送しました",
    ]


def in_bulk(to: str = "user") -> Story:
    """A bulk decision for 60 users, with notices to subjects of a type."""
    made = with_notice(to)
    playbook = made.playbook.model_copy(update={"bulk": True})
    command = cmd.DecideBulk.model_validate(
        {
            "by": SATO,
            "actions": [{"action": "mute_user"}],
            "reason": "同じ端末",
            "bulk": Bulk(id="R0123456789AB", type="user", count=60),
        }
    )
    return Story(policy=made.model_copy(update={"playbook": playbook})).then(command, 3)


def notified(story: Story, status: NoticeStatus | None, **counts: int) -> Story:
    """The end of the bulk decision with counts of its notices."""
    end = None if status is None else ActionStatus.VERIFIED
    tally = Tally(total=60, step=1, done=60, **counts)
    problem = REFUSED if status is NoticeStatus.FAILED else None
    notice = None if status is None else NoticeState(status=status, problem=problem)
    report = bulk_news(story.case, tally, end).report.model_copy(update={"notice": notice})
    return story.then(cmd.Report(report=report), 5)


def approved(story: Story) -> Story:
    return story.then(cmd.Approve(by=TANAKA), 4)


FAILED_TWO = {"notices_sent": 58, "notices_failed": 2}


def bulk_line(story: Story, language: Language = Language.JA) -> str:
    """The line about the notices of a bulk decision."""
    drawn = case_card(view_of(story.case), reader(language))
    assert faults(drawn) == []
    lines = "\n".join(seen(drawn)).split("\n")
    (line,) = [
        each for each in lines if each[:1] in "✉🔁⚠⏳🔕" and ("通知" in each or "otice" in each)
    ]
    return line


@pytest.mark.parametrize(
    ("story", "ja", "en"),
    [
        (
            in_bulk(),
            "✉️ 実行後に判断を本人に通知します（60件）",
            "✉️ The users are notified once it is carried out (60 notices)",
        ),
        (
            notified(approved(in_bulk()), None, notices_sent=25),
            "✉️ 通知 25/25件",
            "✉️ Notices sent: 25/25",
        ),
        (
            notified(approved(in_bulk()), NoticeStatus.SENT, notices_sent=60),
            "✉️ 通知 60/60件",
            "✉️ Notices sent: 60/60",
        ),
        (
            notified(
                approved(in_bulk()), NoticeStatus.RETRYING, notices_sent=58, notices_retrying=2
            ),
            "🔁 通知 58/60件、2件再送中",
            "🔁 Notices sent: 58/60, 2 resending",
        ),
        (
            notified(approved(in_bulk()), NoticeStatus.FAILED, **FAILED_TWO),
            "⚠️ 通知 58/60件、2件失敗: プラットフォームに拒否されました（404）",
            "⚠️ Notices sent: 58/60, 2 failed: the platform refused it (404)",
        ),
        (
            in_bulk("seller"),
            "🔕 本人に通知しません（通知先がないため）",
            "🔕 No notice to the person (nobody is known to notify)",
        ),
    ],
    ids=["before", "meanwhile", "sent", "retrying", "failed", "no addressees"],
)
def test_the_card_counts_the_notices_of_a_bulk_decision(story: Story, ja: str, en: str) -> None:
    """Each subject has one; without addressees it says so."""
    assert bulk_line(story) == ja
    assert bulk_line(story, Language.EN) == en


def test_the_failed_notices_of_a_bulk_decision_can_be_sent_again() -> None:
    """The button is that of a single decision; meanwhile they count as being sent."""
    story = notified(approved(in_bulk()), NoticeStatus.FAILED, **FAILED_TWO)
    assert labels(story)[0] == "通知を再送する"
    again = story.then(cmd.RetryNotice(by=SATO), 60)
    assert bulk_line(again) == "⏳ 通知 58/60件、2件再送中"
    assert "通知を再送する" not in labels(again)


def test_the_approver_sees_the_notices_of_a_bulk_decision() -> None:
    """Their number and text, or that there are none."""
    from activities.slack.cards.approval import approval_card

    shown = []
    for story in (in_bulk(), in_bulk("seller")):
        case = story.case
        assert case.approval is not None
        assert case.decision is not None
        drawn = approval_card(view_of(case), case.approval, case.decision, reader(), None)
        assert faults(drawn) == []
        shown += [each for each in seen(drawn) if "通知" in each]
    assert shown == [
        "本人への通知内容（60件）: ルールに反する内容を確認しました。",
        "🔕 本人に通知しません（通知先がないため）",
    ]


def test_the_thread_counts_the_notices_of_a_bulk_decision() -> None:
    """One line for all of them."""
    stories = (
        notified(approved(in_bulk()), NoticeStatus.SENT, notices_sent=60),
        notified(approved(in_bulk()), NoticeStatus.RETRYING, notices_retrying=60),
        notified(approved(in_bulk()), NoticeStatus.FAILED, **FAILED_TWO),
    )
    shown = [
        line(each, view_of(story.case), reader()).partition("> ")[2]
        for story in stories
        for each in story.recorded
        if each.event.kind.startswith("notice")
    ]
    assert shown == [
        "判断を本人に通知しました（60件）",
        "判断の一部を本人に通知できないため、再送しています",
        "判断の通知が2件失敗しました。プラットフォームに拒否されました（404）",
    ]
