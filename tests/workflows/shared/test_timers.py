"""By which time a press is judged: never before it came, and by no clock that is far off."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import T0, minutes
from workflows.shared.timers import MOST_AHEAD, decision_time

SECONDS = st.floats(-90_000, 90_000).map(lambda each: timedelta(seconds=each))


def test_a_press_that_came_after_its_task_began_is_judged_by_its_own_time() -> None:
    """The task began six seconds ago."""
    assert decision_time(T0, T0 + timedelta(seconds=6)) == T0 + timedelta(seconds=6)


def test_one_that_waited_is_judged_by_the_time_of_its_task() -> None:
    """No worker was there for an hour."""
    assert decision_time(minutes(60), T0) == minutes(60)
    assert decision_time(T0, None) == T0


def test_a_clock_that_is_far_off_is_not_believed() -> None:
    """Nobody's approval expires because a machine has another year."""
    assert decision_time(T0, T0 + MOST_AHEAD + timedelta(milliseconds=1)) == T0


@given(SECONDS)
def test_it_is_never_before_the_task_and_never_far_after_it(off: timedelta) -> None:
    """Whatever the bot's clock says."""
    assert T0 <= decision_time(T0, T0 + off) <= T0 + MOST_AHEAD
