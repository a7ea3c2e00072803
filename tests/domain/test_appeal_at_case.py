"""What an answered appeal does to its case."""

from datetime import timedelta

from tests.domain.building import (
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
from workflows.domain import commands as cmd
from workflows.domain.appealing.answer import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.appealing.at_case import settled
from workflows.domain.case import decide
from workflows.domain.case_state import Case, Phase
from workflows.domain.enforcement import ActionStatus, Problem, ProblemKind

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
    """The appeal hears at once that nothing is left."""
    case = banned()
    case = follow(case, cmd.Undo(by=TANAKA), LATER)
    case = follow(case, news(case, ActionStatus.UNDONE), LATER)
    case = follow(case, answer(AppealOutcome.OVERTURNED), LATER)
    assert settled(case) == AppealSettled(appeal="A0123456789AB", left=0, kept=0)


def test_an_undo_that_the_platform_refuses_is_told() -> None:
    """The measure still stands, and the case offers to undo it again."""
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
