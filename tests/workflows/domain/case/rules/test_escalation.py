"""Escalation rules: the ladder, calls for the lead, and acknowledgement."""

from tests.workflows.domain.builders import (
    CLARK,
    SATO,
    SUZUKI,
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
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.tightening import starters
from workflows.domain.policy.playbook import Notify, Severity


def calls(case: Case, minute: float) -> list[tuple[str, int, bool]]:
    """Whom a look at the clock calls: who, which round, and whether it is the last."""
    outcome = decide(case, cmd.Tick(), minutes(minute))
    assert not isinstance(outcome, Refusal)
    told = [event for event in outcome if isinstance(event, ev.CaseEscalated)]
    return [(each.notify.value, each.round, each.last) for each in told]


def tick(case: Case, minute: float) -> Case:
    """The case after a look at the clock."""
    return follow(case, cmd.Tick(), minutes(minute))


class TestTheLadder:
    def test_the_shift_is_called_when_nobody_claims(self) -> None:
        """Without a ladder the claim clock of a critical case is two minutes."""
        assert a_case().deadline == minutes(2)
        assert calls(a_case(), 2) == [("shift", 0, True)]

    def test_a_claim_quietens_the_first_step_and_the_lead_follows(self) -> None:
        """The decide clock of a critical case is ten minutes."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert case.deadline == minutes(10)
        assert calls(case, 10) == [("lead", 0, True)]

    def test_each_step_calls_once(self) -> None:
        """A second look at the clock is silent."""
        assert decide(tick(a_case(), 2), cmd.Tick(), minutes(3)) == ()

    def test_a_repeated_step_calls_until_its_cap(self) -> None:
        """Minutes 2, 5 and 8; the lead's steps come between."""
        case = a_case(Severity.MEDIUM, WATCHFUL)
        assert calls(case, 2) == [("shift", 0, False)]
        assert calls(tick(case, 2), 5) == [("shift", 1, False)]
        assert calls(tick(tick(case, 2), 5), 8) == [("shift", 2, True)]
        assert calls(tick(tick(tick(case, 2), 5), 8), 9) == []

    def test_after_a_long_sleep_each_step_calls_once_and_goes_on_from_there(self) -> None:
        """A worker that was away for an hour does not call twenty times at once."""
        case = tick(a_case(Severity.MEDIUM, WATCHFUL), 60)
        assert calls(case, 60) == []
        assert case.deadline == minutes(63)
        assert calls(case, 63) == [("shift", 1, False)]

    def test_a_case_released_late_is_called_for_as_often_as_a_new_one(self) -> None:
        """Its steps were quiet while somebody had it."""
        case = follow(a_case(Severity.MEDIUM, WATCHFUL), cmd.Claim(by=SATO), minutes(1))
        case = follow(case, cmd.Release(by=SATO), minutes(9))
        assert calls(case, 9) == [("shift", 0, False)]
        assert calls(tick(case, 9), 12) == [("lead", 0, False), ("shift", 1, False)]

    def test_a_decided_case_has_no_clock(self) -> None:
        """Nobody is called for a case that is being carried out."""
        assert follow(a_case(), preset(SATO, "warn"), minutes(1)).deadline is None

    def test_a_step_for_the_worst_waits_until_the_case_is_that_bad(self) -> None:
        """Medium: the lead's step at five minutes is not for it."""
        case = tick(a_case(Severity.MEDIUM, WATCHFUL), 2)
        assert calls(case, 5) == [("shift", 1, False)]
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        assert calls(follow(case, worse, minutes(4)), 5) == [
            ("shift", 1, False),
            ("lead", 0, True),
        ]

    def test_a_case_that_got_worse_is_late_by_its_new_clock_at_once(self) -> None:
        """Half an hour was fine for medium; a critical case should have been claimed long ago."""
        case = tick(a_case(Severity.MEDIUM), 30)
        assert case.deadline == minutes(60)
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        case = follow(case, worse, minutes(30))
        assert calls(case, 30) == [("shift", 0, True), ("lead", 0, True)]

    def test_a_case_that_got_worse_is_called_for_again_without_a_ladder(self) -> None:
        """The shift was called for a medium case at 60; the critical one has other clocks."""
        case = tick(a_case(Severity.MEDIUM), 60)
        assert calls(case, 61) == []
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        case = follow(case, worse, minutes(61))
        assert calls(case, 61) == [("shift", 0, True), ("lead", 0, True)]
        assert calls(tick(case, 61), 70) == []

    def test_a_milder_alert_calls_nobody_again(self) -> None:
        """The case is as bad as it was."""
        case = tick(a_case(), 2)
        milder = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.MEDIUM)
        assert calls(follow(case, milder, minutes(3)), 4) == []

    def test_a_written_ladder_says_itself_what_is_for_the_worst(self) -> None:
        """Its shift was called at 2, 5 and 8, and is not called a fourth time."""
        case = tick(tick(tick(a_case(Severity.MEDIUM, WATCHFUL), 2), 5), 8)
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        assert calls(follow(case, worse, minutes(9)), 9) == [("lead", 0, True)]

    def test_a_step_protects_with_its_first_call_alone(self) -> None:
        """The stream is paused at ten minutes, and not again at twenty."""
        case = tick(follow(a_case(policy=WATCHFUL), cmd.Claim(by=SATO), minutes(1)), 10)
        assert [p.action for p in case.protections] == ["pause_stream/stream:s_9"]
        case = follow(case, cmd.AddNote(by=SATO, note="確認中"), minutes(15))
        assert kinds(decide(case, cmd.Tick(), minutes(20))) == ["case_escalated"]


def reported_too() -> Case:
    """A case of a detector that a report of a person joined."""
    joined = cmd.JoinAlert(alert=brief(an_alert(2, detector="reports")), severity=Severity.CRITICAL)
    return follow(a_case(policy=a_policy(protect=[])), joined, minutes(1))


def stopped(detector: str) -> AutomationPause:
    """The pause of a breaker for the protection of the ladder."""
    return AutomationPause(detector=detector, action="pause_stream", by="koban", at=minutes(0))


class TestWhoStartsAProtection:
    def test_a_report_does_not_start_what_a_breaker_stops(self) -> None:
        """Only the detector may start it: its breaker stops the whole step."""
        tick = cmd.Tick(pauses=(stopped("live-chat"),))
        assert kinds(decide(reported_too(), tick, minutes(10)))[-1] == "protection_withheld"
        assert kinds(decide(reported_too(), cmd.Tick(), minutes(10)))[-1] == "protection_started"

    def test_another_detector_starts_it(self) -> None:
        """Its alerts are reason enough."""
        joined = cmd.JoinAlert(
            alert=brief(an_alert(3, detector="image_model")), severity=Severity.CRITICAL
        )
        case = follow(reported_too(), joined, minutes(2))
        outcome = decide(case, cmd.Tick(pauses=(stopped("live-chat"),)), minutes(10))
        assert kinds(outcome)[-1] == "protection_started"

    def test_it_counts_for_those_that_may_start_it(self) -> None:
        """The report came first, and counts for nothing."""
        outcome = decide(reported_too(), cmd.Tick(), minutes(10))
        assert not isinstance(outcome, Refusal)
        (started,) = [each for each in outcome if isinstance(each, ev.ProtectionStarted)]
        assert started.detectors == ("live-chat",)
        assert starters(outcome, ("reports", "live-chat")) == ("live-chat",)


class TestWhatWasMissed:
    """A decision waited for its approval while a step fell due, and came back."""

    def rejected(self, minute: float) -> Case:
        """A critical case: decided at 5 for approval, due at 10, sent back at `minute`."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(5))
        return follow(case, cmd.Reject(by=TANAKA, reason="根拠が足りません"), minutes(minute))

    def test_it_is_called_once_its_person_had_some_time(self) -> None:
        """Two minutes, as long as a critical case may take to be claimed."""
        case = self.rejected(20)
        assert (calls(case, 20), case.deadline) == ([], minutes(22))
        assert calls(case, 22) == [("lead", 0, True)]
        assert calls(tick(case, 22), 60) == []

    def test_what_is_decided_again_in_time_needs_no_call(self) -> None:
        """Somebody was at it."""
        assert follow(self.rejected(20), preset(SATO, "warn"), minutes(21)).deadline is None

    def test_a_step_that_is_still_to_come_keeps_its_time(self) -> None:
        """Sent back at 9: the lead is called at 10, as ever."""
        assert calls(self.rejected(9), 10) == [("lead", 0, True)]

    def test_whoever_puts_it_back_leaves_it_to_the_shift_at_once(self) -> None:
        """The claim was missed long ago, and so was the decision."""
        case = follow(self.rejected(20), cmd.Release(by=SATO), minutes(21))
        assert calls(case, 21) == [("shift", 0, True), ("lead", 0, True)]

    def test_an_expired_approval_comes_back_the_same_way(self) -> None:
        """Nobody agreed by 35."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(5))
        case = tick(case, 35)
        assert (case.phase, case.deadline) == (Phase.CLAIMED, minutes(37))
        assert calls(case, 37) == [("lead", 0, True)]

    def test_what_was_given_up_comes_back_the_same_way(self) -> None:
        """The platform refused at 11, and 佐藤 let it be at 20."""
        case = follow(a_case(), preset(SATO, "warn"), minutes(5))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(11))
        case = follow(case, cmd.GiveUp(by=SATO), minutes(20))
        assert calls(case, 20) == []
        assert calls(case, 22) == [("lead", 0, True)]


class TestAcknowledging:
    def test_it_quietens_the_steps_that_wait_for_it(self) -> None:
        """The shift's step goes on: nobody has the case yet."""
        case = follow(a_case(policy=WATCHFUL), cmd.Acknowledge(by=CLARK), minutes(1))
        assert case.acknowledged_by == "U0CLARK"
        assert calls(case, 5) == [("shift", 0, False)]

    def test_the_second_one_changes_nothing(self) -> None:
        """It is seen already."""
        case = follow(a_case(), cmd.Acknowledge(by=CLARK), minutes(1))
        assert decide(case, cmd.Acknowledge(by=SATO), minutes(2)) == ()

    def test_a_case_that_got_worse_has_not_been_seen(self) -> None:
        """What they saw was milder."""
        case = follow(a_case(Severity.MEDIUM), cmd.Acknowledge(by=CLARK), minutes(1))
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        assert follow(case, worse, minutes(2)).acknowledged_by is None
        same = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.MEDIUM)
        assert follow(case, same, minutes(2)).acknowledged_by == "U0CLARK"

    def test_a_closed_case_is_not_acknowledged(self) -> None:
        """There is nothing to look at."""
        case = follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))
        assert refused(case, cmd.Acknowledge(by=CLARK), 2).reason is Reason.CLOSED

    def test_an_auditor_acknowledges_nothing(self) -> None:
        """Nobody works the case for that."""
        assert refused(a_case(), cmd.Acknowledge(by=SUZUKI), 1).reason is Reason.ROLE_NEEDED


class TestCallingTheLead:
    def test_a_person_calls_the_lead(self) -> None:
        """It is no step of the ladder."""
        outcome = decide(a_case(), cmd.Escalate(by=SATO), minutes(1))
        assert not isinstance(outcome, Refusal)
        assert [(e.notify.value, e.step) for e in outcome] == [("lead", None)]  # type: ignore[union-attr]

    def test_calling_twice_in_a_row_calls_once(self) -> None:
        """The card shows that the lead was called; after five minutes it may be said again."""
        case = follow(a_case(), cmd.Escalate(by=SATO), minutes(1))
        assert decide(case, cmd.Escalate(by=CLARK), minutes(2)) == ()
        assert kinds(decide(case, cmd.Escalate(by=CLARK), minutes(6))) == ["case_escalated"]

    def test_nobody_is_called_for_a_decided_case(self) -> None:
        """The refusal says what became of it."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(1))
        no = refused(case, cmd.Escalate(by=TANAKA), 2)
        assert (no.reason, no.by, no.what) == (Reason.ALREADY_DECIDED, "U0SATO", "decided")


def missed(case: Case, minute: float, step: int | None, nobody: bool = True) -> Case:
    """The case after a call that missed 田中."""
    command = cmd.MissCall(
        key=f"{step}/{minute}", notify=Notify.SHIFT, step=step, missed=("U0TANAKA",), nobody=nobody
    )
    return follow(case, command, minutes(minute))


class TestMissedCalls:
    def test_a_call_that_reached_nobody_brings_the_next_step_forward(self) -> None:
        """The lead, whose turn is at minute ten, is called at once."""
        case = missed(tick(a_case(), 2), 2.5, step=0)
        assert case.deadline == minutes(2.5)
        assert calls(case, 2.5) == [("lead", 0, True)]
        assert tick(case, 2.5).deadline is None

    def test_a_call_that_missed_some_keeps_the_times(self) -> None:
        """Somebody was reached."""
        case = missed(tick(a_case(), 2), 2.5, step=0, nobody=False)
        assert (case.deadline, calls(case, 2.5)) == (minutes(10), [])

    def test_a_repetition_of_the_same_step_is_not_the_next_one(self) -> None:
        """The step that reached nobody keeps its own repetitions."""
        case = missed(tick(a_case(Severity.MEDIUM, WATCHFUL), 2), 2.5, step=0)
        assert [each[0] for each in calls(case, 2.5)] == ["lead"]
        assert calls(tick(case, 2.5), 5) == [("shift", 1, False)]

    def test_a_missed_call_of_a_decided_case_is_no_news(self) -> None:
        """Nobody is needed any more."""
        case = follow(tick(a_case(), 2), preset(SATO, "warn"), minutes(3))
        command = cmd.MissCall(key="x", notify=Notify.SHIFT, step=0, nobody=True)
        assert decide(case, command, minutes(4)) == ()

    def test_approvers_whom_no_request_reaches_are_recorded(self) -> None:
        """The case waits for them, and no step of the ladder follows."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(2))
        case = missed(case, 3, step=None)
        assert (case.missed_call, case.phase) == (None, Phase.AWAITING_APPROVAL)
        assert kinds(
            decide(case, cmd.MissCall(key="x", notify=Notify.ROLE, nobody=True), minutes(4))
        ) == ["call_missed"]
