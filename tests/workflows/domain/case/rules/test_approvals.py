"""Approval rules: approve, reject, ask, covers, and the time events of a request."""

from tests.workflows.domain.builders import (
    ACT_FIRST,
    CLARK,
    REED,
    SATO,
    SUZUKI,
    TANAKA,
    WATCHFUL,
    a_case,
    follow,
    kinds,
    minutes,
    news,
    preset,
    refused,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.approval import ApprovalState, Purpose
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.decisions import acts_first
from workflows.domain.people import Actor, Cover, Role


def awaiting(name: str = "ban") -> Case:
    """A case whose decision (by 佐藤, at minute 2) waits for approval."""
    return follow(a_case(), preset(SATO, name), minutes(2))


def reviewed() -> Case:
    """Muted at once by 佐藤 at minute 2, done, and not reviewed yet."""
    case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(2))
    return follow(case, news(case, ActionStatus.DONE), minutes(2.1))


def covering(person: Actor, for_: Actor, minute: float = 600) -> Actor:
    """A person who holds the lead's role for somebody until a minute."""
    cover = Cover(role=Role.LEAD, person=for_.id, until=minutes(minute))
    return person.model_copy(update={"covers": (cover,)})


def test_while_automation_is_paused_the_review_comes_first() -> None:
    """The same preset, which otherwise mutes at once, waits for the lead's approval."""
    paused = preset(SATO, "mute").model_copy(update={"paused": True})
    case = a_case(policy=ACT_FIRST)
    first, later = decide(case, preset(SATO, "mute"), minutes(2)), decide(case, paused, minutes(2))
    assert not isinstance(first, Refusal)
    assert not isinstance(later, Refusal)
    assert (acts_first(first), acts_first(later)) == (("mute_user",), ())
    case = follow(case, paused, minutes(2))
    assert case.phase is Phase.AWAITING_APPROVAL
    assert case.pending(Purpose.DECISION)
    assert follow(case, cmd.Approve(by=TANAKA), minutes(3)).phase is Phase.ENFORCING


class TestApproving:
    def test_a_ban_waits_for_a_lead(self) -> None:
        """Nothing happens at the platform before."""
        outcome = decide(a_case(), preset(SATO, "ban"), minutes(2))
        assert kinds(outcome) == ["case_claimed", "decided", "approval_requested"]
        assert awaiting().phase is Phase.AWAITING_APPROVAL

    def test_the_decider_never_approves(self) -> None:
        """Not even where the decider is a lead."""
        case = follow(a_case(), preset(TANAKA, "ban"), minutes(2))
        assert refused(case, cmd.Approve(by=TANAKA), 3).reason is Reason.OWN_DECISION

    def test_a_specialist_does_not_approve(self) -> None:
        """The rule names the role."""
        no = refused(awaiting(), cmd.Approve(by=CLARK), 3)
        assert (no.reason, no.roles) == (Reason.ROLE_NEEDED, (Role.LEAD,))

    def test_one_lead_is_enough_for_a_quorum_of_one(self) -> None:
        """The approval begins the enforcement."""
        case = follow(awaiting(), cmd.Approve(by=TANAKA), minutes(3))
        assert case.phase is Phase.ENFORCING

    def test_the_same_lead_counts_once(self) -> None:
        """Two presses of one person are no quorum of two."""
        case = follow(awaiting("forfeit"), cmd.Approve(by=TANAKA), minutes(3))
        assert case.phase is Phase.AWAITING_APPROVAL
        assert refused(case, cmd.Approve(by=TANAKA), 4).reason is Reason.ALREADY_APPROVED
        assert follow(case, cmd.Approve(by=REED), minutes(5)).phase is Phase.ENFORCING

    def test_a_rejection_sends_the_case_back_with_its_reason(self) -> None:
        """The decider has it again, and nothing is left of the decision's actions."""
        case = follow(awaiting(), cmd.Reject(by=TANAKA, reason="根拠が足りません"), minutes(3))
        assert (case.phase, case.owner, case.rejection) == (
            Phase.CLAIMED,
            "U0SATO",
            "根拠が足りません",
        )
        assert case.current_actions == ()

    def test_expiry_refuses_where_the_policy_says_so(self) -> None:
        """No approval in time: the decision is off."""
        case = follow(awaiting(), cmd.Tick(), minutes(32))
        assert (case.phase, case.current_actions) == (Phase.CLAIMED, ())

    def test_expiry_escalates_where_the_policy_says_so(self) -> None:
        """The leads are asked again for the same time."""
        case = follow(awaiting("forfeit"), cmd.Tick(), minutes(62))
        assert case.approval is not None
        assert (case.phase, case.approval.expires_at) == (Phase.AWAITING_APPROVAL, minutes(122))

    def test_an_approval_that_arrives_after_expiry_is_refused(self) -> None:
        """Also in the moment before the clock itself has looked."""
        assert refused(awaiting(), cmd.Approve(by=TANAKA), 32).reason is Reason.EXPIRED

    def test_an_approval_of_an_earlier_decision_is_refused(self) -> None:
        """The button of D1 does not approve D2."""
        case = awaiting()
        seen = case.version
        case = follow(case, cmd.Reject(by=TANAKA, reason="別の対応を"), minutes(3))
        case = follow(case, preset(SATO, "forfeit", case.version), minutes(4))
        assert refused(case, cmd.Approve(by=REED, version=seen), 5).reason is Reason.CHANGED

    def test_an_approval_of_something_that_does_not_wait_is_refused(self) -> None:
        """Nobody asked."""
        assert refused(a_case(), cmd.Approve(by=TANAKA), 3).reason is Reason.NOT_WAITING

    def test_a_rejection_needs_a_reason(self) -> None:
        """The decider has to know what to do otherwise."""
        no = refused(awaiting(), cmd.Reject(by=TANAKA, reason=" "), 3)
        assert no.reason is Reason.REASON_NEEDED

    def test_the_decider_does_not_reject_either(self) -> None:
        """They withdraw."""
        case = follow(a_case(), preset(TANAKA, "ban"), minutes(2))
        no = refused(case, cmd.Reject(by=TANAKA, reason="やめます"), 3)
        assert no.reason is Reason.OWN_DECISION


class TestStandingIn:
    def test_who_stands_in_for_a_lead_approves_in_their_stead(self) -> None:
        """The event has the covered person."""
        case = follow(awaiting(), cmd.Approve(by=covering(CLARK, TANAKA)), minutes(3))
        assert case.phase is Phase.ENFORCING
        assert case.approval is not None
        assert [(c.by, c.covers) for c in case.approval.consents] == [("U0CLARK", "U0TANAKA")]

    def test_not_in_the_deciders_stead(self) -> None:
        """That would be the decider's own agreement."""
        case = follow(a_case(), preset(TANAKA, "ban"), minutes(2))
        no = refused(case, cmd.Approve(by=covering(CLARK, TANAKA)), 3)
        assert (no.reason, no.roles) == (Reason.ROLE_NEEDED, (Role.LEAD,))

    def test_not_the_decider_in_somebody_elses_stead(self) -> None:
        """Two roles are not two people."""
        no = refused(awaiting(), cmd.Approve(by=covering(SATO, TANAKA)), 3)
        assert no.reason is Reason.OWN_DECISION

    def test_nobody_counts_twice_through_somebody_who_stands_in(self) -> None:
        """Neither after their own agreement nor before it."""
        case = follow(awaiting("forfeit"), cmd.Approve(by=TANAKA), minutes(3))
        no = refused(case, cmd.Approve(by=covering(CLARK, TANAKA)), 4)
        assert no.reason is Reason.ROLE_NEEDED
        case = follow(awaiting("forfeit"), cmd.Approve(by=covering(CLARK, TANAKA)), minutes(3))
        assert refused(case, cmd.Approve(by=TANAKA), 4).reason is Reason.ALREADY_APPROVED

    def test_a_lead_who_stands_in_for_another_counts_for_themselves(self) -> None:
        """So that the other one may still agree."""
        case = follow(awaiting("forfeit"), cmd.Approve(by=covering(REED, TANAKA)), minutes(3))
        assert case.approval is not None
        assert [(c.by, c.covers) for c in case.approval.consents] == [("U0REED", None)]
        assert follow(case, cmd.Approve(by=TANAKA), minutes(4)).phase is Phase.ENFORCING

    def test_its_time_is_over_to_the_minute(self) -> None:
        """Until 03:05 is not at 03:05."""
        person = covering(CLARK, TANAKA, 5)
        assert follow(awaiting(), cmd.Approve(by=person), minutes(4)).phase is Phase.ENFORCING
        assert refused(awaiting(), cmd.Approve(by=person), 5).reason is Reason.ROLE_NEEDED

    def test_an_auditor_stands_in_for_nobody(self) -> None:
        """Auditors change nothing, also not as a cover."""
        no = refused(awaiting(), cmd.Approve(by=covering(SUZUKI, TANAKA)), 3)
        assert no.reason is Reason.ROLE_NEEDED


class TestAskingBack:
    def asked(self) -> Case:
        """Tanaka asks at minute 12, with 20 minutes left."""
        return follow(
            awaiting(), cmd.AskRequester(by=TANAKA, question="どの配信ですか"), minutes(12)
        )

    def test_the_time_stands_still_until_the_answer(self) -> None:
        """Answered at 25: twenty minutes are left from there."""
        case = follow(self.asked(), cmd.AnswerApprover(by=SATO, answer="s_9です"), minutes(25))
        assert case.approval is not None
        assert (case.approval.question, case.approval.expires_at) == (None, minutes(45))

    def test_a_question_that_nobody_answers_ends(self) -> None:
        """After as long as an approval may take: then the time goes on."""
        case = self.asked()
        assert case.deadline == minutes(42)
        case = follow(case, cmd.Tick(), minutes(42))
        assert case.approval is not None
        assert (case.approval.question, case.approval.expires_at) == (None, minutes(62))

    def test_a_late_look_finds_everything_that_time_brought(self) -> None:
        """The question ended, and so did the approval."""
        outcome = decide(self.asked(), cmd.Tick(), minutes(300))
        assert kinds(outcome)[:2] == ["approval_answered", "approval_expired"]
        assert follow(self.asked(), cmd.Tick(), minutes(300)).phase is Phase.CLAIMED

    def test_it_can_be_approved_without_the_answer(self) -> None:
        """The approver found it out."""
        case = follow(self.asked(), cmd.Approve(by=TANAKA), minutes(40))
        assert case.phase is Phase.ENFORCING

    def test_one_question_at_a_time(self) -> None:
        """The refusal says who asked, and when."""
        no = refused(self.asked(), cmd.AskRequester(by=REED, question="なぜですか"), 13)
        assert (no.reason, no.by, no.at) == (Reason.ALREADY_ASKED, "U0TANAKA", minutes(12))

    def test_a_question_has_words_and_so_has_its_answer(self) -> None:
        """Blanks are neither."""
        no = refused(awaiting(), cmd.AskRequester(by=TANAKA, question=" "), 3)
        assert no.reason is Reason.NOTE_NEEDED
        no = refused(self.asked(), cmd.AnswerApprover(by=SATO, answer=" "), 13)
        assert no.reason is Reason.NOTE_NEEDED

    def test_only_who_decided_answers(self) -> None:
        """Others leave a note."""
        no = refused(self.asked(), cmd.AnswerApprover(by=CLARK, answer="s_9です"), 13)
        assert (no.reason, no.by) == (Reason.NOT_YOUR_REQUEST, "U0SATO")

    def test_nothing_asked_needs_no_answer(self) -> None:
        """There is no question."""
        no = refused(awaiting(), cmd.AnswerApprover(by=SATO, answer="s_9です"), 13)
        assert no.reason is Reason.NOTHING_ASKED


class TestWithdrawing:
    def test_who_asked_takes_it_back(self) -> None:
        """Nothing is left of the decision's actions."""
        case = follow(awaiting(), cmd.Withdraw(by=SATO), minutes(3))
        assert (case.phase, case.owner, case.current_actions) == (Phase.CLAIMED, "U0SATO", ())
        assert case.approval is not None
        assert case.approval.state is ApprovalState.WITHDRAWN

    def test_nobody_else_does(self) -> None:
        """A lead rejects."""
        no = refused(awaiting(), cmd.Withdraw(by=TANAKA), 3)
        assert (no.reason, no.by) == (Reason.NOT_YOUR_REQUEST, "U0SATO")

    def test_what_does_not_wait_is_not_withdrawn(self) -> None:
        """And what was done at once is for the reviewer to judge."""
        assert refused(a_case(), cmd.Withdraw(by=SATO), 3).reason is Reason.NOT_WAITING
        assert refused(reviewed(), cmd.Withdraw(by=SATO), 3).reason is Reason.NOT_WAITING


class TestTime:
    def test_approvers_are_reminded_once_before_the_end(self) -> None:
        """A third of the time before it: ten minutes of thirty."""
        case = awaiting()
        assert case.deadline == minutes(22)
        assert kinds(decide(case, cmd.Tick(), minutes(22))) == ["approval_reminded"]
        assert follow(case, cmd.Tick(), minutes(22)).deadline == minutes(32)

    def test_a_renewed_request_is_reminded_of_again(self) -> None:
        """Each time has its own."""
        case = follow(awaiting("forfeit"), cmd.Tick(), minutes(62))
        assert case.deadline == minutes(102)

    def test_an_expired_request_gives_its_decider_the_whole_time(self) -> None:
        """Their claim does not end with it."""
        case = follow(a_case(policy=WATCHFUL), preset(SATO, "ban"), minutes(2))
        case = follow(case, cmd.Tick(), minutes(32))
        assert (case.phase, case.claim_ends) == (Phase.CLAIMED, minutes(47))


class TestReviewing:
    def test_a_rejected_review_takes_back_what_was_done(self) -> None:
        """And its decider has the case again."""
        command = cmd.Reject(by=TANAKA, reason="やりすぎ")
        assert kinds(decide(reviewed(), command, minutes(3))) == ["rejected", "undo_requested"]
        case = follow(reviewed(), command, minutes(3))
        assert (case.phase, case.owner, case.undoing) == (Phase.CLAIMED, "U0SATO", True)

    def test_it_is_not_rejected_while_it_is_still_being_done(self) -> None:
        """It could not be taken back yet."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(2))
        no = refused(case, cmd.Reject(by=TANAKA, reason="やりすぎ"), 3)
        assert no.reason is Reason.STILL_ACTING

    def test_what_failed_is_given_up_with_the_rejection(self) -> None:
        """Its enforcement would wait for ever for a Retry that is not offered any more."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(2))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(2.1))
        command = cmd.Reject(by=TANAKA, reason="やりすぎ")
        assert kinds(decide(case, command, minutes(3))) == ["rejected", "actions_given_up"]
        case = follow(case, command, minutes(3))
        assert (case.phase, case.failed) == (Phase.CLAIMED, ())

    def test_a_review_that_nobody_makes_is_a_rejection(self) -> None:
        """Where its rule refuses on expiry."""
        outcome = decide(reviewed(), cmd.Tick(), minutes(17))
        assert kinds(outcome)[:2] == ["approval_expired", "undo_requested"]

    def test_it_is_asked_for_again_while_it_is_still_being_done(self) -> None:
        """What can't be taken back yet is not refused by the clock."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(2))
        case = follow(case, cmd.Tick(), minutes(17))
        assert case.approval is not None
        assert (case.approval.pending, case.approval.expires_at) == (True, minutes(32))

    def test_an_undo_that_came_to_nothing_can_be_asked_for_again(self) -> None:
        """The case is undecided, and its mute is still in effect."""
        case = follow(reviewed(), cmd.Reject(by=TANAKA, reason="やりすぎ"), minutes(3))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(4))
        assert (case.phase, len(case.undoable)) == (Phase.CLAIMED, 1)
        assert follow(case, cmd.Undo(by=TANAKA), minutes(5)).undoing
