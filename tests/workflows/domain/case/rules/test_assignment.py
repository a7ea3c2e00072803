"""Assignment rules: claim, release, hand-over, watch, notes, and the expiry of claims."""

from tests.workflows.domain.builders import (
    CLARK,
    REED,
    SATO,
    SUZUKI,
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
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.playbook import Severity


class TestClaiming:
    def test_a_claim_makes_the_person_the_owner(self) -> None:
        """The first claim wins."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert (case.phase, case.owner) == (Phase.CLAIMED, "U0SATO")

    def test_a_second_claim_by_the_same_person_changes_nothing(self) -> None:
        """A double tap is harmless."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert decide(case, cmd.Claim(by=SATO), minutes(2)) == ()

    def test_somebody_elses_claim_is_refused_with_who_and_when(self) -> None:
        """Two people pressed in the same second: the second learns of the first."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        no = refused(case, cmd.Claim(by=CLARK), 1)
        assert (no.reason, no.by, no.at) == (Reason.CLAIMED_BY_OTHER, "U0SATO", minutes(1))

    def test_an_auditor_changes_nothing(self) -> None:
        """Auditors read; the refusal says who could do it."""
        no = refused(a_case(), cmd.Claim(by=SUZUKI), 1)
        assert (no.reason, no.roles) == (Reason.ROLE_NEEDED, (Role.LEAD, Role.SPECIALIST))

    def test_release_puts_the_case_back(self) -> None:
        """Nobody owns a released case."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        case = follow(case, cmd.Release(by=SATO), minutes(2))
        assert (case.phase, case.owner) == (Phase.OPEN, None)

    def test_only_the_owner_or_a_lead_releases(self) -> None:
        """A lead may take a case from somebody who left; a colleague may not."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        no = refused(case, cmd.Release(by=CLARK), 2)
        assert (no.reason, no.by, no.roles) == (Reason.NOT_YOURS, "U0SATO", (Role.LEAD,))
        assert follow(case, cmd.Release(by=TANAKA), minutes(2)).owner is None

    def test_a_release_of_an_open_case_changes_nothing(self) -> None:
        """Nobody has it."""
        assert decide(a_case(), cmd.Release(by=SATO), minutes(1)) == ()

    def test_a_release_meant_for_whoever_had_it_before_is_refused(self) -> None:
        """The lead's card still showed 佐藤; Clark has the case by now."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        seen = case.version
        case = follow(
            follow(case, cmd.Release(by=SATO), minutes(2)), cmd.Claim(by=CLARK), minutes(3)
        )
        no = refused(case, cmd.Release(by=TANAKA, version=seen), 4)
        assert (no.reason, no.by, no.at) == (Reason.CLAIMED_BY_OTHER, "U0CLARK", minutes(3))

    def test_a_release_meant_for_before_the_reopening_is_refused(self) -> None:
        """Tanaka reopened the case and has it now."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        seen = case.version
        case = follow(case, cmd.MarkNoViolation(by=SATO), minutes(2))
        case = follow(case, cmd.Reopen(by=TANAKA, reason="異議申し立て"), minutes(3))
        no = refused(case, cmd.Release(by=REED, version=seen), 4)
        assert (no.reason, no.by) == (Reason.CLAIMED_BY_OTHER, "U0TANAKA")

    def test_a_decided_case_is_neither_claimed_nor_released(self) -> None:
        """The refusal says what became of it."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(1))
        assert refused(case, cmd.Claim(by=CLARK), 2).reason is Reason.ALREADY_DECIDED
        assert refused(case, cmd.Release(by=SATO), 2).reason is Reason.ALREADY_DECIDED


def hand(by: Actor, to: Actor, note: str = "配信は続いています") -> cmd.HandOver:
    """A hand-over with its note."""
    return cmd.HandOver(by=by, to=to, note=note)


class TestHandingOver:
    def test_the_colleague_has_the_case_then(self) -> None:
        """The note has the state of the work."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        outcome = decide(case, hand(SATO, CLARK), minutes(2))
        assert not isinstance(outcome, Refusal)
        (handed,) = outcome
        assert isinstance(handed, ev.CaseHandedOver)
        assert (handed.owner, handed.to, handed.note) == ("U0SATO", "U0CLARK", "配信は続いています")
        after = apply_all(case, outcome)
        assert (after.owner, after.owned_since, after.active_at) == (
            "U0CLARK",
            minutes(2),
            minutes(2),
        )

    def test_an_open_case_is_claimed_first(self) -> None:
        """Whoever hands it over had it, if only for a moment."""
        assert kinds(decide(a_case(), hand(SATO, CLARK), minutes(1))) == [
            "case_claimed",
            "case_handed_over",
        ]

    def test_an_open_case_handed_to_oneself_is_claimed(self) -> None:
        """Nothing is handed over."""
        assert kinds(decide(a_case(), hand(SATO, SATO), minutes(1))) == ["case_claimed"]

    def test_to_its_assignee_changes_nothing(self) -> None:
        """They have it."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert decide(case, hand(SATO, SATO), minutes(2)) == ()

    def test_a_lead_hands_over_for_somebody_who_left(self) -> None:
        """A colleague may not."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert follow(case, hand(TANAKA, CLARK), minutes(2)).owner == "U0CLARK"
        assert refused(case, hand(CLARK, CLARK), 2).reason is Reason.NOT_YOURS

    def test_an_auditor_gets_no_case(self) -> None:
        """The refusal names who could."""
        no = refused(a_case(), hand(SATO, SUZUKI), 1)
        assert (no.reason, no.name) == (Reason.NOT_A_COLLEAGUE, "U0SUZUKI")
        assert no.roles == (Role.LEAD, Role.SPECIALIST)

    def test_a_note_is_needed(self) -> None:
        """Hand-overs without a note lose information."""
        assert refused(a_case(), hand(SATO, CLARK, "  "), 1).reason is Reason.NOTE_NEEDED

    def test_a_decided_case_stays_with_its_decider(self) -> None:
        """They answer for it."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(1))
        assert refused(case, hand(SATO, CLARK), 2).reason is Reason.ALREADY_DECIDED


class TestClaimsThatRunOut:
    """15 minutes without a sign, with a warning 5 minutes before."""

    def claimed(self) -> Case:
        """A medium case that 佐藤 claimed at minute 1."""
        return follow(a_case(Severity.MEDIUM, WATCHFUL), cmd.Claim(by=SATO), minutes(1))

    def test_the_owner_is_warned_first(self) -> None:
        """With the time at which the claim ends."""
        assert self.claimed().claim_warns == minutes(11)
        outcome = decide(self.claimed(), cmd.Tick(), minutes(11))
        assert not isinstance(outcome, Refusal)
        warned = [event for event in outcome if isinstance(event, ev.ClaimWarned)]
        assert [(w.owner, w.until) for w in warned] == [("U0SATO", minutes(16))]

    def test_they_are_warned_once(self) -> None:
        """The next thing is the end."""
        case = follow(self.claimed(), cmd.Tick(), minutes(11))
        assert (case.claim_warns, case.claim_ends) == (None, minutes(16))

    def test_the_claim_ends_and_the_shift_is_called(self) -> None:
        """Nobody has the case any more, and the ladder says so at the same moment."""
        case = follow(self.claimed(), cmd.Tick(), minutes(11))
        outcome = decide(case, cmd.Tick(), minutes(16))
        assert kinds(outcome)[:2] == ["claim_expired", "case_escalated"]
        assert follow(case, cmd.Tick(), minutes(16)).phase is Phase.OPEN

    def test_who_was_not_warned_in_time_is_warned_first(self) -> None:
        """Nobody looked at the clock for an hour: five minutes are left all the same."""
        outcome = decide(self.claimed(), cmd.Tick(), minutes(60))
        assert not isinstance(outcome, Refusal)
        assert [(e.kind, e.until) for e in outcome if isinstance(e, ev.ClaimWarned)] == [
            ("claim_warned", minutes(65))
        ]
        assert "claim_expired" not in kinds(outcome)
        case = follow(self.claimed(), cmd.Tick(), minutes(60))
        assert (case.owner, case.claim_ends, case.claim_warns) == ("U0SATO", minutes(65), None)
        assert "claim_expired" in kinds(decide(case, cmd.Tick(), minutes(65)))

    def test_a_late_warning_leaves_no_more_than_the_playbook_warns_before(self) -> None:
        """One minute here."""
        policy = a_policy(claims={"idle": "15m", "warn": "1m"})
        case = follow(a_case(Severity.MEDIUM, policy), cmd.Claim(by=SATO), minutes(1))
        assert follow(case, cmd.Tick(), minutes(60)).claim_ends == minutes(61)

    def test_a_sign_after_a_late_warning_is_one(self) -> None:
        """The whole time starts again, without the warning."""
        case = follow(self.claimed(), cmd.Tick(), minutes(60))
        case = follow(case, cmd.AddNote(by=SATO, note="確認中"), minutes(61))
        assert (case.claim_warns, case.claim_ends) == (minutes(71), minutes(76))

    def test_a_note_of_the_owner_is_a_sign_of_them(self) -> None:
        """The time and the warning start again."""
        case = follow(self.claimed(), cmd.Tick(), minutes(11))
        case = follow(case, cmd.AddNote(by=SATO, note="確認中"), minutes(12))
        assert (case.claim_warns, case.claim_ends) == (minutes(22), minutes(27))

    def test_a_note_of_somebody_else_is_not(self) -> None:
        """The owner has not been seen for that."""
        case = follow(self.claimed(), cmd.AddNote(by=CLARK, note="見ました"), minutes(5))
        assert case.claim_ends == minutes(16)

    def test_a_case_on_hold_keeps_its_owner(self) -> None:
        """Nobody is expected to be seen; they are reckoned with again from its end."""
        case = follow(self.claimed(), cmd.Wait(by=SATO, note="身分証待ち"), minutes(5))
        assert (case.claim_warns, case.claim_ends) == (None, None)
        assert follow(case, cmd.Resume(by=SATO), minutes(50)).claim_ends == minutes(65)

    def test_a_decision_that_came_back_leaves_its_decider_the_whole_time(self) -> None:
        """They waited for the platform, or for the lead."""
        case = follow(self.claimed(), preset(SATO, "warn"), minutes(14))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(15))
        case = follow(case, cmd.GiveUp(by=SATO), minutes(40))
        assert (case.phase, case.claim_ends) == (Phase.CLAIMED, minutes(55))

    def test_without_the_rule_a_claim_does_not_end(self) -> None:
        """A playbook may trust its people."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert (case.claim_warns, case.claim_ends) == (None, None)


class TestWatchingAndNoting:
    def test_anybody_watches_also_an_auditor(self) -> None:
        """They are notified of events."""
        case = follow(a_case(), cmd.Watch(by=SUZUKI), minutes(1))
        assert case.watchers == ("U0SUZUKI",)
        assert decide(case, cmd.Watch(by=SUZUKI), minutes(2)) == ()

    def test_whoever_stops_watching_hears_no_more(self) -> None:
        """Stopping twice changes nothing."""
        case = follow(a_case(), cmd.Watch(by=SUZUKI), minutes(1))
        case = follow(case, cmd.Unwatch(by=SUZUKI), minutes(2))
        assert case.watchers == ()
        assert decide(case, cmd.Unwatch(by=SUZUKI), minutes(3)) == ()

    def test_a_note_is_left_also_behind_a_closed_case(self) -> None:
        """What comes to light later belongs there."""
        case = follow(a_case(), cmd.MarkNoViolation(by=SATO), minutes(1))
        outcome = decide(case, cmd.AddNote(by=CLARK, note="  後日談 "), minutes(9))
        assert not isinstance(outcome, Refusal)
        assert [event.note for event in outcome if isinstance(event, ev.NoteAdded)] == ["後日談"]

    def test_an_empty_note_is_refused(self) -> None:
        """There is nothing to read."""
        assert refused(a_case(), cmd.AddNote(by=SATO, note=" "), 1).reason is Reason.NOTE_NEEDED

    def test_an_auditor_leaves_no_note(self) -> None:
        """They change nothing."""
        no = refused(a_case(), cmd.AddNote(by=SUZUKI, note="所見"), 1)
        assert no.reason is Reason.ROLE_NEEDED
