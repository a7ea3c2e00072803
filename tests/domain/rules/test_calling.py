"""Calling people: the ladder, a person's call for the lead, and who has seen it."""

from tests.domain.building import (
    CLARK,
    SATO,
    SUZUKI,
    TANAKA,
    WATCHFUL,
    a_case,
    an_alert,
    follow,
    kinds,
    minutes,
    preset,
    refused,
)
from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.alert import brief
from workflows.domain.case import decide
from workflows.domain.case_state import Case
from workflows.domain.playbook.model import Severity
from workflows.domain.refusal import Reason, Refusal


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

    def test_a_step_protects_with_its_first_call_alone(self) -> None:
        """The stream is paused at ten minutes, and not again at twenty."""
        case = tick(follow(a_case(policy=WATCHFUL), cmd.Claim(by=SATO), minutes(1)), 10)
        assert [p.action for p in case.protections] == ["pause_stream/stream:s_9"]
        case = follow(case, cmd.AddNote(by=SATO, note="確認中"), minutes(15))
        assert kinds(decide(case, cmd.Tick(), minutes(20))) == ["case_escalated"]


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
        case = follow(a_case(), cmd.Clear(by=SATO), minutes(1))
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
