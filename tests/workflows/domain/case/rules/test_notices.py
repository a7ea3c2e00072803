"""Notice rules: reasons of policy and the notices of their decisions."""

import pytest

from tests.workflows.domain.builders import CATALOG, SATO, SUZUKI, follow, minutes, refused
from tests.workflows.domain.case.notice_builders import (
    FAILED,
    RETRYING,
    SENT,
    decides,
    failed,
    notice_case,
    notice_policy,
    told,
)
from tests.workflows.domain.wording import WORDING
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import NoticeStatus, Verdict, person_notice_text
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Phase
from workflows.domain.case.notices import notice_of, preview
from workflows.domain.case.refusals import Reason
from workflows.domain.policy.playbook import PresetAction
from workflows.domain.values import Text


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


def test_the_events_are_part_of_the_story() -> None:
    """By their contract names."""
    events = (ev.NoticeSent, ev.NoticeDelayed, ev.NoticeFailed, ev.NoticeRetried)
    assert [each.model_fields["kind"].default for each in events] == [
        "notice_sent",
        "notice_delayed",
        "notice_failed",
        "notice_retried",
    ]
