"""Bulk rules: rights, approvals, progress and end."""

from datetime import timedelta

import pytest

from tests.workflows.domain.builders import (
    CATALOG,
    CLARK,
    REED,
    SATO,
    SUZUKI,
    TANAKA,
    a_case,
    follow,
    kinds,
    minutes,
    news,
)
from tests.workflows.domain.case.bulk_builders import a_bulk, a_bulk_case, bulk_news, decide_bulk
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionReport, ActionStatus, EnforcementReport
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog, ApprovalRule
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.playbook import PresetAction


def refused(case: Case, command: cmd.Command) -> Reason:
    """Why it is refused."""
    outcome = decide(case, command, minutes(1))
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def approved(count: int = 60) -> Case:
    """A bulk decision with the approval of a lead."""
    asked = follow(a_bulk_case(), decide_bulk(SATO, count), minutes(1))
    return follow(asked, cmd.Approve(by=TANAKA), minutes(2))


def test_a_bulk_is_one_action_in_its_case() -> None:
    """A thousand subjects are one action on a subject that represents them."""
    case = follow(a_bulk_case(), decide_bulk(SATO, 1000, "mute_user", "warn"), minutes(1))
    assert [state.planned.key for state in case.current_actions] == [
        "mute_user/bulk:R0123456789AB",
        "warn/bulk:R0123456789AB",
    ]
    assert case.decision is not None
    assert case.decision.bulk == a_bulk(1000)
    assert case.decision.actions[0].lasts == timedelta(hours=24)
    assert len(case.model_dump_json()) < 12_000


def test_a_large_bulk_waits_for_a_lead_though_its_action_would_not() -> None:
    """Above the limit a second person agrees, even where limits.yaml is missing."""
    outcome = decide(a_bulk_case(), decide_bulk(SATO, 6), minutes(1))
    assert kinds(outcome) == ["case_claimed", "decided", "approval_requested"]
    asked = outcome[-1]
    assert isinstance(asked, ev.ApprovalRequested)
    assert [(need.role, need.quorum) for need in asked.approval.needs] == [(Role.LEAD, 1)]


def test_a_small_bulk_is_carried_out_at_once() -> None:
    """Five are still within one person's judgement."""
    outcome = decide(a_bulk_case(), decide_bulk(SATO, 5), minutes(1))
    assert kinds(outcome) == ["case_claimed", "decided"]


def test_the_actions_own_rules_come_on_top() -> None:
    """An action that needs two leads needs them for any number of subjects."""
    limits = Limits(bulk=10, approval=ApprovalRule(by=Role.LEAD, within=timedelta(minutes=5)))
    small = follow(a_bulk_case(limits=limits), decide_bulk(SATO, 2, "forfeit_payout"), minutes(1))
    large = follow(a_bulk_case(limits=limits), decide_bulk(SATO, 11, "forfeit_payout"), minutes(1))
    assert small.approval is not None
    assert large.approval is not None
    assert small.approval.needs == large.approval.needs
    assert large.approval.needs[0].quorum == 2
    assert (small.approval.within, large.approval.within) == (
        timedelta(hours=1),
        timedelta(minutes=5),
    )


def test_the_decider_of_a_bulk_cannot_approve_it() -> None:
    """Four eyes belong to two people, also where both hold the role."""
    asked = follow(a_bulk_case(), decide_bulk(TANAKA), minutes(1))
    assert refused(asked, cmd.Approve(by=TANAKA)) is Reason.OWN_DECISION
    assert follow(asked, cmd.Approve(by=REED), minutes(2)).phase is Phase.ENFORCING


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (decide_bulk(SATO, 1001), Reason.BULK_TOO_LARGE),
        (decide_bulk(SATO, 0), Reason.BULK_EMPTY),
        (decide_bulk(SATO, None), Reason.BULK_UNREAD),
        (decide_bulk(SATO, 60, seen=59), Reason.BULK_GREW),
        (decide_bulk(SATO, 60, "mute_user", "pause_stream"), Reason.BULK_MIXED),
        (decide_bulk(SATO, 60, "pause_stream"), Reason.BULK_MIXED),
        (decide_bulk(SATO, 60, "vaporise"), Reason.UNKNOWN_ACTION),
        (decide_bulk(SATO, 60, reason=" "), Reason.REASON_NEEDED),
        (decide_bulk(SATO, 60, actions=()), Reason.ACTIONS_NEEDED),
        (
            decide_bulk(SATO, 60, actions=(PresetAction(action="mute_user", for_="90d"),)),
            Reason.TOO_LONG,
        ),
        (decide_bulk(SUZUKI, 60), Reason.ROLE_NEEDED),
    ],
)
def test_what_is_wrong_is_refused(command: cmd.DecideBulk, reason: Reason) -> None:
    """No event, no claim, nothing."""
    assert refused(a_bulk_case(), command) is reason


def test_an_unread_bulk_is_the_last_reason_to_refuse() -> None:
    """Whoever could not decide anyway need not wait for the platform."""
    held = follow(a_bulk_case(), cmd.Claim(by=CLARK), minutes(1))
    assert refused(held, decide_bulk(SATO, None)) is Reason.CLAIMED_BY_OTHER
    assert refused(a_case(), decide_bulk(SATO, None)) is Reason.BULK_NOT_ALLOWED


def test_fewer_subjects_than_seen_are_no_reason() -> None:
    """Nobody is sanctioned who was not shown."""
    assert kinds(decide(a_bulk_case(), decide_bulk(SATO, 5, seen=9), minutes(1)))


def test_waves_are_counted_and_the_end_closes_the_case() -> None:
    """An older tally that arrives late is old news."""
    case = follow(approved(), bulk_news(approved(), Tally(total=60, step=2, done=50)), minutes(3))
    assert case.bulk_decisions["D1"].tally.done == 50
    late = bulk_news(case, Tally(total=60, step=1, done=25))
    assert decide(case, late, minutes(4)) == ()
    over = bulk_news(case, Tally(total=60, step=3, done=60), ActionStatus.VERIFIED)
    outcome = decide(case, over, minutes(4))
    assert kinds(outcome) == ["bulk_progressed", "action_verified", "case_closed"]


def test_what_failed_waits_for_a_person_and_giving_up_leaves_what_was_done() -> None:
    """57 of 60 are in effect: the case closes, and can be undone."""
    case = approved()
    tally = Tally(total=60, step=3, done=57, failed=3)
    case = follow(case, bulk_news(case, tally, ActionStatus.FAILED), minutes(3))
    assert (case.phase, len(case.failed)) == (Phase.ENFORCING, 1)
    outcome = decide(case, cmd.GiveUp(by=SATO), minutes(4))
    assert kinds(outcome) == ["actions_given_up", "case_closed"]
    closed = follow(case, cmd.GiveUp(by=SATO), minutes(4))
    assert [state.status for state in closed.undoable] == [ActionStatus.DONE]


def test_giving_up_where_nothing_was_done_leaves_the_case_undecided() -> None:
    """As with a single action that failed."""
    case = approved()
    tally = Tally(total=60, step=3, failed=60)
    case = follow(case, bulk_news(case, tally, ActionStatus.FAILED), minutes(3))
    assert follow(case, cmd.GiveUp(by=SATO), minutes(4)).phase is Phase.CLAIMED


def test_failed_ones_are_tried_again() -> None:
    """The decision is in progress again."""
    case = approved()
    tally = Tally(total=60, step=3, done=57, failed=3)
    case = follow(case, bulk_news(case, tally, ActionStatus.FAILED), minutes(3))
    again = follow(case, cmd.Retry(by=SATO), minutes(4))
    assert (again.acting, again.failed) == (True, ())


def test_a_bulk_is_stopped_once_and_by_anybody_who_works_cases() -> None:
    """An outdated card can stop it as well."""
    case = approved()
    outcome = decide(case, cmd.StopBulk(by=CLARK, version=1), minutes(3))
    assert kinds(outcome) == ["bulk_stopped"]
    stopped = follow(case, cmd.StopBulk(by=CLARK), minutes(3))
    assert stopped.bulk_decisions["D1"].stopped_by == "U0CLARK"
    assert decide(stopped, cmd.StopBulk(by=SATO), minutes(4)) == ()
    assert refused(case, cmd.StopBulk(by=SUZUKI)) is Reason.ROLE_NEEDED


def test_what_does_not_run_cannot_be_stopped() -> None:
    """Neither before the approval, nor after the end, nor another decision."""
    waiting = follow(a_bulk_case(), decide_bulk(SATO), minutes(1))
    assert refused(a_bulk_case(), cmd.StopBulk(by=SATO)) is Reason.NOTHING_RUNNING
    assert refused(waiting, cmd.StopBulk(by=SATO)) is Reason.NOTHING_RUNNING
    closed = follow(
        approved(),
        bulk_news(approved(), Tally(total=60, step=1, done=60), ActionStatus.DONE),
        minutes(3),
    )
    assert refused(closed, cmd.StopBulk(by=SATO)) is Reason.NOTHING_RUNNING


def test_a_bulk_that_was_stopped_half_way_closes_with_what_stands() -> None:
    """The rest was never done, and says so in the counts."""
    case = follow(approved(), cmd.StopBulk(by=CLARK), minutes(3))
    tally = Tally(total=60, step=2, done=25, skipped=35)
    outcome = decide(case, bulk_news(case, tally, ActionStatus.VERIFIED), minutes(4))
    assert kinds(outcome) == ["bulk_progressed", "action_verified", "case_closed"]


def test_a_bulk_that_was_stopped_before_anything_leaves_the_case_undecided() -> None:
    """A verdict that nothing followed from is none."""
    case = follow(approved(), cmd.StopBulk(by=CLARK), minutes(3))
    report = bulk_news(case, Tally(total=60, step=1, skipped=60), ActionStatus.SKIPPED)
    outcome = decide(case, report, minutes(4))
    assert kinds(outcome) == ["bulk_progressed", "action_skipped", "actions_given_up"]
    assert follow(case, report, minutes(4)).phase is Phase.CLAIMED


def test_only_a_lead_takes_a_large_bulk_back() -> None:
    """What took a lead's approval for its size is a lead's to undo for its size."""
    case = approved()
    done = bulk_news(case, Tally(total=60, step=1, done=60), ActionStatus.DONE)
    closed = follow(case, done, minutes(3))
    assert refused(closed, cmd.Undo(by=SATO)) is Reason.ROLE_NEEDED
    undoing = follow(closed, cmd.Undo(by=REED), minutes(4))
    assert undoing.undoing
    gone = bulk_news(undoing, Tally(total=60, step=2, undone=60), ActionStatus.UNDONE)
    over = follow(undoing, gone, minutes(5))
    assert [state.status for state in over.actions] == [ActionStatus.UNDONE]


def test_an_undo_with_an_approval_of_its_own_waits_for_it() -> None:
    """`undo_approval` holds for many as for one."""
    rule = ApprovalRule(by=Role.LEAD, within=timedelta(minutes=10))
    warn = CATALOG.actions["warn"].model_copy(update={"undo_approval": rule})
    catalog = CATALOG.model_copy(update={"actions": {**CATALOG.actions, "warn": warn}})
    case = follow(a_bulk_case(catalog=catalog), decide_bulk(SATO, 3, "warn"), minutes(1))
    done = bulk_news(case, Tally(total=3, step=1, done=3), ActionStatus.DONE)
    closed = follow(case, done, minutes(2))
    assert kinds(decide(closed, cmd.Undo(by=SATO), minutes(3))) == ["approval_requested"]


def test_an_undo_that_left_some_standing_can_be_asked_for_again() -> None:
    """The card keeps the reason, and the counts keep who is left."""
    case = approved()
    done = bulk_news(case, Tally(total=60, step=1, done=60), ActionStatus.DONE)
    undoing = follow(follow(case, done, minutes(3)), cmd.Undo(by=REED), minutes(4))
    left = bulk_news(undoing, Tally(total=60, step=2, undone=58, done=2), ActionStatus.FAILED)
    after = follow(undoing, left, minutes(5))
    assert [state.status for state in after.undoable] == [ActionStatus.DONE]
    assert after.bulk_decisions["D1"].tally.done == 2


def test_a_report_about_a_single_action_has_no_tally() -> None:
    """Everything else goes on as it was."""
    case = follow(a_bulk_case(), cmd.ChoosePreset(by=SATO, preset="mute"), minutes(1))
    assert kinds(decide(case, news(case, ActionStatus.VERIFIED), minutes(2))) == [
        "action_verified",
        "case_closed",
    ]
    assert case.bulk_decisions == {}


def test_what_koban_protects_is_taken_over_by_the_bulk_that_does_it() -> None:
    """The case's own subject is in the decision: its protection must not be lifted."""
    rules = ({"when": "true", "action": "mute_user", "for": "15m"},)
    playbook = a_bulk_case().policy.playbook.model_copy(update={"protect": ()})
    written = type(playbook).model_validate(
        {**playbook.model_dump(by_alias=True), "protect": rules}
    )
    case = a_bulk_case(playbook=written)
    case = follow(case, cmd.ProtectNow(rules=(0,)), minutes(0))
    case = follow(case, news(case, ActionStatus.VERIFIED, "P1"), minutes(1))
    outcome = decide(case, decide_bulk(SATO, 3), minutes(2))
    assert kinds(outcome) == ["case_claimed", "decided", "protection_confirmed"]
    other = decide(case, decide_bulk(SATO, 3, "warn"), minutes(2))
    assert kinds(other) == ["case_claimed", "decided", "protection_dismissed"]


def _hidden(**more: object) -> Case:
    """A case that allows bulk decisions, and whose message Koban has hidden."""
    rules = ({"when": "true", "action": "hide_message", "for": "15m"},)
    case = a_bulk_case()
    written = case.policy.playbook.model_dump(by_alias=True) | {"protect": rules} | more
    hide = {
        "title": "非表示",
        "subject": "user",
        "request": {"path": "/v1/users/{subject.id}/hide"},
        "undo": {"method": "DELETE", "path": "/v1/users/{subject.id}/hide/{case.id}"},
    }
    actions = {**CATALOG.model_dump(mode="json", by_alias=True)["actions"], "hide_message": hide}
    policy = case.policy.model_copy(
        update={
            "playbook": type(case.policy.playbook).model_validate(written),
            "catalog": ActionCatalog.model_validate({"actions": actions}),
        }
    )
    case = follow(
        case.model_copy(update={"policy": policy}), cmd.ProtectNow(rules=(0,)), minutes(0)
    )
    return follow(case, news(case, ActionStatus.VERIFIED, "P1"), minutes(1))


def test_a_bulk_violation_keeps_what_hides_harm() -> None:
    """As a single one does: the message stays hidden, and no member gets that action."""
    case = _hidden()
    outcome = decide(case, decide_bulk(SATO, 3), minutes(2))
    assert kinds(outcome) == ["case_claimed", "decided", "protection_confirmed"]
    after = follow(case, decide_bulk(SATO, 3), minutes(2))
    assert after.decision is not None
    assert [each.action for each in after.decision.actions] == ["mute_user"]
    assert (after.decision.keeps, after.decision.confirms) == (("P1",), ("P1",))
    kept = ActionReport(action="hide_message/user:u_123", status=ActionStatus.KEPT)
    report = EnforcementReport(id="k", case=case.id, decision="P1", actions=(kept,))
    after = follow(after, cmd.Report(report=report), minutes(2.1))
    [shown] = view_of(after).ended_protections
    assert (shown.state.status, shown.state.ended_by) == (ActionStatus.KEPT, "U0SATO")
    assert shown.state.ended_at == minutes(2.1)


def test_a_playbook_may_keep_nothing_after_a_bulk_violation() -> None:
    """With `keep_on_violation: false` the protection is lifted."""
    outcome = decide(_hidden(keep_on_violation=False), decide_bulk(SATO, 3), minutes(2))
    assert kinds(outcome) == ["case_claimed", "decided", "protection_dismissed"]


def test_what_a_bulk_kept_is_lifted_with_its_undo() -> None:
    """Nothing stays hidden for a decision that was taken back."""
    case = follow(_hidden(), decide_bulk(SATO, 3), minutes(2))
    kept = ActionReport(action="hide_message/user:u_123", status=ActionStatus.KEPT)
    report = EnforcementReport(id="k", case=case.id, decision="P1", actions=(kept,))
    case = follow(case, cmd.Report(report=report), minutes(2.1))
    case = follow(
        case, bulk_news(case, Tally(total=3, step=1, done=3), ActionStatus.DONE), minutes(3)
    )
    case = follow(case, cmd.Undo(by=TANAKA), minutes(4))
    undone = bulk_news(case, Tally(total=3, step=2, undone=3), ActionStatus.UNDONE, "r2")
    outcome = decide(case, undone, minutes(5))
    assert "protection_dismissed" in kinds(outcome)
    after = follow(case, undone, minutes(5))
    assert kinds(decide(after, bulk_news(after, None, None, "r3"), minutes(6))) == []
