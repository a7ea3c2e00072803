"""Enforcement rules: reports, retry, give up, and undo with its own approval."""

from tests.workflows.domain.builders import (
    CLARK,
    REED,
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
from workflows.domain.case import commands as cmd
from workflows.domain.case.approval import ApprovalState, Purpose
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.case.rules.enforcement import stays_under_way
from workflows.domain.people import Role
from workflows.domain.policy.playbook import PresetAction


def closed() -> Case:
    """A case that 佐藤 closed with a warning."""
    case = follow(a_case(), preset(SATO, "warn"), minutes(2))
    return follow(case, news(case, ActionStatus.DONE), minutes(2.1))


def two(*statuses: ActionStatus) -> Case:
    """A warning and a mute as one decision, and what became of them."""
    command = cmd.Decide(
        by=SATO,
        verdict=Verdict.VIOLATION,
        actions=(PresetAction(action="warn"), PresetAction(action="mute_user")),
        reason="理由",
    )
    case = follow(a_case(), command, minutes(2))
    for state, status in zip(case.current_actions, statuses, strict=False):
        case = follow(case, one(case, state.planned.key, status), minutes(3))
    return case


def one(case: Case, key: str, status: ActionStatus) -> cmd.Report:
    """News of one action of D1."""
    told = ActionReport(action=key, status=status)
    return cmd.Report(
        report=EnforcementReport(id=key + status, case=case.id, decision="D1", actions=(told,))
    )


def suspended() -> Case:
    """A case that 佐藤 closed with a suspension, whose undo a lead has to agree to."""
    command = cmd.Decide(
        by=SATO,
        verdict=Verdict.VIOLATION,
        actions=(PresetAction(action="suspend"),),
        reason="理由",
    )
    case = follow(a_case(), command, minutes(2))
    return follow(case, news(case, ActionStatus.DONE), minutes(2.1))


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
        case = follow(
            follow(a_case(), preset(SATO, "ban"), minutes(2)), cmd.Approve(by=TANAKA), minutes(3)
        )
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

    def test_what_is_still_waiting_for_its_approval_has_no_news(self) -> None:
        """Nothing of it is being carried out, whatever a report says."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(2))
        assert decide(case, news(case, ActionStatus.DONE), minutes(3)) == ()

    def test_late_news_of_an_ended_action_changes_nothing(self) -> None:
        """A report that was overtaken on its way."""
        case = follow(closed(), cmd.Undo(by=CLARK), minutes(5))
        case = follow(case, news(case, ActionStatus.UNDONE), minutes(5.1))
        assert decide(case, news(case, ActionStatus.RETRYING), minutes(6)) == ()

    def test_rehearsed_actions_close_the_case_and_leave_nothing_to_undo(self) -> None:
        """The playbook has `dry_run`."""
        case = follow(a_case(policy=a_policy(dry_run=True)), preset(SATO, "mute"), minutes(2))
        assert case.decision is not None
        assert case.decision.dry_run
        case = follow(case, news(case, ActionStatus.DRY_RUN, would="POST …"), minutes(2.1))
        assert (case.phase, case.undoable) == (Phase.CLOSED, ())


class TestGivingUp:
    def test_it_closes_with_what_stands(self) -> None:
        """The warning is done, the mute is not."""
        case = two(ActionStatus.DONE, ActionStatus.FAILED)
        assert kinds(decide(case, cmd.GiveUp(by=SATO), minutes(4))) == [
            "actions_given_up",
            "case_closed",
        ]

    def test_it_waits_until_the_rest_has_ended(self) -> None:
        """Otherwise a new decision could be made while the mute is in progress."""
        case = two(ActionStatus.FAILED, ActionStatus.RETRYING)
        assert refused(case, cmd.GiveUp(by=SATO), 4).reason is Reason.STILL_ACTING
        case = follow(case, one(case, "mute_user/user:u_123", ActionStatus.DONE), minutes(5))
        assert follow(case, cmd.GiveUp(by=SATO), minutes(6)).phase is Phase.CLOSED

    def test_what_was_skipped_for_it_is_over_as_well(self) -> None:
        """Nothing is in effect: the case is undecided again."""
        case = follow(
            two(ActionStatus.FAILED, ActionStatus.SKIPPED), cmd.GiveUp(by=SATO), minutes(4)
        )
        assert case.phase is Phase.CLAIMED

    def test_a_lift_after_a_failure_is_recorded(self) -> None:
        """The change was made although its answer was lost, and has ended."""
        case = two(ActionStatus.DONE, ActionStatus.FAILED)
        lifted = one(case, "mute_user/user:u_123", ActionStatus.LIFTED)
        assert kinds(decide(case, lifted, minutes(9))) == ["action_lifted", "case_closed"]
        case = follow(case, lifted, minutes(9))
        assert [a.status for a in case.current_actions] == [
            ActionStatus.DONE,
            ActionStatus.LIFTED,
        ]

    def test_a_lift_after_giving_up_is_recorded(self) -> None:
        """The case stays as it is."""
        case = follow(two(ActionStatus.DONE, ActionStatus.FAILED), cmd.GiveUp(by=SATO), minutes(4))
        lifted = one(case, "mute_user/user:u_123", ActionStatus.LIFTED)
        assert kinds(decide(case, lifted, minutes(9))) == ["action_lifted"]
        assert follow(case, lifted, minutes(9)).phase is Phase.CLOSED

    def test_nothing_failed_is_refused(self) -> None:
        """And so is a Retry."""
        assert refused(closed(), cmd.GiveUp(by=SATO), 5).reason is Reason.NOTHING_FAILED
        assert refused(closed(), cmd.Retry(by=SATO), 5).reason is Reason.NOTHING_FAILED


class TestRetrying:
    def test_what_was_skipped_is_tried_with_what_failed(self) -> None:
        """It was never its own fault."""
        case = follow(
            two(ActionStatus.FAILED, ActionStatus.SKIPPED), cmd.Retry(by=SATO), minutes(4)
        )
        assert [a.status for a in case.current_actions] == [ActionStatus.PENDING] * 2

    def test_what_was_taken_back_is_made_anew(self) -> None:
        """Policy undid the warning because the mute failed."""
        case = two(ActionStatus.DONE, ActionStatus.FAILED)
        case = follow(case, one(case, "warn/user:u_123", ActionStatus.ROLLED_BACK), minutes(3))
        case = follow(case, cmd.Retry(by=SATO), minutes(4))
        assert [a.status for a in case.current_actions] == [ActionStatus.PENDING] * 2

    def test_what_was_undone_before_a_retry_is_counted(self) -> None:
        """The platform would answer the idempotency key of the first time with its old result."""
        case = two(ActionStatus.DONE, ActionStatus.FAILED)
        case = follow(case, one(case, "warn/user:u_123", ActionStatus.ROLLED_BACK), minutes(3))
        case = follow(case, cmd.Retry(by=SATO), minutes(4))
        assert [a.life for a in case.current_actions] == [2, 1]
        case = follow(case, one(case, "warn/user:u_123", ActionStatus.DONE), minutes(5))
        assert [a.life for a in case.current_actions] == [2, 1]

    def test_a_press_from_before_the_case_was_turned_around_is_refused(self) -> None:
        """The card showed another decision."""
        case = two(ActionStatus.FAILED, ActionStatus.FAILED)
        assert refused(case, cmd.Retry(by=SATO, version=1), 4).reason is Reason.CHANGED
        assert refused(case, cmd.GiveUp(by=SATO, version=1), 4).reason is Reason.CHANGED


class TestUndoing:
    def test_an_undo_with_a_rule_waits_for_its_approval(self) -> None:
        """A specialist may ask; until a lead approves nothing changes."""
        case = follow(suspended(), cmd.Undo(by=SATO), minutes(5))
        assert case.approval is not None
        assert (case.approval.purpose, case.phase, case.undoing) == (
            Purpose.UNDO,
            Phase.CLOSED,
            False,
        )
        case = follow(case, cmd.Approve(by=TANAKA), minutes(6))
        assert case.undoing

    def test_nobody_is_asked_for_what_ended_meanwhile(self) -> None:
        """The suspension's time was over before a lead came to it."""
        case = follow(suspended(), cmd.Undo(by=SATO), minutes(5))
        case = follow(case, news(case, ActionStatus.LIFTED), minutes(6))
        assert case.approval is not None
        assert case.approval.state is ApprovalState.WITHDRAWN
        assert case.deadline is None

    def test_asking_twice_asks_once(self) -> None:
        """It is on its way."""
        case = follow(suspended(), cmd.Undo(by=SATO), minutes(5))
        assert decide(case, cmd.Undo(by=CLARK), minutes(6)) == ()

    def test_who_asked_for_it_does_not_agree(self) -> None:
        """Not even as a lead."""
        case = follow(suspended(), cmd.Undo(by=TANAKA), minutes(5))
        assert refused(case, cmd.Approve(by=TANAKA), 6).reason is Reason.OWN_DECISION
        assert follow(case, cmd.Approve(by=REED), minutes(6)).undoing

    def test_a_rejected_undo_leaves_everything_as_it_is(self) -> None:
        """It can be asked for again."""
        case = follow(suspended(), cmd.Undo(by=SATO), minutes(5))
        case = follow(case, cmd.Reject(by=TANAKA, reason="妥当です"), minutes(6))
        assert (case.phase, len(case.undoable), case.deadline) == (Phase.CLOSED, 1, None)
        assert kinds(decide(case, cmd.Undo(by=SATO), minutes(7))) == ["approval_requested"]

    def test_only_a_lead_undoes_what_was_over_a_limit(self) -> None:
        """A lead had to agree to it, though warnings need nobody."""
        case = a_case(policy=WATCHFUL)
        case = follow(
            case, preset(SATO, "warn").model_copy(update={"over_limit": True}), minutes(2)
        )
        case = follow(case, cmd.Approve(by=TANAKA), minutes(3))
        case = follow(case, news(case, ActionStatus.DONE), minutes(3.1))
        assert refused(case, cmd.Undo(by=SATO), 5).roles == (Role.LEAD,)

    def test_a_rule_for_one_undo_is_none_for_the_others(self) -> None:
        """A suspension has one of its own, the ban beside it needs a lead."""
        command = cmd.Decide(
            by=SATO,
            verdict=Verdict.VIOLATION,
            actions=(PresetAction(action="suspend"), PresetAction(action="permanent_ban")),
            reason="理由",
        )
        case = follow(a_case(), command, minutes(2))
        case = follow(case, cmd.Approve(by=TANAKA), minutes(3))
        case = follow(case, news(case, ActionStatus.DONE), minutes(3.1))
        assert refused(case, cmd.Undo(by=SATO), 5).roles == (Role.LEAD,)

    def test_what_is_left_of_an_approved_decision_is_a_leads_to_undo(self) -> None:
        """The ban failed and was given up; the warning was agreed to with it."""
        command = cmd.Decide(
            by=SATO,
            verdict=Verdict.VIOLATION,
            actions=(PresetAction(action="warn"), PresetAction(action="permanent_ban")),
            reason="理由",
        )
        case = follow(a_case(), command, minutes(2))
        case = follow(case, cmd.Approve(by=TANAKA), minutes(3))
        case = follow(case, one(case, "warn/user:u_123", ActionStatus.DONE), minutes(4))
        case = follow(case, one(case, "permanent_ban/user:u_123", ActionStatus.FAILED), minutes(4))
        case = follow(case, cmd.GiveUp(by=SATO), minutes(5))
        assert case.phase is Phase.CLOSED
        assert refused(case, cmd.Undo(by=SATO), 6).roles == (Role.LEAD,)

    def test_what_can_not_be_taken_back_is_refused(self) -> None:
        """The platform has no undo for it."""
        case = follow(a_case(), preset(SATO, "forfeit"), minutes(2))
        for lead in (TANAKA, REED):
            case = follow(case, cmd.Approve(by=lead), minutes(3))
        case = follow(case, news(case, ActionStatus.DONE), minutes(3.1))
        assert refused(case, cmd.Undo(by=TANAKA), 5).reason is Reason.NOTHING_TO_UNDO


def test_an_enforcement_is_needed_for_an_answer_a_retry_or_a_lift() -> None:
    """One that waits for its approval has not begun, and what is over needs nothing more."""
    pending = two(ActionStatus.PENDING, ActionStatus.PENDING)
    assert stays_under_way(pending, pending.decisions[-1].id)
    failed = two(ActionStatus.DONE, ActionStatus.FAILED)
    assert stays_under_way(failed, failed.decisions[-1].id)
    over = closed()
    assert not stays_under_way(over, over.decisions[-1].id)
    command = cmd.Decide(
        by=SATO,
        verdict=Verdict.VIOLATION,
        actions=(PresetAction(action="permanent_ban"),),
        reason="理由",
    )
    waiting = follow(a_case(), command, minutes(2))
    assert waiting.phase is Phase.AWAITING_APPROVAL
    assert not stays_under_way(waiting, waiting.decisions[-1].id)
