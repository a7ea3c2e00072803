"""Notice rules of bulk decisions: a text for each subject, and one state with counts."""

from tests.workflows.domain.builders import SATO, follow, minutes, refused
from tests.workflows.domain.case.bulk_builders import decide_bulk
from tests.workflows.domain.case.notice_builders import (
    FAILED,
    RETRYING,
    SENT,
    bulk_case,
    bulk_failed,
    bulk_told,
    notice_case,
    notice_policy,
)
from tests.workflows.domain.wording import WORDING
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import Bulk
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Measure, NoticeStatus, person_notice_text
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.notices import addressed, notice_of, preview
from workflows.domain.case.refusals import Reason
from workflows.domain.case.rules.enforcement import stays_under_way
from workflows.domain.case.view import view_of
from workflows.domain.values import Text


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
