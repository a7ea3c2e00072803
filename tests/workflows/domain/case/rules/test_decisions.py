"""Decision rules: by preset, in the modal, over the limits, with a review, and reopening."""

from datetime import datetime, timedelta

import pytest

from tests.workflows.domain.builders import (
    ACT_FIRST,
    CLARK,
    SATO,
    T0,
    TANAKA,
    WATCHFUL,
    a_case,
    a_policy,
    an_alert,
    follow,
    kinds,
    minutes,
    news,
    preset,
    refused,
)
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.people import Actor, Role
from workflows.domain.policy.playbook import PresetAction, Severity


class TestDeciding:
    def test_a_preset_on_an_open_case_claims_and_decides(self) -> None:
        """One tap is enough at 3 a.m."""
        outcome = decide(a_case(), preset(SATO, "warn"), minutes(1))
        assert kinds(outcome) == ["case_claimed", "decided"]

    def test_no_violation_closes_at_once(self) -> None:
        """There is nothing to do at the platform."""
        case = follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))
        assert (case.phase, case.verdict) == (Phase.CLOSED, Verdict.NO_VIOLATION)

    def test_a_decision_on_somebody_elses_case_is_refused(self) -> None:
        """Two people never work one case."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert refused(case, preset(CLARK, "warn"), 2).reason is Reason.CLAIMED_BY_OTHER

    def test_a_press_on_an_old_card_that_would_do_the_same_is_taken(self) -> None:
        """Alerts joined since the card was drawn; the decision is still the same one."""
        case = a_case()
        seen = case.version
        for number in range(2, 5):
            joined = cmd.JoinAlert(alert=brief(an_alert(number)), severity=Severity.MEDIUM)
            case = follow(case, joined, minutes(1))
        assert kinds(decide(case, preset(SATO, "warn", seen), minutes(2))) == [
            "case_claimed",
            "decided",
        ]

    def test_a_press_on_a_card_from_before_the_rejection_is_refused(self) -> None:
        """Somebody turned the case around since: the press may not mean the same any more."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(2))
        seen = case.version
        case = follow(case, cmd.Reject(by=TANAKA, reason="根拠が足りません"), minutes(5))
        no = refused(case, preset(SATO, "ban", seen), 6)
        assert (no.reason, no.by, no.what) == (Reason.CHANGED, "U0TANAKA", "rejected")

    def test_a_press_on_a_closed_case_says_who_closed_it(self) -> None:
        """A late click never changes what is over."""
        case = follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))
        no = refused(case, preset(CLARK, "warn", 1), 2)
        assert (no.reason, no.by, no.what, no.at) == (
            Reason.CLOSED,
            "U0SATO",
            "case_closed",
            minutes(1),
        )

    def test_a_reason_is_needed_in_the_modal(self) -> None:
        """Blanks are no reason."""
        command = cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="  ")
        assert refused(a_case(), command, 1).reason is Reason.REASON_NEEDED

    def test_a_violation_needs_an_action(self) -> None:
        """Deciding "violation" and doing nothing is not offered."""
        command = cmd.Decide(by=SATO, verdict=Verdict.VIOLATION, reason="理由")
        assert refused(a_case(), command, 1).reason is Reason.ACTIONS_NEEDED

    def test_an_unknown_action_is_refused(self) -> None:
        """The platform's catalog as of the case's opening is what counts."""
        command = cmd.Decide(
            by=SATO,
            verdict=Verdict.VIOLATION,
            actions=(PresetAction(action="vaporise"),),
            reason="理由",
        )
        no = refused(a_case(), command, 1)
        assert (no.reason, no.name) == (Reason.UNKNOWN_ACTION, "vaporise")

    def test_an_action_that_the_playbook_does_not_offer_is_refused(self) -> None:
        """Presets are not limited: policy wrote them."""
        policy = a_policy(actions=["warn"])
        no = refused(a_case(policy=policy), modal("mute_user"), 1)
        assert (no.reason, no.name) == (Reason.NOT_OFFERED, "mute_user")
        case = follow(a_case(policy=policy), preset(SATO, "mute"), minutes(1))
        assert [a.planned.key for a in case.current_actions] == ["mute_user/user:u_123"]

    def test_a_rule_that_policy_does_not_have_is_refused(self) -> None:
        """The notice would name it."""
        no = refused(a_case(), modal("warn").model_copy(update={"policy": "MKT-9.9"}), 1)
        assert (no.reason, no.name) == (Reason.UNKNOWN_RULE, "MKT-9.9")

    def test_an_action_on_another_type_goes_to_the_related_subject(self) -> None:
        """Pausing the stream of a user's case pauses the stream that the alert named."""
        command = cmd.Decide(
            by=SATO,
            verdict=Verdict.VIOLATION,
            actions=(PresetAction(action="pause_stream"),),
            reason="理由",
        )
        case = follow(a_case(), command, minutes(1))
        assert [a.planned.key for a in case.current_actions] == ["pause_stream/stream:s_9"]

    def test_an_action_longer_than_the_platform_allows_is_refused(self) -> None:
        """The maximum comes from actions.yaml."""
        command = cmd.Decide(
            by=SATO,
            verdict=Verdict.VIOLATION,
            actions=(PresetAction.model_validate({"mute_user": {"for": "31d"}}),),
            reason="理由",
        )
        assert refused(a_case(), command, 1).reason is Reason.TOO_LONG

    def test_two_ways_to_name_one_action_are_one_action(self) -> None:
        """Nobody is warned twice for one decision."""
        case = follow(a_case(), modal("warn", "warn"), minutes(1))
        assert [a.planned.key for a in case.current_actions] == ["warn/user:u_123"]

    def test_an_action_without_a_target_is_refused(self) -> None:
        """The alert named no stream."""
        command = modal("pause_stream").model_copy(update={"version": 0})
        no = refused(a_case(), command, 1)
        assert (no.reason, no.name) == (Reason.NO_TARGET, "pause_stream")

    def test_an_unknown_preset_is_refused(self) -> None:
        """A button of another playbook."""
        no = refused(a_case(), preset(SATO, "vaporise"), 1)
        assert (no.reason, no.name) == (Reason.UNKNOWN_PRESET, "vaporise")

    def test_no_violation_in_the_modal_does_nothing_at_the_platform(self) -> None:
        """Whatever actions were still chosen in it."""
        command = modal("warn").model_copy(update={"verdict": Verdict.FALSE_POSITIVE})
        case = follow(a_case(), command, minutes(1))
        assert (case.phase, case.verdict, case.current_actions) == (
            Phase.CLOSED,
            Verdict.FALSE_POSITIVE,
            (),
        )

    def test_the_rule_of_the_playbook_stands_unless_another_is_named(self) -> None:
        """MKT-4.2; a decision of no violation breaks none."""
        assert rule_of(follow(a_case(), modal("warn"), minutes(1))) == "MKT-4.2"
        other = modal("warn").model_copy(update={"policy": "MKT-9"})
        policy = a_policy(clauses=[{"id": "MKT-9"}])
        assert rule_of(follow(a_case(policy=policy), other, minutes(1))) == "MKT-9"
        assert rule_of(follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))) is None

    def test_nothing_is_decided_while_an_undo_is_under_way(self) -> None:
        """At the platform it would come second, and take the new decision back."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(1))
        case = follow(case, news(case, ActionStatus.DONE), minutes(1.1))
        case = follow(case, cmd.Reject(by=TANAKA, reason="やりすぎ"), minutes(2))
        assert case.undoing
        assert refused(case, preset(SATO, "mute"), 3).reason is Reason.STILL_ACTING
        assert refused(case, cmd.MarkNoViolation(by=SATO), 3).reason is Reason.STILL_ACTING


def modal(*names: str, by: Actor = SATO, over_limit: bool = False) -> cmd.Decide:
    """A violation with these actions."""
    actions = tuple(PresetAction(action=name) for name in names)
    return cmd.Decide(
        by=by, verdict=Verdict.VIOLATION, actions=actions, reason="理由", over_limit=over_limit
    )


def rule_of(case: Case) -> str | None:
    """The rule that the last decision names."""
    return case.decision.policy if case.decision else None


def over_limit(case: Case) -> bool:
    """Whether the last decision was too much for one person."""
    return case.decision is not None and case.decision.over_limit


class TestLimits:
    """Alone: one subject, and as many actions as the budget allows."""

    def test_more_subjects_than_allowed_need_a_lead(self) -> None:
        """A user and a stream are two; the limit's approval has twenty minutes."""
        case = follow(a_case(policy=WATCHFUL), modal("mute_user", "pause_stream"), minutes(1))
        assert case.approval is not None
        assert (case.phase, case.approval.expires_at, over_limit(case)) == (
            Phase.AWAITING_APPROVAL,
            minutes(21),
            True,
        )

    def test_two_actions_on_one_subject_do_not(self) -> None:
        """It is the subjects that count."""
        case = follow(a_case(policy=WATCHFUL), modal("mute_user", "warn"), minutes(1))
        assert case.phase is Phase.ENFORCING

    def test_a_person_over_their_budget_needs_a_lead(self) -> None:
        """A stolen account must not warn thousands."""
        case = follow(a_case(policy=WATCHFUL), modal("warn", over_limit=True), minutes(1))
        assert case.phase is Phase.AWAITING_APPROVAL

    def test_the_strictest_rule_counts(self) -> None:
        """A ban has half an hour and refuses, the limit twenty minutes and asks again."""
        command = modal("permanent_ban", over_limit=True)
        case = follow(a_case(policy=WATCHFUL), command, minutes(1))
        assert case.approval is not None
        assert (case.approval.expires_at, case.approval.on_expiry.value) == (minutes(21), "refuse")

    def test_without_limits_nothing_is_over_them(self) -> None:
        """They are a file of their own."""
        case = follow(a_case(), modal("mute_user", "pause_stream", over_limit=True), minutes(1))
        assert (case.phase, over_limit(case)) == (Phase.ENFORCING, False)


class TestActingFirst:
    def test_what_can_be_taken_back_is_done_at_once_and_reviewed(self) -> None:
        """Within fifteen minutes."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(1))
        assert case.approval is not None
        assert (case.phase, case.approval.purpose, case.approval.expires_at) == (
            Phase.ENFORCING,
            Purpose.REVIEW,
            minutes(16),
        )

    def test_what_needs_an_approval_waits_for_it_all_the_same(self) -> None:
        """A ban is no first aid, and neither is what is over the limits."""
        for command in (preset(SATO, "ban"), modal("warn", over_limit=True)):
            case = follow(a_case(policy=ACT_FIRST), command, minutes(1))
            assert case.phase is Phase.AWAITING_APPROVAL

    def test_no_violation_needs_no_review(self) -> None:
        """Nothing was done."""
        case = follow(a_case(policy=ACT_FIRST), cmd.MarkNoViolation(by=SATO), minutes(1))
        assert (case.phase, case.approval) == (Phase.CLOSED, None)

    def test_the_case_stays_open_for_its_review(self) -> None:
        """Though everything is done at the platform."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(1))
        case = follow(case, news(case, ActionStatus.VERIFIED), minutes(1.1))
        assert case.phase is Phase.ENFORCING
        assert follow(case, cmd.Approve(by=TANAKA), minutes(2)).phase is Phase.CLOSED


class TestReopening:
    def closed(self) -> Case:
        """A case that 佐藤 cleared."""
        return follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))

    def test_whoever_reopens_it_has_it_with_new_clocks(self) -> None:
        """Ten minutes from now."""
        case = follow(self.closed(), cmd.Reopen(by=CLARK, reason="異議申し立て"), minutes(100))
        assert (case.phase, case.owner, case.verdict, case.closed_at) == (
            Phase.CLAIMED,
            "U0CLARK",
            None,
            None,
        )
        assert (case.clock.decide, case.deadline) == (minutes(110), minutes(110))

    def test_it_is_decided_anew_as_the_next_decision(self) -> None:
        """D1 stays in its story."""
        case = follow(self.closed(), cmd.Reopen(by=CLARK, reason="異議申し立て"), minutes(100))
        case = follow(case, preset(CLARK, "warn"), minutes(101))
        assert [decision.id for decision in case.decisions] == ["D1", "D2"]

    def test_what_still_stands_is_taken_back_first(self) -> None:
        """Else the new decision would come on top of the old one."""
        case = follow(a_case(), preset(SATO, "warn"), minutes(1))
        case = follow(case, news(case, ActionStatus.DONE), minutes(2))
        command = cmd.Reopen(by=CLARK, reason="異議申し立て")
        assert refused(case, command, 3).reason is Reason.UNDO_FIRST
        undoing = follow(case, cmd.Undo(by=CLARK), minutes(3))
        assert refused(undoing, command, 4).reason is Reason.UNDO_FIRST
        undone = follow(undoing, news(undoing, ActionStatus.UNDONE), minutes(4))
        assert follow(undone, command, minutes(5)).phase is Phase.CLAIMED

    def test_it_needs_a_reason(self) -> None:
        """Blanks are none."""
        no = refused(self.closed(), cmd.Reopen(by=SATO, reason=" "), 2)
        assert no.reason is Reason.REASON_NEEDED

    def test_an_open_case_is_worked_already(self) -> None:
        """There is nothing to reopen."""
        assert refused(a_case(), cmd.Reopen(by=SATO, reason="理由"), 2).reason is Reason.NOT_CLOSED


class TestJustClaimed:
    """A second click on the place of 担当する hits what has moved there."""

    @staticmethod
    def at(seconds: float) -> datetime:
        return T0 + timedelta(minutes=1, seconds=seconds)

    def claimed(self) -> Case:
        claim = cmd.Claim(by=SATO, received_at=self.at(0))
        return follow(a_case(policy=WATCHFUL), claim, minutes(2))

    @pytest.mark.parametrize(
        "command",
        [
            preset(SATO, "warn"),
            cmd.MarkNoViolation(by=SATO),
            cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="理由"),
            cmd.DecideBulk(by=SATO),
            cmd.Confirm(by=SATO),
            cmd.LiftProtection(by=SATO),
            cmd.Approve(by=SATO),
            cmd.Reject(by=SATO, reason="理由"),
            cmd.Retry(by=SATO),
            cmd.GiveUp(by=SATO),
            cmd.Undo(by=SATO),
        ],
    )
    def test_whatever_acts_is_refused_within_a_moment(self, command: cmd.PersonCommandBase) -> None:
        """By the times at which both were received, whenever they are decided."""
        case, by = self.claimed(), SATO.model_copy(update={"roles": frozenset({Role.LEAD})})
        soon = command.model_copy(update={"by": by, "received_at": self.at(0.9)})
        assert refused(case, soon, 3).reason is Reason.JUST_CLAIMED

    def test_the_moment_is_over_after_one_and_a_half_seconds(self) -> None:
        """Also if the case decides both at the same time."""
        press = preset(SATO, "warn").model_copy(update={"received_at": self.at(1.5)})
        assert kinds(decide(self.claimed(), press, minutes(2))) == ["decided"]

    def test_a_press_from_before_the_claim_is_taken(self) -> None:
        """It was overtaken on its way."""
        press = preset(SATO, "warn").model_copy(update={"received_at": self.at(-0.1)})
        assert kinds(decide(self.claimed(), press, minutes(2))) == ["decided"]

    def test_what_decides_nothing_is_taken(self) -> None:
        """A note, a release."""
        release = cmd.Release(by=SATO, received_at=self.at(0.2))
        assert kinds(decide(self.claimed(), release, minutes(2))) == ["case_released"]

    def test_somebody_elses_claim_is_said_to_be_theirs(self) -> None:
        """Only one's own claim moves one's own buttons."""
        press = preset(CLARK, "warn").model_copy(update={"received_at": self.at(0.2)})
        assert refused(self.claimed(), press, 2).reason is Reason.CLAIMED_BY_OTHER

    def test_a_case_that_came_back_is_not_just_claimed(self) -> None:
        """The claim that counts is the owner's; a release ends it."""
        case = follow(self.claimed(), cmd.Release(by=SATO), minutes(2))
        press = preset(SATO, "warn").model_copy(update={"received_at": self.at(0.9)})
        assert kinds(decide(case, press, minutes(2))) == ["case_claimed", "decided"]
