"""Appeal rules of a case."""

from datetime import timedelta

import pytest

from tests.workflows.domain.builders import (
    CATALOG,
    PLAYBOOK,
    POLICY,
    REED,
    SATO,
    T0,
    TANAKA,
    a_case,
    follow,
    kinds,
    minutes,
    news,
    preset,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.case.approval import ApprovalState
from workflows.domain.case.bulk import Bulk
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
from workflows.domain.case.rules.appeals import settled
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.playbook import PresetAction

LATER = T0 + timedelta(days=3)


def banned() -> Case:
    """u_123 was banned by 佐藤 with 田中's approval, and the case is closed."""
    case = follow(a_case(), preset(SATO, "ban"), minutes(1))
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    return follow(case, news(case, ActionStatus.DONE), minutes(3))


def answer(outcome: AppealOutcome, decision: str = "D1") -> cmd.AnswerAppeal:
    """Reed's answer."""
    given = AppealAnswer(
        appeal="A0123456789AB",
        case="K7Q2F9XM0",
        decision=decision,
        outcome=outcome,
        by=REED.id,
        at=LATER,
        reason="型番でした",
    )
    return cmd.AnswerAppeal(answer=given)


def test_an_overturn_is_the_approval_of_the_undo() -> None:
    """The undo follows at once, in the reviewer's name, though a ban needs a lead."""
    case = banned()
    outcome = decide(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert kinds(outcome) == ["appeal_answered", "undo_requested"]
    assert {event.by for event in outcome} == {REED.id}  # type: ignore[union-attr]
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert settled(case) is None
    case = follow(case, news(case, ActionStatus.UNDONE), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=0, kept=0)
    assert case.phase is Phase.CLOSED


def test_an_uphold_only_goes_on_record() -> None:
    """Nothing is undone, and the appeal waits for no news."""
    case = banned()
    assert kinds(decide(case, answer(AppealOutcome.UPHELD), LATER)) == ["appeal_answered"]
    case = follow(case, answer(AppealOutcome.UPHELD), LATER)
    assert case.current_actions[0].status is ActionStatus.DONE
    assert settled(case) is None


def test_what_was_undone_before_is_not_undone_again() -> None:
    """The appeal is informed at once that nothing is left."""
    case = banned()
    case = follow(case, cmd.Undo(by=TANAKA), LATER)
    case = follow(case, news(case, ActionStatus.UNDONE), LATER)
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=0, kept=0)


def test_an_undo_that_the_platform_refuses_is_told() -> None:
    """The measure is still in effect, and the case offers to undo it again."""
    case = follow(banned(), answer(AppealOutcome.OVERTURNED), LATER)
    problem = Problem(kind=ProblemKind.REFUSED, status=409)
    case = follow(case, news(case, ActionStatus.FAILED, problem=problem), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=1, kept=0)
    assert case.undoable


def test_what_has_no_undo_is_kept_and_told() -> None:
    """A forfeited payout can't come back through the platform."""
    case = follow(a_case(), preset(SATO, "forfeit"), minutes(1))
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    case = follow(case, cmd.Approve(by=REED), minutes(2))
    case = follow(case, news(case, ActionStatus.DONE), minutes(3))
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=0, kept=1)


BY_A_LEAD = ApprovalRule.model_validate(
    {"by": "lead", "quorum": 1, "within": "30m", "on_expiry": "refuse"}
)


def warned(*, review: bool = False, done: bool = True) -> Case:
    """u_123 was warned by 佐藤, reviewed afterwards where so; undoing a warning needs a lead."""
    playbook = PLAYBOOK.model_copy(update={"act_first": BY_A_LEAD if review else None})
    warn = CATALOG.actions["warn"].model_copy(update={"undo_approval": BY_A_LEAD})
    catalog = CATALOG.model_copy(update={"actions": {**CATALOG.actions, "warn": warn}})
    policy = POLICY.model_copy(update={"playbook": playbook, "catalog": catalog})
    case = a_case().model_copy(update={"policy": policy})
    case = follow(case, preset(SATO, "warn"), minutes(1))
    return follow(case, news(case, ActionStatus.DONE), minutes(2)) if done else case


def test_an_overturn_settles_an_undo_that_waits_for_agreement() -> None:
    """Nobody is asked any more."""
    case = follow(warned(), cmd.Undo(by=SATO), LATER)
    outcome = decide(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert kinds(outcome) == ["appeal_answered", "approval_withdrawn", "undo_requested"]
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert case.approval is not None
    assert case.approval.state is ApprovalState.WITHDRAWN
    assert (case.phase, case.undoing, case.deadline) == (Phase.CLOSED, True, None)


def test_an_uphold_leaves_an_undo_waiting() -> None:
    """Whoever was asked may still agree."""
    case = follow(warned(), cmd.Undo(by=SATO), LATER)
    case = follow(case, answer(AppealOutcome.UPHELD), LATER)
    assert case.approval is not None
    assert case.approval.pending


def test_an_overturn_settles_a_review() -> None:
    """What was done at once is taken back, and the case is its decider's again."""
    case = warned(review=True)
    assert case.phase is Phase.ENFORCING
    outcome = decide(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert kinds(outcome) == ["appeal_answered", "approval_withdrawn", "undo_requested"]
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    case = follow(case, news(case, ActionStatus.UNDONE), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=0, kept=0)
    assert (case.phase, case.owner) == (Phase.CLAIMED, SATO.id)


@pytest.mark.parametrize("review", [False, True])
def test_what_is_still_being_done_is_taken_back_afterwards(review: bool) -> None:
    """Half of it is out of reach until then; the appeal waits with it."""
    case = warned(review=review, done=False)
    assert kinds(decide(case, answer(AppealOutcome.OVERTURNED), LATER)) == ["appeal_answered"]
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert settled(case) is None
    outcome = decide(case, news(case, ActionStatus.DONE), LATER)
    between = "approval_withdrawn" if review else "case_closed"
    assert kinds(outcome) == ["action_succeeded", between, "undo_requested"]
    case = follow(case, news(case, ActionStatus.DONE), LATER)
    assert settled(case) is None
    case = follow(case, news(case, ActionStatus.FAILED), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=1, kept=0)
    assert not case.undoing


def test_what_failed_is_not_tried_again_after_an_overturn() -> None:
    """One of two measures is in effect: it is undone, and the case is closed."""
    actions = (PresetAction(action="warn"), PresetAction(action="permanent_ban"))
    both = cmd.Decide(
        by=SATO, verdict=Verdict.VIOLATION, actions=actions, policy=None, reason="常習"
    )
    case = follow(a_case(), both, minutes(1))
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    done, failed = case.current_actions
    problem = Problem(kind=ProblemKind.REFUSED, status=409)
    report = EnforcementReport(
        id="r1",
        case=case.id,
        decision="D1",
        actions=(
            ActionReport(action=done.planned.key, status=ActionStatus.DONE),
            ActionReport(action=failed.planned.key, status=ActionStatus.FAILED, problem=problem),
        ),
    )
    case = follow(case, cmd.Report(report=report), minutes(3))
    assert case.phase is Phase.ENFORCING
    outcome = decide(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert kinds(outcome) == [
        "appeal_answered",
        "actions_given_up",
        "case_closed",
        "undo_requested",
    ]


def test_one_persons_appeal_takes_nothing_back_for_the_others_of_a_bulk() -> None:
    """The decision was about many, and the answer is about one of them."""
    case = banned()
    bulk = Bulk(id="R0123456789AB", type="user", count=60)
    decision = case.decisions[0].model_copy(update={"bulk": bulk})
    case = case.model_copy(update={"decisions": (decision,)})
    assert kinds(decide(case, answer(AppealOutcome.OVERTURNED), LATER)) == ["appeal_answered"]
