"""Report messages: posted once with a picture, through failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods import table
from deploy.sandbox.slack.model import Message
from deploy.sandbox.slack.screen import visible_text
from tests.activities.slack.conftest import Attempts, SlackWorld
from workflows.domain.case.decision import Verdict
from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.metrics import (
    Approvals,
    Backlog,
    Hour,
    Numbers,
    PlaybookCount,
    Protections,
    Sla,
    Spread,
)
from workflows.domain.metrics.report import (
    CaseNote,
    Cases,
    ProtectionNote,
    Report,
    ReportKind,
)
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.roster import Team
from workflows.domain.values import Text

AT = datetime(2026, 11, 24, 5, 50, tzinfo=UTC)
"""14:50 in Tokyo."""
SINCE = AT - timedelta(hours=8)
LURE = Text(ja="外部誘導", en="Off-platform inducement")
CARD = CardRef(channel="C0LIVE", ts="1764000000.000100")


def a_note(case_id: str = "K7Q2F9XM0", **more: Any) -> CaseNote:
    given = {
        "id": case_id,
        "title": LURE,
        "severity": Severity.CRITICAL,
        "phase": Phase.CLAIMED,
        "owner": "U0SATO",
        "due": AT + timedelta(minutes=20),
        "card": CARD,
    }
    return CaseNote.model_validate({**given, **more})


def a_team(name: str, people: tuple[str, ...], starts: datetime) -> Team:
    return Team(
        title=Text(ja=name, en=name),
        starts=starts,
        ends=starts + timedelta(hours=8),
        people=people,
        leads=("U0TANAKA",),
    )


NUMBERS = Numbers(
    since=SINCE,
    until=AT,
    opened=12,
    closed=9,
    handed_over=2,
    decisions={Verdict.VIOLATION: 6, Verdict.NO_VIOLATION: 2},
    playbooks=(PlaybookCount(playbook="off_platform", opened=12, decisions=8),),
    ttfa=Spread(of=7, p50=timedelta(seconds=12), p95=timedelta(minutes=3, seconds=5)),
    ttd=Spread(of=8, p50=timedelta(minutes=6), p95=timedelta(minutes=70, seconds=31)),
    claims={Severity.CRITICAL: Sla(met=5), Severity.HIGH: Sla(met=4, overdue=7)},
    sla={Severity.CRITICAL: Sla(met=4, missed=0, overdue=1), Severity.HIGH: Sla(met=4)},
    approvals=Approvals(given=2, refused=1, waiting=1),
    protections=Protections(started=3, lifted=2, running=1),
    backlog=Backlog(open={Severity.CRITICAL: 2, Severity.HIGH: 3}, overdue={Severity.CRITICAL: 1}),
    hours=tuple(Hour(starts=SINCE + timedelta(hours=n), opened=n, closed=1) for n in range(8)),
)


def a_report(**more: Any) -> Report:
    """A report of the day shift."""
    given = {
        "key": "report/shift/day-2026-11-24T05:50:00Z",
        "kind": ReportKind.SHIFT,
        "channel": "ts-live",
        "at": AT,
        "numbers": NUMBERS,
        "playbooks": {"off_platform": LURE},
        "team": a_team("日勤", ("U0SATO",), SINCE),
        "following": (a_team("遅番", ("U0CLARK",), AT + timedelta(minutes=10)),),
        "handing": Cases(count=1, shown=(a_note(),)),
        "overdue": Cases(count=1, shown=(a_note("K0000000B", owner=None, due=SINCE),)),
        "waiting": Cases(count=14, shown=tuple(a_note(f"K{n:08}", waits=True) for n in range(10))),
        "held": Cases(
            count=1,
            shown=(a_note("K0000000C", hold=HoldKind.WAITING, hold_until=AT, due=None),),
        ),
        "ending": (
            ProtectionNote(
                case="K7Q2F9XM0",
                title=LURE,
                severity=Severity.CRITICAL,
                action=Text(ja="メッセージ非表示", en="Hide message"),
                until=AT + timedelta(minutes=15),
                card=CARD,
            ),
        ),
        "endings": 1,
    }
    return Report.model_validate({**given, **more})


async def post(slack: SlackWorld, report: Report, attempts: Attempts | None = None) -> CardRef:
    """Runs the activity once more."""
    return await (attempts or Attempts()).run(slack.activities.post_report, report)


def pictures(slack: SlackWorld, ref: CardRef) -> list[Message]:
    """The replies with a file."""
    return [message for message in slack.thread(ref) if message.files]


def shown(slack: SlackWorld) -> dict[str, Any]:
    (report,) = slack.on("C0LIVE")
    return {"text": report.text, "blocks": report.blocks}


async def test_a_handover_has_open_work_and_both_shifts(slack: SlackWorld) -> None:
    """It lists open cases, owners, pending approvals, ending protections and the next shift."""
    await post(slack, a_report())
    read = visible_text(shown(slack))
    for wanted in (
        "日勤の引き継ぎ",
        "未完了 5件（期限超過 1件）: 重大 2（超過 1） · 高 3",
        "担当 佐藤さん",
        "次は遅番（",
        "Emma Clarkさん · リード 田中さん",
        "引き継ぐケース 1件",
        "承認待ち 14件",
        "ほか4件",
        "保留・情報待ち 1件",
        "まもなく終わる自動対応 1件",
        "メッセージ非表示",
        "判断 8件: 違反 6 · 違反なし 2",
        "期限内の判断 88%（8/9件）: 重大 4/5 · 高 4/4",
        "検知から初動まで 中央値 12秒 · 95パーセンタイル 3分5秒（7件）",
        "受付から判断まで 中央値 6分 · 95パーセンタイル 1時間10分（8件）",
        "• 外部誘導 受付 12 · 判断 8",
    ):
        assert wanted in read
    assert "|K7Q2F9XM0>" in read
    assert shown(slack)["text"] == (
        "日勤の引き継ぎです。未完了 5件、期限超過 1件、引き継ぐケース 1件、承認待ち 14件です。"
    )
    assert slack.workspace.notifications == []


async def test_a_report_speaks_the_language_of_its_channel(slack: SlackWorld) -> None:
    """reports.yaml sets English."""
    await post(slack, a_report(language="en", kind="daily", team=None, handing=Cases()))
    read = visible_text(shown(slack))
    for wanted in (
        "Daily report",
        "5 open cases (1 overdue): Critical 2 (1 overdue) · High 3",
        "Decided in time 88% (8 of 9): Critical 4/5 · High 4/4",
        "Opening to decision: median 6 minutes, 95th percentile 1 hour 10 minutes (8 cases)",
        "14 awaiting approval",
    ):
        assert wanted in read
    assert "to hand over" not in read


async def test_the_picture_is_in_the_report_and_in_its_thread(slack: SlackWorld) -> None:
    """The file is shared with the channel and has a text version."""
    ref = await post(slack, a_report())
    (picture,) = pictures(slack, ref)
    (image,) = [block for block in shown(slack)["blocks"] if block["type"] == "image"]
    assert image["slack_file"] == {"id": picture.files[0]}
    assert image["alt_text"].startswith("日勤の引き継ぎ 11月24日 06:50 – 11月24日 14:50。受付 12件")
    stored = slack.workspace.uploads.files[picture.files[0]]
    assert stored.content.startswith(b"\x89PNG")
    assert slack.wrote() == {"chat.postMessage": 1, "chat.update": 1}


async def test_a_quiet_shift_says_so(slack: SlackWorld) -> None:
    """Empty lists are left out."""
    nothing = Numbers(since=SINCE, until=AT, hours=NUMBERS.hours)
    quiet = a_report(
        numbers=nothing,
        handing=Cases(),
        overdue=Cases(),
        waiting=Cases(),
        held=Cases(),
        ending=(),
        endings=0,
        following=(),
    )
    await post(slack, quiet)
    read = visible_text(shown(slack))
    assert "引き継ぐケース、期限超過、承認待ちはありません。" in read
    assert "期限内の判断: 対象のケースはありません" in read
    assert "受付から判断まで: 判断したケースはありません" in read


async def test_a_lost_answer_posts_no_second_report(slack: SlackWorld) -> None:
    """The retry finds the posted report."""
    attempts = Attempts()
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    for _ in range(3):
        with pytest.raises(ApplicationError):
            await post(slack, a_report(), attempts)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    ref = await post(slack, a_report(), attempts)
    assert len(slack.on("C0LIVE")) == 1
    assert len(pictures(slack, ref)) == 1


async def test_a_killed_worker_posts_no_second_report(slack: SlackWorld) -> None:
    """The retry searches channel and thread."""
    first = await post(slack, a_report())
    again = await post(slack, a_report(), Attempts(attempt=1))
    assert again == first
    assert len(slack.on("C0LIVE")) == 1
    assert len(pictures(slack, first)) == 1


async def test_another_report_is_posted_as_well(slack: SlackWorld) -> None:
    """Only the same key counts as posted."""
    await post(slack, a_report())
    await post(slack, a_report(key="report/shift/day-2026-11-25T05:50:00Z"), Attempts(attempt=1))
    assert len(slack.on("C0LIVE")) == 2


async def test_without_the_upload_scope_the_report_is_posted(
    slack: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that was installed earlier lacks the scope for uploads."""

    def refused(*_: object) -> dict:
        raise SlackError("missing_scope")

    monkeypatch.setitem(table.METHODS, "files.getUploadURLExternal", refused)
    ref = await post(slack, a_report())
    assert pictures(slack, ref) == []
    assert "日勤の引き継ぎ" in visible_text(shown(slack))


async def test_a_file_that_slack_still_looks_at_stays_in_the_thread(
    slack: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is still processed does not delay the report."""

    def not_yet(*_: object) -> dict:
        raise SlackError("invalid_blocks", ["[ERROR] invalid slack file"])

    monkeypatch.setitem(table.METHODS, "chat.update", not_yet)
    slack.configure(picture_pauses=(0.0, 0.0))
    ref = await post(slack, a_report())
    assert len(pictures(slack, ref)) == 1
    assert [b for b in shown(slack)["blocks"] if b["type"] == "image"] == []


async def test_hostile_titles_are_escaped(slack: SlackWorld) -> None:
    """Titles and ids neither mention, link nor format."""
    bad = Text(ja="<!channel> *太字* https://evil.example", en="<!here>")
    team = a_team("<!channel> https://evil.example", ("U0SATO",), SINCE)
    await post(
        slack,
        a_report(
            team=team,
            following=(team,),
            handing=Cases(count=1, shown=(a_note(title=bad),)),
            playbooks={"off_platform": bad},
        ),
    )
    assert slack.workspace.notifications == []
    assert "https://evil" not in visible_text(shown(slack))
