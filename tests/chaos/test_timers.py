"""How lateness is counted: what a kill or the machine itself took is not Koban's."""

from tests.chaos.invariants.timers_are_kept import floor, moved
from tests.chaos.places import Outage


def test_a_timer_that_was_due_in_an_outage_is_due_at_its_end() -> None:
    """Nobody could have kept it before."""
    assert moved(10.0, 20.0, [Outage("kill_work", 9.0, 14.0)]) == 14.0


def test_an_outage_that_began_too_late_excuses_nothing() -> None:
    """The timer was more than two seconds late by then."""
    assert moved(10.0, 20.0, [Outage("kill_work", 12.5, 14.0)]) == 10.0


def test_outages_add_up() -> None:
    """The second one began before the time after the first one was over."""
    outages = [Outage("kill_work", 9.0, 12.0), Outage("kill_temporal", 13.0, 17.0)]
    assert moved(10.0, 20.0, outages) == 17.0


def test_an_outage_before_the_timer_was_due_excuses_nothing() -> None:
    """All was well when it was due."""
    assert moved(10.0, 20.0, [Outage("kill_work", 5.0, 9.0)]) == 10.0


def test_a_bare_timer_in_the_same_moment_is_the_floor() -> None:
    """One that hung when ours was due counts from then on only."""
    assert floor(10.0, 20.0, [(8.0, 5.0), (13.5, 0.1)]) == 3.0
    assert floor(10.0, 20.0, [(8.0, 1.0), (30.0, 9.0)]) == 0.0
