"""Decision time of a press: never before it was received, and by no wrong clock."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import T0, minutes
from workflows.shared.machine import MOST_AHEAD, decision_time

SECONDS = st.floats(-90_000, 90_000).map(lambda each: timedelta(seconds=each))


def test_a_press_after_the_start_of_its_task_has_its_own_time() -> None:
    """The task began six seconds ago."""
    assert decision_time(T0, T0 + timedelta(seconds=6)) == T0 + timedelta(seconds=6)


def test_a_press_that_waited_has_the_time_of_its_task() -> None:
    """There was no worker for an hour."""
    assert decision_time(minutes(60), T0) == minutes(60)
    assert decision_time(T0, None) == T0


def test_a_wrong_clock_is_ignored() -> None:
    """An approval must not expire because of a wrong clock."""
    assert decision_time(T0, T0 + MOST_AHEAD + timedelta(milliseconds=1)) == T0


@given(SECONDS)
def test_the_time_is_never_before_the_task_and_never_far_after_it(off: timedelta) -> None:
    """For any clock of the bot."""
    assert T0 <= decision_time(T0, T0 + off) <= T0 + MOST_AHEAD
