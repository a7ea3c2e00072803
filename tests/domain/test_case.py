"""The rules of a case, one behaviour a test."""

from tests.domain.building import (
    CLARK,
    REED,
    SATO,
    SUZUKI,
    TANAKA,
    a_case,
    an_alert,
    follow,
    kinds,
    minutes,
    news,
    preset,
)
from workflows.domain import commands as cmd
from workflows.domain.alert import brief
from workflows.domain.case import decide
from workflows.domain.case_state import Case, Phase
from workflows.domain.decision import Verdict
from workflows.domain.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.people import Role
from workflows.domain.playbook.model import PresetAction, Severity
from workflows.domain.refusal import Reason, Refusal


def refused(case: Case, command: cmd.Command, minute: float) -> Refusal:
    """The refusal of a command that must be refused."""
    outcome = decide(case, command, minutes(minute))
    assert isinstance(outcome, Refusal), outcome
    return outcome


def awaiting(name: str = "ban") -> Case:
    """A case whose decision (by 佐藤, at minute 2) waits for approval."""
    return follow(a_case(), preset(SATO, name), minutes(2))


def closed() -> Case:
    """A case that 佐藤 closed with a warning."""
    case = follow(a_case(), preset(SATO, "warn"), minutes(2))
    return follow(case, news(case, ActionStatus.DONE), minutes(2.1))


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
        assert refused(case, cmd.Release(by=CLARK), 2).reason is Reason.NOT_YOURS
        assert follow(case, cmd.Release(by=TANAKA), minutes(2)).owner is None


class TestDeciding:
    def test_a_preset_on_an_open_case_claims_and_decides(self) -> None:
        """One tap is enough at 3 a.m."""
        outcome = decide(a_case(), preset(SATO, "warn"), minutes(1))
        assert kinds(outcome) == ["case_claimed", "decided"]

    def test_no_violation_closes_at_once(self) -> None:
        """There is nothing to do at the platform."""
        case = follow(a_case(), cmd.Clear(by=SATO), minutes(1))
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
        case = awaiting()
        seen = case.version
        case = follow(case, cmd.Reject(by=TANAKA, reason="根拠が足りません"), minutes(5))
        no = refused(case, preset(SATO, "ban", seen), 6)
        assert (no.reason, no.by, no.what) == (Reason.CHANGED, "U0TANAKA", "rejected")

    def test_a_press_on_a_closed_case_says_who_closed_it(self) -> None:
        """A late click never changes what is over."""
        case = follow(a_case(), cmd.Clear(by=SATO), minutes(1))
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


class TestEnforcing:
    def test_a_verified_action_closes_the_case(self) -> None:
        """Nothing is left to do."""
        case = follow(a_case(), preset(SATO, "mute"), minutes(2))
        outcome = decide(case, news(case, ActionStatus.VERIFIED), minutes(2.1))
        assert kinds(outcome) == ["action_verified", "case_closed"]

    def test_the_same_report_twice_makes_no_second_event(self) -> None:
        """Deliveries may repeat."""
        case = closed()
        assert decide(case, news(case, ActionStatus.DONE), minutes(3)) == ()

    def test_a_failed_action_keeps_the_case_open_for_a_person(self) -> None:
        """Retry and Give up are offered."""
        case = follow(a_case(), preset(SATO, "mute"), minutes(2))
        problem = Problem(kind=ProblemKind.REFUSED, status=404)
        case = follow(case, news(case, ActionStatus.FAILED, problem=problem), minutes(2.1))
        assert (case.phase, len(case.failed)) == (Phase.ENFORCING, 1)
        retried = follow(case, cmd.Retry(by=SATO), minutes(3))
        assert [a.status for a in retried.current_actions] == [ActionStatus.PENDING]

    def test_giving_up_gives_the_case_back_where_nothing_stands(self) -> None:
        """The assignee can decide otherwise."""
        case = follow(a_case(), preset(SATO, "mute"), minutes(2))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(2.1))
        case = follow(case, cmd.GiveUp(by=SATO), minutes(3))
        assert (case.phase, case.owner) == (Phase.CLAIMED, "U0SATO")
        assert kinds(decide(case, preset(SATO, "warn", case.version), minutes(4))) == ["decided"]

    def test_an_undo_takes_the_standing_action_back(self) -> None:
        """The case stays closed; the card says that it was undone."""
        case = follow(closed(), cmd.Undo(by=CLARK), minutes(5))
        assert case.undoing
        case = follow(case, news(case, ActionStatus.UNDONE), minutes(5.1))
        assert (case.phase, [a.status for a in case.current_actions]) == (
            Phase.CLOSED,
            [ActionStatus.UNDONE],
        )

    def test_only_a_lead_undoes_what_needed_an_approval(self) -> None:
        """What two people did, one specialist does not take back."""
        case = follow(awaiting(), cmd.Approve(by=TANAKA), minutes(3))
        case = follow(case, news(case, ActionStatus.VERIFIED), minutes(3.1))
        assert refused(case, cmd.Undo(by=SATO), 5).roles == (Role.LEAD,)
        assert follow(case, cmd.Undo(by=REED), minutes(5)).undoing

    def test_an_undo_that_the_platform_refuses_leaves_the_action_standing(self) -> None:
        """The person may try again."""
        case = follow(closed(), cmd.Undo(by=CLARK), minutes(5))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(5.1))
        assert (case.undoing, len(case.undoable)) == (False, 1)

    def test_a_lift_is_told_without_opening_the_case(self) -> None:
        """A timed action ended."""
        case = follow(a_case(), preset(SATO, "mute"), minutes(2))
        case = follow(case, news(case, ActionStatus.VERIFIED), minutes(2.1))
        case = follow(case, news(case, ActionStatus.LIFTED), minutes(1442))
        assert (case.phase, [a.status for a in case.current_actions]) == (
            Phase.CLOSED,
            [ActionStatus.LIFTED],
        )
