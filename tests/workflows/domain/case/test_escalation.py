"""Escalation times."""

from datetime import datetime, timedelta

from tests.workflows.domain.builders import PLAYBOOK, T0, WATCHFUL, minutes
from workflows.domain.case.escalation import clock, open_steps, overdue
from workflows.domain.policy.playbook import Severity, Step, Unless

ONCE = Step.model_validate({"after": "2m", "unless": "claimed", "notify": "shift"})
AGAIN = Step.model_validate(
    {"after": "5m", "unless": "decided", "notify": "lead", "repeat": {"every": "3m", "times": 2}}
)
NOTHING: frozenset[int] = frozenset()
NOISY: frozenset[Unless] = frozenset()


def times(*ladder: Step, calls: int = 0, last: datetime | None = None) -> list[datetime]:
    """The due times of a ladder from T0; the first step was called `calls` times."""
    called_at = {} if last is None else {0: last}
    due = open_steps(ladder, T0, NOTHING, NOISY, repeats={0: calls}, called_at=called_at)
    return [each.at for each in due]


class TestClock:
    def test_both_clocks_count_from_the_opening(self) -> None:
        """Critical: two minutes to claim, ten to decide."""
        both = clock(PLAYBOOK, Severity.CRITICAL, T0)
        assert (both.claim, both.decide) == (minutes(2), minutes(10))

    def test_a_severity_without_clocks_takes_those_of_the_next_worse_one(self) -> None:
        """High has none of its own and is worked like critical."""
        assert clock(PLAYBOOK, Severity.HIGH, T0).decide == minutes(10)
        assert clock(PLAYBOOK, Severity.LOW, T0).decide == minutes(480)

    def test_overdue_is_what_passed_since(self) -> None:
        """And nothing before."""
        assert overdue(minutes(2), minutes(5)) == timedelta(minutes=3)
        assert overdue(minutes(2), minutes(1)) == timedelta()


class TestOpenSteps:
    def test_steps_come_soonest_first(self) -> None:
        """Whatever their order in the file."""
        assert times(AGAIN, ONCE) == [minutes(2), minutes(5)]

    def test_a_step_that_is_done_is_gone(self) -> None:
        """It is named by its place in the ladder."""
        due = open_steps((ONCE, AGAIN), T0, frozenset({0}), NOISY)
        assert [each.index for each in due] == [1]

    def test_a_condition_that_holds_makes_its_steps_needless(self) -> None:
        """Claimed: nobody has to be found any more."""
        due = open_steps((ONCE, AGAIN), T0, NOTHING, frozenset({Unless.CLAIMED}))
        assert [each.index for each in due] == [1]

    def test_a_step_for_another_severity_is_left_out(self) -> None:
        """It keeps its place, so that it comes back when the case gets worse."""
        due = open_steps((ONCE, AGAIN), T0, NOTHING, NOISY, concerned=frozenset({1}))
        assert [each.index for each in due] == [1]

    def test_the_watchful_ladder_for_the_lead_is_for_critical_cases(self) -> None:
        """A step names the severities that it is for; one that names none is for all."""
        steps = WATCHFUL.playbook.escalation
        assert [step.concerns(Severity.CRITICAL) for step in steps] == [True, True, True]
        assert [step.concerns(Severity.MEDIUM) for step in steps] == [True, False, True]


class TestRepeats:
    def test_a_repeated_step_comes_every_so_often(self) -> None:
        """After five minutes, then every three."""
        assert times(AGAIN, calls=0) == [minutes(5)]
        assert times(AGAIN, calls=1, last=minutes(5)) == [minutes(8)]
        assert times(AGAIN, calls=2, last=minutes(8)) == [minutes(11)]

    def test_the_last_round_says_so(self) -> None:
        """The first call and two repetitions: three in all."""
        due = [open_steps((AGAIN,), T0, NOTHING, NOISY, repeats={0: n})[0] for n in (0, 1, 2)]
        assert [(each.round, each.last) for each in due] == [(0, False), (1, False), (2, True)]

    def test_a_step_without_repeats_has_one_round(self) -> None:
        """It is its own last."""
        due = open_steps((ONCE,), T0, NOTHING, NOISY)
        assert [(each.round, each.last) for each in due] == [(0, True)]

    def test_a_late_call_does_not_bring_the_next_ones_at_its_heels(self) -> None:
        """Nobody looked for an hour: the second call comes three minutes after the first."""
        assert times(AGAIN, calls=1, last=minutes(60)) == [minutes(63)]

    def test_a_pause_between_two_rounds_moves_the_second(self) -> None:
        """The clock stood still for ten minutes since the first call."""
        later = T0 + timedelta(minutes=10)
        due = open_steps((AGAIN,), later, NOTHING, NOISY, repeats={0: 1}, called_at={0: minutes(5)})
        assert [each.at for each in due] == [minutes(18)]
