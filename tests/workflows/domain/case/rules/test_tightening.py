"""Tightening rules: today's stricter policy in decisions, pending requests, undos and retries."""

from datetime import timedelta

from tests.workflows.domain.builders import (
    ACT_FIRST,
    CATALOG,
    REED,
    SATO,
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
from workflows.domain.case.approval import Need, Purpose
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Role
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.playbook import Policy, pack
from workflows.domain.policy.strictness import Guard, Strictness, strictness_of

TWO_LEADS = ApprovalRule(by=Role.LEAD, quorum=2, within=timedelta(minutes=10))


def today(policy: Policy, **guards: Guard) -> cmd.Tighten:
    """Today's policy: that of the case with other rules for some actions."""
    found = strictness_of("v2", CATALOG, policy.limits, policy.playbook)
    actions = {**found.actions, **guards}
    return cmd.Tighten(current=found.model_copy(update={"actions": actions}))


def guarded(case: Case, minute: float, **guards: Guard) -> Case:
    """The case after today's rules for some actions."""
    return follow(case, today(case.policy, **guards), minutes(minute))


def test_the_same_rules_make_no_event() -> None:
    """Only differences are recorded."""
    assert decide(a_case(), today(a_case().policy), minutes(1)) == ()


def test_a_decision_needs_todays_approval() -> None:
    """The preset that acted at once when the case opened now asks."""
    case = guarded(a_case(), 1, warn=Guard(approval=TWO_LEADS))
    outcome = decide(case, preset(SATO, "warn"), minutes(2))
    assert kinds(outcome) == ["case_claimed", "decided", "approval_requested"]
    after = apply_all(case, outcome)
    assert after.phase is Phase.AWAITING_APPROVAL
    assert after.approval.needs == (Need(role=Role.LEAD, quorum=2),)


def test_a_tightening_is_recorded_once() -> None:
    """The next press finds nothing new, and a milder policy takes nothing back."""
    case = guarded(a_case(), 1, warn=Guard(approval=TWO_LEADS))
    assert decide(case, today(case.policy, warn=Guard(approval=TWO_LEADS)), minutes(2)) == ()
    assert decide(case, today(case.policy), minutes(2)) == ()
    assert case.policy.approvals("warn") == (TWO_LEADS,)


def test_a_pending_request_gets_the_further_needs() -> None:
    """One lead agreed; the ban now waits for a second one, and nothing is carried out."""
    case = follow(a_case(), preset(SATO, "ban"), minutes(2))
    case = guarded(case, 3, permanent_ban=Guard(danger=True, approval=TWO_LEADS))
    assert case.approval.needs == (Need(role=Role.LEAD, quorum=2),)
    assert case.approval.expires_at == minutes(13)
    outcome = decide(case, cmd.Approve(by=TANAKA), minutes(4))
    assert kinds(outcome) == ["approved"]
    case = apply_all(case, outcome)
    assert case.phase is Phase.AWAITING_APPROVAL
    assert follow(case, cmd.Approve(by=REED), minutes(5)).phase is Phase.ENFORCING


def test_a_request_without_further_needs_stays_as_it_is() -> None:
    """Another action became stricter."""
    case = follow(a_case(), preset(SATO, "ban"), minutes(2))
    (event,) = decide(case, today(case.policy, warn=Guard(approval=TWO_LEADS)), minutes(3))
    assert event.approval is None
    assert apply_all(case, (event,)).approval == case.approval


def test_an_undo_needs_todays_approval() -> None:
    """It is requested instead of carried out."""
    case = follow(a_case(), preset(SATO, "warn"), minutes(2))
    case = follow(case, news(case, ActionStatus.DONE), minutes(2.1))
    case = guarded(case, 3, warn=Guard(undo_approval=TWO_LEADS))
    outcome = decide(case, cmd.Undo(by=SATO), minutes(4))
    assert kinds(outcome) == ["approval_requested"]
    assert not apply_all(case, outcome).undoing


def test_a_protection_that_is_off_today_does_not_start() -> None:
    """Neither by an alert nor by a step of the ladder."""
    case = a_case(policy=WATCHFUL)
    off = strictness_of("v2", CATALOG, WATCHFUL.limits, None)
    case = follow(case, cmd.Tighten(current=off), minutes(1))
    assert decide(case, cmd.ProtectNow(rules=(0, 1)), minutes(1.5)) == ()
    assert "protection_started" not in kinds(decide(case, cmd.Tick(), minutes(11)))


def test_the_rules_survive_a_snapshot() -> None:
    """The policy is carried as it was at the opening, with its differences in the case."""
    case = guarded(a_case(), 1, warn=Guard(danger=True, approval=TWO_LEADS))
    carried = CaseSnapshot(case=case, policy=pack(a_case().policy)).model_dump_json()
    assert CaseSnapshot.model_validate_json(carried).with_policy().case == case


class TestRetry:
    def failed(self, name: str = "ban") -> Case:
        """A ban, approved at minute 3, that the platform refused."""
        case = follow(a_case(), preset(SATO, name), minutes(2))
        if case.approval is not None:
            case = follow(case, cmd.Approve(by=TANAKA), minutes(3))
        return follow(case, news(case, ActionStatus.FAILED), minutes(4))

    def test_a_recent_approval_covers_a_retry(self) -> None:
        """For 24 hours, unless the rule says otherwise."""
        outcome = decide(self.failed(), cmd.Retry(by=SATO), minutes(3 + 24 * 60))
        assert kinds(outcome) == ["action_retried"]

    def test_an_old_approval_does_not(self) -> None:
        """The retry asks, and nothing is tried."""
        case = self.failed()
        outcome = decide(case, cmd.Retry(by=SATO), minutes(3 + 24 * 60 + 1))
        assert kinds(outcome) == ["approval_requested"]
        after = apply_all(case, outcome)
        assert (after.approval.purpose, after.phase) == (Purpose.RETRY, Phase.ENFORCING)
        assert [a.status for a in after.current_actions] == [ActionStatus.FAILED]

    def waiting(self) -> Case:
        """A retry that waits for its approval."""
        return follow(self.failed(), cmd.Retry(by=SATO), minutes(2000))

    def test_a_second_press_asks_once(self) -> None:
        """On the same card."""
        assert decide(self.waiting(), cmd.Retry(by=SATO), minutes(2001)) == ()

    def test_the_new_approval_retries(self) -> None:
        """And covers further retries."""
        case = self.waiting()
        outcome = decide(case, cmd.Approve(by=REED), minutes(2002))
        assert kinds(outcome) == ["approved", "action_retried"]
        case = apply_all(case, outcome)
        assert [a.status for a in case.current_actions] == [ActionStatus.PENDING]
        case = follow(case, news(case, ActionStatus.FAILED), minutes(2003))
        assert kinds(decide(case, cmd.Retry(by=SATO), minutes(2010))) == ["action_retried"]

    def test_neither_decider_nor_requester_approves_it(self) -> None:
        """Two people as before."""
        case = follow(self.failed(), cmd.Retry(by=TANAKA), minutes(2000))
        refusal = refused(case, cmd.Approve(by=TANAKA), 2001)
        assert (refusal.reason, refusal.barred) == (
            Reason.OWN_DECISION,
            ("U0SATO", "U0TANAKA"),
        )

    def test_a_rejected_retry_leaves_the_action_failed(self) -> None:
        """Retry and Give up are offered again."""
        case = follow(self.waiting(), cmd.Reject(by=REED, reason="古い"), minutes(2001))
        assert (case.phase, len(case.failed)) == (Phase.ENFORCING, 1)
        assert kinds(decide(case, cmd.Retry(by=SATO), minutes(2002))) == ["approval_requested"]

    def test_giving_up_withdraws_the_request(self) -> None:
        """A late approval retries nothing."""
        case = follow(self.waiting(), cmd.GiveUp(by=SATO), minutes(2001))
        assert not case.approval.pending
        assert refused(case, cmd.Approve(by=REED), 2002).reason is Reason.NOT_WAITING

    def test_a_late_success_withdraws_the_request(self) -> None:
        """Nothing is left to retry."""
        case = self.waiting()
        outcome = decide(case, news(case, ActionStatus.VERIFIED), minutes(2001))
        assert kinds(outcome) == ["action_verified", "approval_withdrawn", "case_closed"]

    def test_todays_approval_counts_for_a_retry(self) -> None:
        """One lead agreed; two are needed today."""
        case = guarded(self.failed(), 5, permanent_ban=Guard(danger=True, approval=TWO_LEADS))
        assert kinds(decide(case, cmd.Retry(by=SATO), minutes(6))) == ["approval_requested"]

    def test_an_action_without_approval_is_retried_at_once(self) -> None:
        """However old the decision is."""
        case = self.failed("warn")
        assert kinds(decide(case, cmd.Retry(by=SATO), minutes(90000))) == ["action_retried"]

    def test_a_pending_review_comes_first(self) -> None:
        """Today's policy asks for an approval of what the review has not judged."""
        case = follow(a_case(policy=ACT_FIRST), preset(SATO, "mute"), minutes(2))
        case = follow(case, news(case, ActionStatus.FAILED), minutes(3))
        case = guarded(case, 4, mute_user=Guard(approval=TWO_LEADS))
        assert refused(case, cmd.Retry(by=SATO), 5).reason is Reason.REVIEW_FIRST


class TestTooFewApprovers:
    def counted(self, case: Case, able: int) -> cmd.CountApprovers:
        """The leads who can approve the pending request."""
        return cmd.CountApprovers(
            decision=case.approval.decision,
            requested_at=case.approval.requested_at,
            able={Role.LEAD: able},
        )

    def test_the_requester_is_told_at_once(self) -> None:
        """The request stays open."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(2))
        (event,) = decide(case, self.counted(case, 0), minutes(2))
        assert (event.kind, event.to, event.roles) == (
            "approvers_missing",
            "U0SATO",
            (Role.LEAD,),
        )
        after = apply_all(case, (event,))
        assert after.approval.pending
        assert decide(after, self.counted(after, 0), minutes(3)) == ()

    def test_a_quorum_counts(self) -> None:
        """One of two leads is not enough."""
        case = follow(a_case(), preset(SATO, "forfeit"), minutes(2))
        assert kinds(decide(case, self.counted(case, 1), minutes(2))) == ["approvers_missing"]
        assert decide(case, self.counted(case, 2), minutes(2)) == ()

    def test_an_answer_for_an_earlier_request_is_ignored(self) -> None:
        """The request was withdrawn and made again."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(2))
        count = self.counted(case, 0)
        case = follow(case, cmd.Withdraw(by=SATO), minutes(3))
        assert decide(case, count, minutes(3)) == ()
        again = follow(case, preset(SATO, "ban"), minutes(4))
        assert decide(again, count, minutes(4)) == ()


def test_a_strictness_arrives_without_the_requests() -> None:
    """Only what is compared."""
    assert set(Strictness.model_fields) == {
        "version",
        "actions",
        "limits",
        "automatic",
        "reported",
        "act_first",
        "bulk",
        "dry_run",
    }
