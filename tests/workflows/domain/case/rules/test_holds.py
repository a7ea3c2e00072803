"""Hold rules: snooze, wait, resume, and their effect on the clocks."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.workflows.domain.builders import (
    CLARK,
    REED,
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
    preset,
    refused,
)
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.event_base import Why
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.playbook import Severity


def snooze(by: Actor, minute: float) -> cmd.Snooze:
    """Put off until a minute."""
    return cmd.Snooze(by=by, until=minutes(minute))


def waiting(by: Actor = SATO, minute: float | None = None) -> cmd.Wait:
    """Waiting for an identity document."""
    return cmd.Wait(by=by, note="身分証待ち", until=None if minute is None else minutes(minute))


class TestSnoozing:
    def test_it_claims_and_quietens_the_ladder(self) -> None:
        """Whoever puts it off has it."""
        case = follow(a_case(), snooze(SATO, 8), minutes(1))
        assert (case.owner, case.steps, case.deadline) == ("U0SATO", (), minutes(8))

    def test_the_decide_clock_of_a_specialist_runs_on(self) -> None:
        """Ten minutes for a critical case, snoozed or not."""
        case = follow(a_case(), snooze(SATO, 8), minutes(1))
        assert (case.paused, case.clock.decide) == (False, minutes(10))
        case = follow(case, cmd.Tick(), minutes(8))
        assert (case.hold, case.clock.decide, case.deadline) == (None, minutes(10), minutes(10))

    def test_a_specialist_does_not_snooze_past_the_decide_clock(self) -> None:
        """The refusal says until when they could, and who may do more."""
        no = refused(a_case(), snooze(SATO, 11), 1)
        assert (no.reason, no.at, no.roles) == (Reason.PAST_DUE, minutes(10), (Role.LEAD,))

    def test_a_lead_does_and_stops_the_clock(self) -> None:
        """From minute 1 to 61: everything is due an hour later."""
        case = follow(a_case(), snooze(TANAKA, 61), minutes(1))
        assert case.paused
        case = follow(case, cmd.Tick(), minutes(61))
        assert (case.clock.claim, case.clock.decide) == (minutes(62), minutes(70))

    def test_what_a_pause_before_added_counts(self) -> None:
        """The case waited from 1 to 31: it is due at 40, and 35 is before that."""
        case = follow(a_case(), waiting(), minutes(1))
        case = follow(case, snooze(SATO, 35), minutes(31))
        assert (case.paused, case.clock.decide) == (False, minutes(40))

    def test_not_into_the_past_and_not_for_ever(self) -> None:
        """A case that nobody wants to see for a month is to be closed."""
        assert refused(a_case(), snooze(TANAKA, 1), 1).reason is Reason.IN_THE_PAST
        assert refused(a_case(), snooze(TANAKA, 30 * 1440 + 2), 1).reason is Reason.TOO_LATE

    def test_only_the_assignee_or_a_lead(self) -> None:
        """A colleague may not quieten somebody's case."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert refused(case, snooze(CLARK, 8), 2).reason is Reason.NOT_YOURS
        assert follow(case, snooze(TANAKA, 8), minutes(2)).owner == "U0SATO"

    def test_a_case_that_got_worse_wakes_up(self) -> None:
        """The snoozed case was less severe."""
        case = follow(a_case(Severity.MEDIUM), snooze(SATO, 60), minutes(1))
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        outcome = decide(case, worse, minutes(5))
        assert kinds(outcome) == ["alert_joined", "case_resumed"]

    def test_a_decided_case_is_not_put_off(self) -> None:
        """Nobody is called for it anyway."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(1))
        assert refused(case, snooze(SATO, 8), 2).reason is Reason.ALREADY_DECIDED


class TestWaiting:
    def test_the_clocks_stand_still(self) -> None:
        """From 1 to 31: half an hour more for everything."""
        case = follow(a_case(), waiting(), minutes(1))
        case = follow(case, cmd.Resume(by=SATO), minutes(31))
        assert (case.paused_for, case.clock.decide) == (timedelta(minutes=30), minutes(40))

    def test_it_lasts_as_long_as_the_playbook_allows(self) -> None:
        """Two hours here, whatever was asked for."""
        case = follow(a_case(policy=WATCHFUL), waiting(minute=600), minutes(1))
        assert case.deadline == minutes(121)
        assert follow(a_case(policy=WATCHFUL), waiting(minute=30), minutes(1)).deadline == minutes(
            30
        )

    def test_it_ends_by_itself(self) -> None:
        """And everything goes on from there."""
        case = follow(a_case(policy=WATCHFUL), waiting(), minutes(1))
        outcome = decide(case, cmd.Tick(), minutes(121))
        assert not isinstance(outcome, Refusal)
        assert [e.why for e in outcome if isinstance(e, ev.CaseResumed)] == [Why.TIME]

    def test_a_late_look_finds_that_the_clocks_ran_on_from_its_end(self) -> None:
        """It ended at 31; nobody looked until 91."""
        case = follow(a_case(), waiting(minute=31), minutes(1))
        case = follow(case, cmd.Tick(), minutes(91))
        assert case.clock.decide == minutes(40)

    def test_it_says_for_what(self) -> None:
        """A note is needed, and a time that is still to come."""
        assert refused(a_case(), cmd.Wait(by=SATO, note=""), 1).reason is Reason.NOTE_NEEDED
        assert refused(a_case(), waiting(minute=1), 1).reason is Reason.IN_THE_PAST

    def test_only_its_assignee_makes_a_case_wait(self) -> None:
        """A lead who wants that takes it first."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert refused(case, waiting(TANAKA), 2).reason is Reason.CLAIMED_BY_OTHER

    def test_a_worse_alert_does_not_end_it(self) -> None:
        """The information is still missing."""
        case = follow(a_case(Severity.MEDIUM), waiting(), minutes(1))
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        assert kinds(decide(case, worse, minutes(5))) == ["alert_joined"]

    def test_waiting_anew_counts_the_pause_before(self) -> None:
        """1 to 21, and from there to 31: thirty minutes in all."""
        case = follow(a_case(), waiting(), minutes(1))
        assert kinds(decide(case, waiting(), minutes(21))) == ["case_resumed", "case_waiting"]
        case = follow(follow(case, waiting(), minutes(21)), cmd.Resume(by=SATO), minutes(31))
        assert case.paused_for == timedelta(minutes=30)

    def test_a_decision_ends_it(self) -> None:
        """With what is known."""
        case = follow(follow(a_case(), waiting(), minutes(1)), preset(SATO, "warn"), minutes(31))
        assert (case.hold, case.paused_for) == (None, timedelta(minutes=30))

    def test_a_release_ends_it(self) -> None:
        """Nobody waits for anything any more, so the shift is called."""
        case = follow(follow(a_case(), waiting(), minutes(1)), cmd.Release(by=SATO), minutes(31))
        assert (case.phase, case.hold, case.deadline) == (Phase.OPEN, None, minutes(32))


class TestAgainAndAgain:
    """A case may be set aside three times; once more takes a lead."""

    def held(self, times: int) -> Case:
        """A case that 佐藤 has and set aside so often, at minutes 1, 2, 3, …; not on hold now."""
        case = follow(a_case(Severity.MEDIUM), cmd.Claim(by=SATO), minutes(0))
        for number in range(1, times + 1):
            again = waiting() if number % 2 else snooze(SATO, number + 0.5)
            case = follow(case, again, minutes(number))
        return follow(case, cmd.Resume(by=SATO), minutes(times + 0.2))

    def test_the_fourth_time_takes_a_lead(self) -> None:
        """Waiting and snoozing count alike; nothing happens, and the refusal says who may."""
        for again in (waiting(), snooze(SATO, 20)):
            no = refused(self.held(3), again, 5)
            assert (no.reason, no.name, no.roles) == (Reason.HELD_TOO_OFTEN, "3", (Role.LEAD,))
            assert not isinstance(decide(self.held(2), again, minutes(5)), Refusal)

    def test_a_lead_sets_it_aside_all_the_same(self) -> None:
        """And the next time takes a lead again."""
        case = follow(self.held(3), snooze(TANAKA, 20), minutes(5))
        assert case.hold is not None
        case = follow(case, cmd.Resume(by=SATO), minutes(6))
        assert refused(case, waiting(), 7).name == "4"

    def test_a_hold_that_is_made_longer_counts_as_another(self) -> None:
        """Else nobody would ever have to ask."""
        case = follow(a_case(Severity.MEDIUM), waiting(minute=5), minutes(1))
        for number in (2, 3):
            case = follow(case, waiting(minute=60), minutes(number))
        assert refused(case, waiting(minute=90), 4).reason is Reason.HELD_TOO_OFTEN

    def test_the_playbook_says_how_often(self) -> None:
        """Once here."""
        case = follow(a_case(policy=a_policy(holds={"most": 1})), waiting(), minutes(1))
        case = follow(case, cmd.Resume(by=SATO), minutes(2))
        assert refused(case, waiting(), 3).reason is Reason.HELD_TOO_OFTEN

    def test_a_case_that_is_worked_again_begins_anew(self) -> None:
        """With its clocks."""
        case = follow(self.held(3), cmd.MarkNoViolation(by=SATO), minutes(5))
        case = follow(case, cmd.Reopen(by=SATO, reason="新しい証拠"), minutes(6))
        assert follow(case, waiting(), minutes(7)).holds == 1


class TestResuming:
    def test_what_is_not_on_hold_is_not_resumed(self) -> None:
        """There is nothing to end."""
        assert refused(a_case(), cmd.Resume(by=SATO), 1).reason is Reason.NOT_ON_HOLD

    def test_only_the_assignee_or_a_lead(self) -> None:
        """As for putting it off."""
        case = follow(a_case(), waiting(), minutes(1))
        assert refused(case, cmd.Resume(by=CLARK), 2).reason is Reason.NOT_YOURS
        assert follow(case, cmd.Resume(by=TANAKA), minutes(2)).hold is None


DAY = timedelta(days=1)


def snoozed(by: Actor = SATO, lasts: timedelta = DAY, detector: str = "live-chat") -> Any:
    """A snooze of the detector that opened the case."""
    return cmd.SnoozeDetector(by=by, detector=detector, lasts=lasts, reason=" 店の定型文 ")


class TestSnoozedDetectors:
    def test_it_begins_with_severity_and_reason(self) -> None:
        """The event has everything that the ledger compares alerts with; nobody claims the case."""
        case = a_case(Severity.MEDIUM)
        (event,) = decide(case, snoozed(), minutes(1))
        assert event == ev.DetectorSnoozed(
            at=minutes(1),
            by="U0SATO",
            detector="live-chat",
            until=minutes(1) + DAY,
            severity=Severity.MEDIUM,
            reason="店の定型文",
        )
        after = follow(case, snoozed(), minutes(1))
        (kept,) = after.snoozes
        assert (kept.detector, kept.number, kept.severity) == ("live-chat", 2, 3)
        assert (after.owner, after.phase, after.hold) == (None, Phase.OPEN, None)

    @pytest.mark.parametrize("detector", ["people", "reports", "other", ""])
    def test_only_a_detector_of_the_case(self, detector: str) -> None:
        """People are always heard, also where they reported to this case."""
        case = a_case().model_copy(
            update={"detectors": frozenset({"live-chat", "people", "reports"})}
        )
        assert refused(case, snoozed(detector=detector), 1).reason is Reason.NO_SUCH_DETECTOR

    def test_a_reason_is_needed(self) -> None:
        """Blanks are none."""
        command = snoozed().model_copy(update={"reason": " \n"})
        assert refused(a_case(), command, 1).reason is Reason.NOTE_NEEDED

    @pytest.mark.parametrize(("by", "most"), [(SATO, DAY), (TANAKA, 30 * DAY)])
    def test_nobody_snoozes_longer_than_their_role_may(self, by: Actor, most: timedelta) -> None:
        """A specialist a day, a lead thirty; a second more is refused."""
        assert kinds(decide(a_case(), snoozed(by, most), minutes(1))) == ["detector_snoozed"]
        no = refused(a_case(), snoozed(by, most + timedelta(seconds=1)), 1)
        assert (no.reason, no.roles) == (Reason.SNOOZE_TOO_LONG, (Role.LEAD,))

    def test_no_time_is_no_snooze(self) -> None:
        """Such a command does not exist."""
        with pytest.raises(ValidationError):
            snoozed(lasts=timedelta()).model_validate(snoozed(lasts=timedelta()).model_dump())

    @given(
        first=st.integers(1, 48),
        second=st.integers(1, 48),
        between=st.integers(0, 48),
    )
    def test_the_longer_one_stays(self, first: int, second: int, between: int) -> None:
        """Of two people who snooze at once, or later: the end never moves closer."""
        hour = timedelta(hours=1)
        case = follow(a_case(), snoozed(TANAKA, first * hour), T0)
        now = T0 + between * hour
        outcome = decide(case, snoozed(REED, second * hour), now)
        ends, wanted = T0 + first * hour, now + second * hour
        if now < ends and wanted <= ends:
            assert outcome == Refusal(reason=Reason.ALREADY_SNOOZED, by="U0TANAKA", at=T0)
            return
        (kept,) = follow(case, snoozed(REED, second * hour), now).snoozes
        assert (kept.until, kept.by, kept.number) == (wanted, "U0REED", 3)

    def test_a_closed_case_as_well(self) -> None:
        """Clearing is when people want it; the case stays closed."""
        case = follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))
        after = follow(case, snoozed(), minutes(2))
        assert (after.phase, len(after.snoozes)) == (Phase.CLOSED, 1)
        ended = follow(after, cmd.EndSnooze(by=CLARK), minutes(3))
        assert (ended.phase, ended.snoozes) == (Phase.CLOSED, ())

    def test_not_a_merged_case(self) -> None:
        """Another case continues it; what was snoozed before can be ended."""
        case = follow(a_case(), snoozed(), minutes(1))
        merge = cmd.Merge(by=SATO, into="K0000009", subject=case.subject)
        merged = follow(case, merge, minutes(2))
        assert refused(merged, snoozed(lasts=DAY), 3).reason is Reason.CLOSED
        assert follow(merged, cmd.EndSnooze(by=SATO), minutes(3)).snoozes == ()

    def test_anybody_who_works_cases_ends_it(self) -> None:
        """Also that of a lead, for one detector or for all of the case."""
        case = a_case().model_copy(update={"detectors": frozenset({"live-chat", "shill"})})
        case = follow(case, snoozed(TANAKA, 30 * DAY), minutes(1))
        case = follow(case, snoozed(TANAKA, 30 * DAY, "shill"), minutes(2))
        one = follow(case, cmd.EndSnooze(by=CLARK, number=3), minutes(3))
        assert [each.detector for each in one.snoozes] == ["live-chat"]
        both = decide(case, cmd.EndSnooze(by=CLARK), minutes(3))
        assert kinds(both) == ["snooze_ended", "snooze_ended"]

    def test_an_end_needs_a_snooze(self) -> None:
        """None, another one, one that a longer one replaced, or one that is over."""
        case = follow(a_case(), snoozed(SATO, timedelta(hours=1)), minutes(1))
        longer = follow(case, snoozed(SATO, timedelta(hours=2)), minutes(2))
        for state, number, minute in (
            (a_case(), None, 1),
            (case, 3, 2),
            (longer, 2, 3),
            (case, None, 61),
        ):
            no = refused(state, cmd.EndSnooze(by=SATO, number=number), minute)
            assert no.reason is Reason.NOT_SNOOZED

    def test_it_keeps_a_claim(self) -> None:
        """The owner is active while they snooze and end."""
        case = follow(a_case(policy=WATCHFUL), cmd.Claim(by=SATO), minutes(1))
        case = follow(case, snoozed(), minutes(5))
        assert case.active_at == minutes(5)
        assert follow(case, cmd.EndSnooze(by=SATO), minutes(6)).active_at == minutes(6)
