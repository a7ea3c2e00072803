"""Notice rules: reasons of policy and the notices of their decisions."""

from typing import Any

import pytest

from tests.workflows.domain.builders import (
    CATALOG,
    PLAYBOOK,
    SATO,
    SUZUKI,
    a_case,
    follow,
    minutes,
    refused,
)
from tests.workflows.domain.case.bulk_builders import bulk_news, decide_bulk
from tests.workflows.domain.wording import WORDING
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import Bulk, Tally
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Measure, NoticeStatus, Verdict, person_notice_text
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.notices import addressed, notice_of, preview
from workflows.domain.case.refusals import Reason
from workflows.domain.case.rules.enforcement import stays_under_way
from workflows.domain.case.view import view_of
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Policy, PresetAction
from workflows.domain.values import Text

AWAY = Problem(kind=ProblemKind.UNREACHABLE, status=503)
FRAME = "{facts}|{actions}|{rule}|{automation}|{case.id}-{decision.id}|{subject.id}"
WORDS: dict[str, Any] = {
    "policy": {"id": "MKT-4.2", "title": {"ja": "誘導の禁止", "en": "No luring"}},
    "clauses": [{"id": "MKT-4.3"}],
    "reasons": [
        {
            "id": "line",
            "title": {"ja": "LINEの提示", "en": "LINE ID"},
            "reason": {"ja": "LINE IDを提示した。", "en": "Gave a LINE ID."},
            "notice": {"ja": "LINE IDの提示を確認しました。", "en": "We found a LINE ID."},
        },
        {
            "id": "quiet",
            "title": {"ja": "様子見", "en": "Wait and see"},
            "reason": {"ja": "様子を見る。", "en": "Wait and see."},
            "no_notice": {"ja": "捜査への影響を避けるため", "en": "An investigation is under way"},
        },
    ],
    "presets": [
        {"id": "warn", "title": "w", "actions": ["warn"], "because": "line"},
        {"id": "mute", "title": "m", "actions": ["mute_user"]},
        {"id": "silent", "title": "s", "actions": ["mute_user"], "no_notice": "本人の安全のため"},
        {"id": "ban", "title": "b", "actions": ["permanent_ban"]},
    ],
}


def notice_policy(subject: str = "user", **more: object) -> Policy:
    """A playbook with reasons, and a platform with a notice call."""
    written = PLAYBOOK.model_dump(mode="json", by_alias=True, exclude_none=True)
    call = NoticeCall(path="/v1/users/{subject.id}/notices", subject=subject)
    return Policy.model_validate(
        {
            "version": "v1",
            "playbook": {**written, **WORDS, **more},
            "catalog": CATALOG,
            "notice_text": NoticeText(call=call, frame=Text(ja=FRAME, en=FRAME)),
        }
    )


def notice_case(policy: Policy | None = None, **more: Any) -> Case:
    """A case whose decisions can have notices."""
    return a_case().model_copy(update={"policy": policy or notice_policy(), **more})


def decides(template: str | None, verdict: Verdict = Verdict.VIOLATION, **more: Any) -> cmd.Decide:
    """A warning for a reason of policy."""
    actions = (PresetAction(action="warn"),) if verdict is Verdict.VIOLATION else ()
    given = {"reason": "理由", "actions": actions, **more}
    return cmd.Decide(by=SATO, verdict=verdict, template=template, **given)


def told(case: Case, notice: NoticeState | None, *statuses: ActionStatus) -> cmd.Report:
    """News of D1's warning and its notice."""
    status = statuses[0] if statuses else ActionStatus.DONE
    actions = tuple(
        ActionReport(action=each.planned.key, status=status) for each in case.current_actions
    )
    report = EnforcementReport(
        id=f"r/{notice}/{status}", case=case.id, decision="D1", actions=actions, notice=notice
    )
    return cmd.Report(report=report)


SENT = NoticeState(status=NoticeStatus.SENT)
FAILED = NoticeState(
    status=NoticeStatus.FAILED, problem=Problem(kind=ProblemKind.REFUSED, status=404)
)
RETRYING = NoticeState(status=NoticeStatus.RETRYING, problem=AWAY)


def failed() -> Case:
    """A closed case whose notice the platform refused."""
    case = follow(notice_case(), decides("line"), minutes(2))
    return follow(case, told(case, FAILED), minutes(2.1))


class TestChoosing:
    """A reason of policy becomes part of the decision."""

    def test_a_reason_with_a_notice_tells_whom_it_acts_upon(self) -> None:
        """The facts of the template, to the user of the case."""
        decision = follow(notice_case(), decides("line"), minutes(2)).decision
        assert decision is not None
        assert decision.template == "line"
        assert decision.reason == "理由"
        assert decision.notice is not None
        assert decision.notice.person == Subject(type="user", id="u_123")
        assert decision.notice.facts.ja == "LINE IDの提示を確認しました。"

    @pytest.mark.parametrize(
        ("template", "verdict"),
        [
            (None, Verdict.NO_VIOLATION),
            ("quiet", Verdict.VIOLATION),
            ("line", Verdict.NO_VIOLATION),
            ("line", Verdict.FALSE_POSITIVE),
        ],
    )
    def test_nobody_is_told_where_nothing_is_done_or_said(self, template, verdict) -> None:
        """By a reason with `no_notice`, or without a violation."""
        decision = follow(notice_case(), decides(template, verdict), minutes(2)).decision
        assert decision is not None
        assert (decision.template, decision.notice) == (template, None)

    def test_a_preset_notifies_unless_policy_says_why_not(self) -> None:
        """Its reason has the facts; without one the notice has a general sentence."""
        warned, muted, silent = (
            follow(notice_case(), cmd.ChoosePreset(by=SATO, preset=preset), minutes(2)).decision
            for preset in ("warn", "mute", "silent")
        )
        assert warned is not None
        assert muted is not None
        assert silent is not None
        assert warned.notice is not None
        assert warned.preset_reason == Text(ja="LINE IDを提示した。", en="Gave a LINE ID.")
        assert muted.notice is not None
        assert (muted.notice.person.id, muted.notice.facts) == ("u_123", None)
        assert (silent.notice, silent.no_notice) == (
            None,
            Text(ja="本人の安全のため", en="本人の安全のため"),
        )

    def test_a_permanent_ban_by_a_typed_reason_notifies(self) -> None:
        """What is typed is for colleagues: the notice has a sentence of the catalog."""
        ban = decides(None, actions=(PresetAction(action="permanent_ban"),), reason="内部情報")
        case = follow(notice_case(), ban, minutes(2))
        decision = case.decision
        assert decision is not None
        assert decision.notice is not None
        letter = notice_of(case, decision)
        assert letter is not None
        text = person_notice_text(letter, WORDING)
        assert text.ja.split("|")[0] == "事実"
        assert text.ja.split("|")[2] == "MKT-4.2（誘導の禁止）"
        assert "内部情報" not in text.ja + text.en

    def test_a_confirmed_protection_notifies(self) -> None:
        """It is a decision like any other."""
        policy = notice_policy(protect=[{"action": "mute_user", "for": "15m"}])
        case = follow(notice_case(policy), cmd.ProtectNow(rules=(0,)), minutes(1))
        decision = follow(case, cmd.Confirm(by=SATO), minutes(2)).decision
        assert decision is not None
        assert decision.notice is not None

    @pytest.mark.parametrize(
        ("template", "facts"), [(None, None), ("quiet", None), ("line", "We found a LINE ID.")]
    )
    def test_a_playbook_may_notify_nobody(self, template, facts) -> None:
        """A reason with a notice of its own is the exception."""
        policy = notice_policy(no_notice={"ja": "本人の安全のため", "en": "For their safety"})
        decision = follow(notice_case(policy), decides(template), minutes(2)).decision
        assert decision is not None
        found = decision.notice.facts.en if decision.notice and decision.notice.facts else None
        assert found == facts
        assert (decision.no_notice is None) is (facts is not None)

    def test_an_unknown_reason_is_refused(self) -> None:
        """Nothing is decided by a form of another playbook."""
        refusal = refused(notice_case(), decides("lime"), 2)
        assert (refusal.reason, refusal.name) == (Reason.UNKNOWN_TEMPLATE, "lime")

    def test_nobody_is_told_where_nobody_can_be(self) -> None:
        """The platform only has notices to companies, and there is none."""
        decision = follow(
            notice_case(notice_policy("company")), decides("line"), minutes(2)
        ).decision
        assert decision is not None
        assert decision.notice is None


class TestTheLetter:
    """What sets out with an enforcement."""

    def test_it_holds_everything_that_has_to_be_told(self) -> None:
        """Facts, action, rule with its title, automation, and what an appeal has to quote."""
        case = follow(notice_case(), decides("line"), minutes(2))
        letter = notice_of(case, case.decisions[0])
        assert letter is not None
        spec = CATALOG.actions["warn"]
        assert person_notice_text(letter, WORDING).ja == (
            "LINE IDの提示を確認しました。||MKT-4.2（誘導の禁止）|判断:detected|K7Q2F9XM0-D1|u_123"
        )
        assert spec.title.ja == "警告"

    def test_it_says_whether_automation_was_used(self) -> None:
        """A measure before anybody looked, a score, or neither."""
        case = follow(notice_case(), decides("line"), minutes(2))
        unscored = case.first.model_copy(update={"score": None})
        shown = [
            person_notice_text(letter, WORDING).en.split("|")[3]
            for each in (case, case.model_copy(update={"first": unscored}))
            if (letter := notice_of(each, each.decisions[0])) is not None
        ]
        assert shown == [
            "decided:detected",
            "decided:person",
        ]

    def test_another_rule_is_told_by_its_id(self) -> None:
        """One without a title."""
        case = follow(notice_case(), decides("line", policy="MKT-4.3"), minutes(2))
        letter = notice_of(case, case.decisions[0])
        assert letter is not None
        assert person_notice_text(letter, WORDING).ja.split("|")[2] == "MKT-4.3"

    def test_what_was_sent_sets_out_no_second_time(self) -> None:
        """A retry of an action is no new notice."""
        case = follow(notice_case(), decides("line"), minutes(2))
        case = follow(case, told(case, SENT), minutes(2.1))
        assert notice_of(case, case.decisions[0]) is None

    def test_a_rehearsal_tells_nobody(self) -> None:
        """Nothing happened to them."""
        case = follow(notice_case(notice_policy(dry_run=True)), decides("line"), minutes(2))
        assert notice_of(case, case.decisions[0]) is None

    def test_a_preview_reads_as_the_letter_will(self) -> None:
        """Before anything is decided."""
        case = notice_case()
        template = case.policy.playbook.template("line")
        assert template is not None
        shown = preview(case, template, "MKT-4.2", (), WORDING)
        assert shown is not None
        assert shown[0].id == "u_123"
        assert "K7Q2F9XM0-D1" in shown[1].en


class TestNews:
    """What becomes of it."""

    def test_it_is_told_with_the_end(self) -> None:
        """One report, and the case is closed."""
        case = follow(notice_case(), decides("line"), minutes(2))
        outcome = decide(case, told(case, SENT), minutes(2.1))
        assert isinstance(outcome, tuple)
        assert [event.kind for event in outcome] == [
            "action_succeeded",
            "notice_sent",
            "case_closed",
        ]

    def test_a_platform_that_is_away_keeps_nobody_from_closing(self) -> None:
        """The card says that it is tried; the end follows."""
        case = follow(notice_case(), decides("line"), minutes(2))
        case = follow(case, told(case, RETRYING), minutes(2.1))
        assert case.phase is Phase.CLOSED
        assert case.notices["D1"] == RETRYING
        case = follow(case, told(case, SENT), minutes(9))
        assert case.notices["D1"] == SENT

    def test_old_news_changes_nothing(self) -> None:
        """A sent notice stays sent; a report without a notice has no event."""
        case = follow(notice_case(), decides("line"), minutes(2))
        case = follow(case, told(case, SENT), minutes(2.1))
        for late in (RETRYING, FAILED, SENT):
            assert decide(case, told(case, late), minutes(3)) == ()
        quiet = follow(notice_case(), decides("quiet"), minutes(2))
        outcome = decide(quiet, told(quiet, SENT), minutes(2.1))
        assert isinstance(outcome, tuple)
        assert "notice_sent" not in [event.kind for event in outcome]


class TestRetry:
    """A failed notice can be retried, also long after the end."""

    def test_a_person_sends_it_again(self) -> None:
        """It is on its way then, and may fail again."""
        case = follow(failed(), cmd.RetryNotice(by=SATO), minutes(60))
        assert case.notices["D1"].status is NoticeStatus.PENDING
        assert case.phase is Phase.CLOSED
        assert follow(case, told(case, FAILED), minutes(61)).notices["D1"] == FAILED
        letter = notice_of(case, case.decisions[0])
        assert letter is not None
        assert [each.title.ja for each in letter.done] == ["警告"]

    def test_only_what_failed_is_sent_again(self) -> None:
        """Twice pressed is once sent."""
        case = follow(failed(), cmd.RetryNotice(by=SATO), minutes(60))
        for now in (case, notice_case(), follow(case, told(case, SENT), minutes(61))):
            refusal = refused(now, cmd.RetryNotice(by=SATO), 62)
            assert refusal.reason is Reason.NO_NOTICE_FAILED

    def test_what_was_taken_back_is_not_told(self) -> None:
        """There is no notice of a measure without effect."""
        case = follow(failed(), cmd.Undo(by=SATO), minutes(60))
        case = follow(case, told(case, None, ActionStatus.UNDONE), minutes(61))
        refusal = refused(case, cmd.RetryNotice(by=SATO), 62)
        assert refusal.reason is Reason.NO_NOTICE_FAILED

    def test_what_ended_by_itself_meanwhile_is_told(self) -> None:
        """It was felt, and the person may still appeal."""
        case = failed()
        lifted = tuple(a.model_copy(update={"status": ActionStatus.LIFTED}) for a in case.actions)
        case = case.model_copy(update={"actions": lifted})
        case = follow(case, cmd.RetryNotice(by=SATO), minutes(3_000))
        assert case.notices["D1"].status is NoticeStatus.PENDING

    def test_an_auditor_sends_nothing(self) -> None:
        """They read everything and change nothing."""
        refusal = refused(failed(), cmd.RetryNotice(by=SUZUKI), 60)
        assert refusal.reason is Reason.ROLE_NEEDED


def bulk_case(policy: Policy | None = None, **more: Any) -> Case:
    """A bulk decision for three users that is carried out."""
    case = notice_case(policy or notice_policy(bulk=True))
    return follow(case, decide_bulk(SATO, 3, "warn", **more), minutes(2))


def bulk_told(
    case: Case,
    step: int,
    notice: NoticeState | None,
    status: ActionStatus | None = None,
    **more: int,
) -> cmd.Report:
    """A report of the bulk decision with counts of its notices."""
    tally = Tally(total=3, step=step, done=3, **more)
    news = bulk_news(case, tally, status, id_=f"r{step}")
    return cmd.Report(report=news.report.model_copy(update={"notice": notice}))


def bulk_failed() -> Case:
    """A closed bulk decision with one notice that the platform refused."""
    case = bulk_case()
    report = bulk_told(case, 1, FAILED, ActionStatus.DONE, notices_sent=2, notices_failed=1)
    return follow(case, report, minutes(2.1))


class TestBulk:
    """A bulk decision notifies each subject of the call's type."""

    def test_each_subject_gets_a_notice_of_its_own(self) -> None:
        """The text is addressed to a subject, with the measures that took effect on it."""
        case = bulk_case()
        decision = case.decision
        assert decision is not None
        assert decision.notice is not None
        assert decision.notice.person == Subject(type="bulk", id="R0123456789AB")
        letter = notice_of(case, decision)
        assert letter is not None
        done = (Measure(title=Text(ja="警告", en="Warn")),)
        own = addressed(letter, Subject(type="user", id="u_7"), done)
        assert own.person == Subject(type="user", id="u_7")
        assert person_notice_text(own, WORDING).ja == (
            "事実|警告|MKT-4.2（誘導の禁止）|判断:detected|K7Q2F9XM0-D1|u_7"
        )
        assert letter.done == ()

    def test_subjects_of_another_type_have_no_addressee(self) -> None:
        """Nothing is sent, and the view says so."""
        case = notice_case(notice_policy(bulk=True))
        streams = Bulk(id="R0123456789AB", type="stream", count=3)
        command = decide_bulk(SATO, 3, "pause_stream", bulk=streams)
        case = follow(case, command, minutes(2))
        assert case.decision is not None
        assert case.decision.notice is None
        assert notice_of(case, case.decision) is None
        assert view_of(case).lacks_addressees

    def test_a_platform_without_notices_says_nothing(self) -> None:
        """There is no notice that lacks an addressee."""
        policy = notice_policy(bulk=True).model_copy(update={"notice_text": None})
        case = bulk_case(policy)
        assert case.decision is not None
        assert (case.decision.notice, view_of(case).lacks_addressees) == (None, False)

    def test_a_playbook_with_no_notice_sends_none_with_its_reason(self) -> None:
        """As for a single decision."""
        case = bulk_case(notice_policy(bulk=True, no_notice="本人の安全のため"))
        decision = case.decision
        assert decision is not None
        assert decision.no_notice is not None
        assert (decision.notice, decision.no_notice.ja) == (None, "本人の安全のため")
        assert not view_of(case).lacks_addressees

    def test_a_dry_run_sends_none(self) -> None:
        """Nothing was done to anybody."""
        case = bulk_case(notice_policy(bulk=True, dry_run=True))
        assert case.decision is not None
        assert notice_of(case, case.decision) is None

    def test_a_preview_names_one_of_the_subjects(self) -> None:
        """Not the subject of the case."""
        case = notice_case(notice_policy(bulk=True))
        shown = preview(case, None, "MKT-4.2", (), WORDING, Subject(type="user", id="u_7"))
        assert shown is not None
        assert shown[0].id == "u_7"
        assert shown[1].ja.endswith("|u_7")

    def test_the_end_has_the_counts(self) -> None:
        """One event for all notices."""
        case = bulk_case()
        report = bulk_told(case, 1, SENT, ActionStatus.DONE, notices_sent=3)
        outcome = decide(case, report, minutes(2.1))
        assert isinstance(outcome, tuple)
        assert [event.kind for event in outcome] == [
            "bulk_progressed",
            "action_succeeded",
            "notice_sent",
            "case_closed",
        ]
        sent = outcome[2]
        assert isinstance(sent, ev.NoticeSent)
        assert (sent.sent, sent.failed) == (3, 0)

    def test_a_notice_may_fail_after_others_were_sent(self) -> None:
        """A retried action has its notice later than the others."""
        case = bulk_case()
        first = bulk_told(case, 1, SENT, ActionStatus.DONE, notices_sent=2)
        case = follow(case, first, minutes(2.1))
        again = bulk_told(case, 2, FAILED, notices_sent=2, notices_failed=1)
        outcome = decide(case, again, minutes(3))
        assert isinstance(outcome, tuple)
        assert [event.kind for event in outcome] == ["bulk_progressed", "notice_failed"]
        failed = outcome[1]
        assert isinstance(failed, ev.NoticeFailed)
        assert (failed.sent, failed.failed) == (2, 1)

    def test_an_outdated_report_changes_nothing(self) -> None:
        """An older tally that arrives late."""
        case = bulk_failed()
        late = bulk_told(case, 1, SENT, notices_sent=3)
        assert decide(case, late, minutes(3)) == ()
        same = bulk_told(case, 2, FAILED, notices_sent=2, notices_failed=1)
        assert [event.kind for event in decide(case, same, minutes(3))] == ["bulk_progressed"]

    def test_a_report_about_one_subject_is_no_report_about_all(self) -> None:
        """Its bulk workflow was terminated, so it reached the case."""
        case = bulk_case()
        report = bulk_told(case, 1, SENT).report
        own = report.model_copy(update={"place": 1, "tally": None})
        assert decide(case, cmd.Report(report=own), minutes(3)) == ()

    def test_a_person_sends_those_again_that_failed(self) -> None:
        """Then the platform answers, or does not."""
        case = follow(bulk_failed(), cmd.RetryNotice(by=SATO), minutes(60))
        assert case.notices["D1"].status is NoticeStatus.PENDING
        refusal = refused(case, cmd.RetryNotice(by=SATO), 61)
        assert refusal.reason is Reason.NO_NOTICE_FAILED
        report = bulk_told(case, 2, SENT, notices_sent=3)
        assert follow(case, report, minutes(61)).notices["D1"] == SENT

    def test_a_closed_case_goes_on_with_its_notices(self) -> None:
        """Its bulk workflow was lost: what is being sent needs one, what failed does not."""
        counts = {"notices_sent": 2, "notices_retrying": 1}
        late = bulk_told(bulk_case(), 1, RETRYING, ActionStatus.DONE, **counts)
        assert stays_under_way(follow(bulk_case(), late, minutes(3)), "D1")
        case = bulk_failed()
        assert not stays_under_way(case, "D1")
        again = follow(case, cmd.RetryNotice(by=SATO), minutes(60))
        assert stays_under_way(again, "D1")
        sent = follow(again, bulk_told(again, 2, SENT, notices_sent=3), minutes(61))
        assert not stays_under_way(sent, "D1")

    def test_a_terminated_repetition_fails(self) -> None:
        """Its report has no counts."""
        case = follow(bulk_failed(), cmd.RetryNotice(by=SATO), minutes(60))
        report = bulk_told(case, 2, FAILED).report.model_copy(update={"tally": None})
        assert follow(case, cmd.Report(report=report), minutes(61)).notices["D1"] == FAILED


def test_the_events_are_part_of_the_story() -> None:
    """By their contract names."""
    events = (ev.NoticeSent, ev.NoticeDelayed, ev.NoticeFailed, ev.NoticeRetried)
    assert [each.model_fields["kind"].default for each in events] == [
        "notice_sent",
        "notice_delayed",
        "notice_failed",
        "notice_retried",
    ]
