"""Timer lateness, without the time of kills and of the machine itself."""

from types import SimpleNamespace
from typing import Any

from tests.chaos.invariants.timers_are_kept import baseline_lateness, machine_lateness, moved
from tests.chaos.processes import Outage


def test_a_timer_that_was_due_in_an_outage_is_due_at_its_end() -> None:
    """It could not have fired earlier."""
    assert moved(10.0, 20.0, [Outage("kill_work", 9.0, 14.0)]) == 14.0


def test_an_outage_that_began_too_late_excuses_nothing() -> None:
    """The timer was already more than two seconds late."""
    assert moved(10.0, 20.0, [Outage("kill_work", 12.5, 14.0)]) == 10.0


def test_outages_add_up() -> None:
    """The second one began before the time after the first one was over."""
    outages = [Outage("kill_work", 9.0, 12.0), Outage("kill_temporal", 13.0, 17.0)]
    assert moved(10.0, 20.0, outages) == 17.0


def test_an_outage_before_the_timer_was_due_excuses_nothing() -> None:
    """Everything was healthy at the due time."""
    assert moved(10.0, 20.0, [Outage("kill_work", 5.0, 9.0)]) == 10.0


def test_a_bare_timer_in_the_same_moment_is_the_floor() -> None:
    """Only lateness beyond that of a delayed baseline timer counts."""
    assert baseline_lateness(10.0, 20.0, [(8.0, 5.0), (13.5, 0.1)]) == 3.0
    assert baseline_lateness(10.0, 20.0, [(8.0, 1.0), (30.0, 9.0)]) == 0.0


def test_a_bare_timer_outside_outages_shows_the_machine() -> None:
    """What an outage delays is not the machine's."""
    seen: Any = SimpleNamespace(
        baseline=[(4.0, 1.5), (10.0, 6.0)], outages=[Outage("kill_temporal", 9.0, 15.0)]
    )
    assert machine_lateness(seen) == 1.5
