"""Protection rules: start, lift in time, and decisions of people."""

from datetime import timedelta

from tests.workflows.domain.builders import (
    CLARK,
    SATO,
    TANAKA,
    WATCHFUL,
    a_case,
    a_policy,
    follow,
    kinds,
    minutes,
    news,
    preset,
    refused,
)
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.playbook import Policy

MUTE, PAUSE = "mute_user/user:u_123", "pause_stream/stream:s_9"


def protected(status: ActionStatus | None = ActionStatus.DONE, policy: Policy = WATCHFUL) -> Case:
    """A case that Koban muted its user for."""
    case = follow(a_case(policy=policy), cmd.ProtectNow(rules=(0,)), minutes(0))
    return case if status is None else follow(case, news(case, status, "P1"), minutes(0.1))


def intents(case: Case) -> list[str]:
    """What shall become of each protection."""
    return [each.intent.value for each in case.protections]


class TestBeginning:
    def test_it_acts_before_anybody_looks(self) -> None:
        """The case stays open."""
        case = protected(None)
        assert (case.phase, [p.action for p in case.protecting]) == (Phase.OPEN, [MUTE])
        state = case.protected("P1")
        assert state is not None
        assert (state.status, state.planned.lasts) == (ActionStatus.PENDING, timedelta(minutes=15))

    def test_each_rule_acts_once_in_the_life_of_a_case(self) -> None:
        """The next alert of the raid changes nothing, also after it was lifted."""
        assert decide(protected(), cmd.ProtectNow(rules=(0,)), minutes(1)) == ()
        lifted = protected(ActionStatus.LIFTED)
        assert decide(lifted, cmd.ProtectNow(rules=(0,)), minutes(20)) == ()

    def test_two_rules_with_one_action_are_one_protection(self) -> None:
        """It acts already."""
        policy = a_policy(
            protect=[{"action": "mute_user", "for": "15m"}, {"action": "mute_user", "for": "1h"}]
        )
        case = follow(a_case(policy=policy), cmd.ProtectNow(rules=(0, 1)), minutes(0))
        assert [p.id for p in case.protections] == ["P1"]

    def test_without_a_target_nothing_begins(self) -> None:
        """The stream that the rule would pause was not named."""
        bare = a_case(policy=WATCHFUL).model_copy(update={"sightings": ()})
        assert decide(bare, cmd.ProtectNow(rules=(1,)), minutes(0)) == ()

    def test_a_rule_that_the_playbook_does_not_have_is_nothing(self) -> None:
        """Its number is out of the list."""
        assert decide(a_case(policy=WATCHFUL), cmd.ProtectNow(rules=(7,)), minutes(0)) == ()

    def test_a_decided_case_begins_none(self) -> None:
        """Somebody looked."""
        case = follow(a_case(policy=WATCHFUL), preset(SATO, "ban"), minutes(1))
        assert decide(case, cmd.ProtectNow(rules=(0,)), minutes(2)) == ()


class TestLifting:
    def test_its_time_is_over(self) -> None:
        """The case stays as it is."""
        outcome = decide(protected(), news(protected(), ActionStatus.LIFTED, "P1"), minutes(15))
        assert kinds(outcome) == ["protection_lifted"]
        assert protected(ActionStatus.LIFTED).protecting == ()

    def test_a_person_lifts_it_without_a_decision(self) -> None:
        """Anybody who works cases: it harms somebody right now."""
        case = follow(protected(), cmd.LiftProtection(by=CLARK), minutes(3))
        assert (case.phase, intents(case), case.protecting) == (Phase.OPEN, ["lift_now"], ())

    def test_what_does_not_stand_is_not_lifted(self) -> None:
        """The refusal says that nothing is protected."""
        no = refused(a_case(), cmd.LiftProtection(by=SATO), 1)
        assert no.reason is Reason.NOTHING_PROTECTED
        case = follow(protected(), cmd.LiftProtection(by=CLARK), minutes(3))
        assert refused(case, cmd.LiftProtection(by=SATO), 4).reason is Reason.NOTHING_PROTECTED

    def test_a_lift_that_the_platform_refused_can_be_asked_for_again(self) -> None:
        """It is still in effect, and a person can end it."""
        case = follow(protected(), cmd.LiftProtection(by=CLARK), minutes(3))
        case = follow(case, news(case, ActionStatus.FAILED, "P1"), minutes(4))
        assert [p.id for p in case.protecting] == ["P1"]
        outcome = decide(case, cmd.LiftProtection(by=CLARK), minutes(5))
        assert kinds(outcome) == ["protection_dismissed"]

    def test_also_when_the_case_is_closed_by_then(self) -> None:
        """The decision did not need it, and the platform would not let go."""
        case = follow(protected(), cmd.MarkNoViolation(by=SATO), minutes(3))
        assert refused(case, cmd.LiftProtection(by=SATO), 3.5).reason is Reason.CLOSED
        case = follow(case, news(case, ActionStatus.FAILED, "P1"), minutes(4))
        outcome = decide(case, cmd.LiftProtection(by=CLARK), minutes(5))
        assert kinds(outcome) == ["protection_dismissed"]

    def test_a_protection_that_failed_does_not_come_to_life_later(self) -> None:
        """It waited for nobody: nothing would lift it."""
        case = protected(ActionStatus.FAILED)
        assert decide(case, news(case, ActionStatus.DONE, "P1"), minutes(5)) == ()


class TestConfirming:
    def test_it_becomes_a_decision_for_as_long_as_the_action_takes(self) -> None:
        """Fifteen minutes of protection, 24 hours of a mute."""
        case = follow(protected(), cmd.Confirm(by=SATO), minutes(3))
        assert case.decision is not None
        assert [(a.key, a.lasts) for a in case.decision.actions] == [(MUTE, timedelta(hours=24))]
        assert (case.decision.confirms, intents(case)) == (("P1",), ["hand_over"])

    def test_the_decision_begins_when_the_protection_has_let_go(self) -> None:
        """A lift that came second would undo it."""
        case = follow(protected(), cmd.Confirm(by=SATO), minutes(3))
        assert (case.phase, case.handing_over) == (Phase.ENFORCING, True)
        outcome = decide(case, news(case, ActionStatus.KEPT, "P1"), minutes(3.1))
        assert kinds(outcome) == ["protection_kept", "enforcement_started"]

    def test_news_of_a_decision_that_has_not_begun_is_none(self) -> None:
        """Whatever a report says."""
        case = follow(protected(), cmd.Confirm(by=SATO), minutes(3))
        assert decide(case, news(case, ActionStatus.DONE, "D1"), minutes(4)) == ()

    def test_a_protection_lifted_at_the_same_moment_starts_the_decision_as_well(self) -> None:
        """Its time was over before it heard of the decision."""
        case = follow(protected(), cmd.Confirm(by=SATO), minutes(15))
        outcome = decide(case, news(case, ActionStatus.LIFTED, "P1"), minutes(15.1))
        assert kinds(outcome) == ["protection_lifted", "enforcement_started"]

    def test_nothing_protected_is_nothing_to_confirm(self) -> None:
        """And a decided case neither."""
        assert refused(a_case(), cmd.Confirm(by=SATO), 1).reason is Reason.NOTHING_PROTECTED
        case = follow(protected(), cmd.Confirm(by=SATO), minutes(3))
        assert refused(case, cmd.Confirm(by=SATO), 4).reason is Reason.ALREADY_DECIDED

    def test_a_preset_that_does_the_same_takes_it_over(self) -> None:
        """There is no second mute beside the first."""
        assert intents(follow(protected(), preset(SATO, "mute"), minutes(3))) == ["hand_over"]

    def test_a_decision_that_does_something_else_lifts_it(self) -> None:
        """The person saw it, and chose."""
        assert intents(follow(protected(), preset(SATO, "warn"), minutes(3))) == ["lift_now"]
        assert intents(follow(protected(), cmd.MarkNoViolation(by=SATO), minutes(3))) == [
            "lift_now"
        ]

    def test_a_decision_waits_for_a_lift_of_the_same_thing(self) -> None:
        """Lifted by hand a moment ago, and muted by decision now: one after the other."""
        case = follow(protected(), cmd.LiftProtection(by=CLARK), minutes(3))
        case = follow(case, preset(SATO, "mute"), minutes(3.1))
        assert case.handing_over
        outcome = decide(case, news(case, ActionStatus.LIFTED, "P1"), minutes(4))
        assert kinds(outcome) == ["protection_lifted", "enforcement_started"]

    def test_a_lift_that_fails_is_taken_over_by_the_decision_that_waits(self) -> None:
        """Who asked for the lift again would take the decision's own mute back."""
        case = follow(protected(), cmd.LiftProtection(by=CLARK), minutes(3))
        case = follow(case, preset(SATO, "mute"), minutes(3.1))
        outcome = decide(case, news(case, ActionStatus.FAILED, "P1"), minutes(4))
        assert kinds(outcome) == ["action_failed", "protection_confirmed"]
        case = follow(case, news(case, ActionStatus.FAILED, "P1"), minutes(4))
        assert (case.handing_over, intents(case)) == (True, ["hand_over"])
        outcome = decide(case, news(case, ActionStatus.KEPT, "P1"), minutes(5))
        assert kinds(outcome) == ["protection_kept", "enforcement_started"]


class TestKeptByAViolation:
    """`warn` has no end of its own at the platform; `mute_user` has."""

    @staticmethod
    def case(**more: object) -> Case:
        """A case with both protections done."""
        rules = [{"action": "warn", "for": "15m"}, {"action": "mute_user", "for": "15m"}]
        policy = a_policy(protect=rules, **more)
        case = follow(a_case(policy=policy), cmd.ProtectNow(rules=(0, 1)), minutes(0))
        for protection in ("P1", "P2"):
            case = follow(case, news(case, ActionStatus.DONE, protection), minutes(0.1))
        return case

    def test_a_preset_keeps_what_has_no_end_of_its_own(self) -> None:
        """The mute is lifted, the warning becomes part of the decision."""
        case = follow(self.case(), preset(SATO, "ban"), minutes(3))
        assert case.decision is not None
        keys = [each.key for each in case.decision.actions]
        assert keys == ["permanent_ban/user:u_123", "warn/user:u_123"]
        assert (case.decision.keeps, case.decision.confirms) == (("P1",), ("P1",))
        case = follow(case, cmd.Approve(by=TANAKA), minutes(4))
        assert intents(case) == ["hand_over", "lift_now"]

    def test_a_playbook_may_lift_everything(self) -> None:
        """`keep_on_violation: false`."""
        case = follow(self.case(keep_on_violation=False), preset(SATO, "mute"), minutes(3))
        assert case.decision is not None
        assert [each.key for each in case.decision.actions] == [MUTE]
        assert intents(case) == ["lift_now", "hand_over"]

    def test_the_modal_keeps_only_what_is_ticked(self) -> None:
        """No tick, no warning; without the checkboxes the playbook's rule counts."""
        mute = {"verdict": "violation", "actions": ({"action": "mute_user"},), "reason": "LINE"}
        for keeps, expected in (
            ((), ["lift_now", "hand_over"]),
            (("P1",), ["hand_over", "hand_over"]),
            (None, ["hand_over", "hand_over"]),
        ):
            command = cmd.Decide.model_validate({"by": SATO, "keeps": keeps, **mute})
            assert intents(follow(self.case(), command, minutes(3))) == expected

    def test_nothing_is_kept_without_a_violation(self) -> None:
        """Both are lifted."""
        case = follow(self.case(), cmd.MarkNoViolation(by=SATO), minutes(3))
        assert intents(case) == ["lift_now", "lift_now"]

    def test_one_that_was_chosen_is_not_kept_twice(self) -> None:
        """The preset warns, too."""
        case = follow(self.case(), preset(SATO, "warn"), minutes(3))
        assert case.decision is not None
        assert [each.key for each in case.decision.actions] == ["warn/user:u_123"]
        assert (case.decision.keeps, case.decision.confirms) == ((), ("P1",))

    def test_a_kept_one_does_not_count_towards_the_limit_of_subjects(self) -> None:
        """The person chose one subject."""
        limits = {"bulk": 1, "approval": {"by": "lead", "within": "30m"}}
        rules = [{"action": "warn", "for": "15m"}]
        policy = a_policy(protect=rules).model_copy(
            update={"limits": Limits.model_validate(limits)}
        )
        case = follow(a_case(policy=policy), cmd.ProtectNow(rules=(0,)), minutes(0))
        pause = {"verdict": "violation", "actions": ({"action": "pause_stream"},), "reason": "x"}
        case = follow(case, cmd.Decide.model_validate({"by": SATO, **pause}), minutes(1))
        assert case.decision is not None
        assert (len(case.decision.actions), case.decision.over_limit) == (2, False)


class TestOnAnOlderCard:
    """Muted as version 2; the stream is paused as version 4, after the pressed card was drawn."""

    SHOWN, NOW = 3, 5

    def twice(self) -> Case:
        """Both protections are in effect."""
        case = follow(protected(), cmd.ProtectNow(rules=(1,)), minutes(1))
        case = follow(case, news(case, ActionStatus.DONE, "P2"), minutes(1.1))
        assert ([p.as_of for p in case.protections], case.version) == ([2, 4], self.NOW)
        return case

    def test_only_what_it_showed_is_lifted(self) -> None:
        """Nobody has said of the stream that it need not be paused."""
        old = cmd.LiftProtection(by=SATO, version=self.SHOWN)
        assert intents(follow(self.twice(), old, minutes(2))) == ["lift_now", "lift_in_time"]
        new = cmd.LiftProtection(by=SATO, version=self.NOW)
        assert intents(follow(self.twice(), new, minutes(2))) == ["lift_now", "lift_now"]

    def test_only_what_it_showed_is_confirmed(self) -> None:
        """The pause goes on, and ends in its time."""
        case = follow(self.twice(), cmd.Confirm(by=SATO, version=self.SHOWN), minutes(2))
        assert case.decision is not None
        assert [a.key for a in case.decision.actions] == [MUTE]
        assert (case.decision.confirms, case.decision.leaves) == (("P1",), ("P2",))
        assert intents(case) == ["hand_over", "lift_in_time"]

    def test_a_decision_lifts_only_what_it_showed(self) -> None:
        """No violation, or something else: neither was said of what came since."""
        for press in (
            cmd.MarkNoViolation(by=SATO, version=self.SHOWN),
            preset(SATO, "warn", self.SHOWN),
        ):
            case = follow(self.twice(), press, minutes(2))
            assert intents(case) == ["lift_now", "lift_in_time"]

    def test_what_it_leaves_lifts_itself_in_time(self) -> None:
        """Also behind the closed case."""
        case = follow(self.twice(), cmd.MarkNoViolation(by=SATO, version=self.SHOWN), minutes(2))
        outcome = decide(case, news(case, ActionStatus.LIFTED, "P2"), minutes(6))
        assert (case.phase, kinds(outcome)) == (Phase.CLOSED, ["protection_lifted"])

    def test_a_decision_for_approval_holds_only_what_it_showed(self) -> None:
        """And lifts no more than that once it is granted."""
        case = follow(self.twice(), preset(SATO, "ban", self.SHOWN), minutes(2))
        assert intents(case) == ["hold", "lift_in_time"]
        assert intents(follow(case, cmd.Approve(by=TANAKA), minutes(3))) == [
            "lift_now",
            "lift_in_time",
        ]

    def test_a_decision_takes_over_the_same_thing_though_it_is_newer(self) -> None:
        """Its lift would undo the decision."""
        case = follow(protected(), preset(SATO, "mute", 1), minutes(2))
        assert intents(case) == ["hand_over"]

    def test_a_card_that_showed_no_protection_is_refused(self) -> None:
        """With the reason, and without effect."""
        for old in (cmd.LiftProtection(by=SATO, version=1), cmd.Confirm(by=SATO, version=1)):
            assert refused(self.twice(), old, 2).reason is Reason.PROTECTED_SINCE


class TestWithAnApproval:
    def waiting(self) -> Case:
        """Muted by Koban; 佐藤 wants a ban."""
        return follow(protected(), preset(SATO, "ban"), minutes(3))

    def test_it_stays_until_the_approval(self) -> None:
        """Somebody confirmed in time that something has to be done."""
        assert intents(self.waiting()) == ["hold"]

    def test_it_goes_with_the_decision_that_replaces_it(self) -> None:
        """The ban is in progress."""
        assert intents(follow(self.waiting(), cmd.Approve(by=TANAKA), minutes(9))) == ["lift_now"]

    def test_it_ends_by_its_own_clock_when_the_decision_is_off(self) -> None:
        """Rejected, withdrawn or expired."""
        no = cmd.Reject(by=TANAKA, reason="根拠が足りません")
        assert intents(follow(self.waiting(), no, minutes(9))) == ["lift_in_time"]
        assert intents(follow(self.waiting(), cmd.Withdraw(by=SATO), minutes(9))) == [
            "lift_in_time"
        ]
        expired = follow(self.waiting(), cmd.Tick(), minutes(40))
        assert intents(expired)[:1] == ["lift_in_time"]


class TestWhenItsDecisionFails:
    def failed(self) -> Case:
        """The mute was taken over, and then the platform refused the decision's own."""
        case = follow(protected(), cmd.Confirm(by=SATO), minutes(3))
        case = follow(case, news(case, ActionStatus.KEPT, "P1"), minutes(3.1))
        return follow(case, news(case, ActionStatus.FAILED, "D1"), minutes(3.2))

    def test_what_it_took_over_is_lifted_when_it_is_given_up(self) -> None:
        """Without a retry it would never end."""
        outcome = decide(self.failed(), cmd.GiveUp(by=SATO), minutes(4))
        assert kinds(outcome) == ["actions_given_up", "protection_dismissed"]
        case = follow(self.failed(), cmd.GiveUp(by=SATO), minutes(4))
        outcome = decide(case, news(case, ActionStatus.LIFTED, "P1"), minutes(5))
        assert kinds(outcome) == ["protection_lifted"]

    def test_a_retry_keeps_it(self) -> None:
        """The decision is still to be carried out."""
        assert kinds(decide(self.failed(), cmd.Retry(by=SATO), minutes(4))) == ["action_retried"]

    def test_the_next_decision_waits_for_that_lift(self) -> None:
        """It would take the new mute back."""
        case = follow(self.failed(), cmd.GiveUp(by=SATO), minutes(4))
        case = follow(case, preset(SATO, "mute"), minutes(4.1))
        assert case.handing_over
        outcome = decide(case, news(case, ActionStatus.LIFTED, "P1"), minutes(5))
        assert kinds(outcome) == ["protection_lifted", "enforcement_started"]


HALT = AutomationPause(by="U0TANAKA", at=minutes(-5))


class TestWhileAutomationStandsStill:
    def test_nothing_begins_and_that_is_told_once(self) -> None:
        """Every alert of a raid matches the rule again."""
        case = a_case(policy=WATCHFUL)
        told = decide(case, cmd.ProtectNow(rules=(0,), pauses=(HALT,)), minutes(0))
        assert kinds(told) == ["protection_withheld"]
        case = follow(case, cmd.ProtectNow(rules=(0,), pauses=(HALT,)), minutes(0))
        assert (case.protections, case.actions, case.automation_pause) == ((), (), HALT)
        assert decide(case, cmd.ProtectNow(rules=(0,), pauses=(HALT,)), minutes(1)) == ()

    def test_a_rule_without_a_target_is_not_withheld(self) -> None:
        """It would not have done anything either."""
        bare = a_case(policy=WATCHFUL).model_copy(update={"sightings": ()})
        assert decide(bare, cmd.ProtectNow(rules=(1,), pauses=(HALT,)), minutes(0)) == ()

    def test_the_next_alert_protects_once_it_goes_on(self) -> None:
        """What was withheld has not acted yet."""
        case = follow(
            a_case(policy=WATCHFUL), cmd.ProtectNow(rules=(0,), pauses=(HALT,)), minutes(0)
        )
        case = follow(case, cmd.ProtectNow(rules=(0,)), minutes(9))
        assert ([p.action for p in case.protecting], case.automation_pause) == ([MUTE], None)

    def test_a_call_is_made_without_its_protection(self) -> None:
        """People are called all the more."""
        case = a_case(policy=WATCHFUL)
        assert protects_by(case, minutes(10))
        assert not protects_by(case, minutes(9))
        case = follow(case, cmd.Tick(pauses=(HALT,)), minutes(10))
        assert set(case.step_called_at) >= {0, 2}
        assert (case.protections, case.automation_pause) == ((), HALT)

    def test_what_stands_already_stays_and_is_lifted_in_time(self) -> None:
        """A pause prevents new protections; it does not lift current ones."""
        case = protected()
        case = follow(case, cmd.ProtectNow(rules=(0, 1), pauses=(HALT,)), minutes(1))
        assert [p.action for p in case.protecting] == [MUTE]

    def test_a_paused_action_leaves_the_other_rules(self) -> None:
        """Each rule is withheld by a pause of its own action."""
        stopped = AutomationPause(action="mute_user", by="U0TANAKA", at=minutes(-5))
        command = cmd.ProtectNow(rules=(0, 1), detector="live-chat", pauses=(stopped,))
        case = follow(a_case(policy=WATCHFUL), command, minutes(0))
        assert MUTE not in [p.action for p in case.protecting]
        assert len(case.protecting) == 1
        assert case.withheld == {0}

    def test_a_paused_detector_protects_nothing(self) -> None:
        """The rules hold for alerts of another detector in the same case."""
        stopped = AutomationPause(detector="live-chat", by="U0TANAKA", at=minutes(-5))
        command = cmd.ProtectNow(rules=(0,), detector="live-chat", pauses=(stopped,))
        case = follow(a_case(policy=WATCHFUL), command, minutes(0))
        assert (case.protections, case.automation_pause) == ((), stopped)
        other = command.model_copy(update={"detector": "image_model"})
        assert [p.action for p in follow(case, other, minutes(1)).protecting] == [MUTE]

    def test_a_tripped_breaker_stops_one_action_of_one_detector(self) -> None:
        """The other rule protects, and so do alerts of other detectors."""
        stopped = AutomationPause(
            detector="live-chat", action="mute_user", by="koban", at=minutes(-5)
        )
        command = cmd.ProtectNow(rules=(0, 1), detector="live-chat", pauses=(stopped,))
        case = follow(a_case(policy=WATCHFUL), command, minutes(0))
        assert [p.action for p in case.protecting] == [PAUSE]
        assert (case.withheld, case.protections[0].detectors) == ({0}, ("live-chat",))
        other = command.model_copy(update={"detector": "image_model"})
        assert MUTE in [p.action for p in follow(case, other, minutes(1)).protecting]

    def test_what_waits_at_the_platform_is_stopped(self) -> None:
        """Nothing is in effect, nothing is left to lift, and people decide."""
        stopped = Problem(kind=ProblemKind.PAUSED)
        case = protected(None)
        case = follow(case, news(case, ActionStatus.RETRYING, "P1"), minutes(0.1))
        case = follow(case, news(case, ActionStatus.SKIPPED, "P1", problem=stopped), minutes(1))
        state = case.protected("P1")
        assert state is not None
        assert (state.status, state.problem) == (ActionStatus.SKIPPED, stopped)
        assert (case.protecting, case.phase) == ((), Phase.OPEN)
        assert follow(case, preset(SATO, "mute"), minutes(2)).phase is Phase.ENFORCING

    def test_a_confirmed_protection_that_is_stopped_becomes_the_decision(self) -> None:
        """The person's decision is no automation: it is carried out."""
        case = follow(protected(None), cmd.Confirm(by=SATO), minutes(0.5))
        assert case.handing_over
        stopped = news(case, ActionStatus.SKIPPED, "P1", problem=Problem(kind=ProblemKind.PAUSED))
        outcome = decide(case, stopped, minutes(1))
        assert kinds(outcome) == ["action_skipped", "enforcement_started"]

    def test_people_still_decide(self) -> None:
        """A person's decision is no automation."""
        case = follow(
            a_case(policy=WATCHFUL), cmd.ProtectNow(rules=(0,), pauses=(HALT,)), minutes(0)
        )
        assert follow(case, preset(SATO, "mute"), minutes(1)).phase is Phase.ENFORCING
