"""Quota of hidden evidence."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import T0
from workflows.domain.policy.limits import Exposed, Exposure, Reached, is_full, reached

RULE = Exposure.model_validate({"reveals": 3, "within": "8h"})


def test_below_the_cap_nothing_stands_against_it() -> None:
    """The third of three may be shown."""
    assert reached(RULE, Exposed(found=True, seen=2, since=T0), T0) is None


def test_at_the_cap_it_says_how_many_since_when_and_when_again() -> None:
    """The first of them is over after the time that they are counted within."""
    full = reached(RULE, Exposed(found=True, seen=3, since=T0), T0 + timedelta(hours=7))
    assert full == Reached(reveals=3, within=timedelta(hours=8), since=T0)
    assert full.over_at == T0 + timedelta(hours=8)


def test_the_same_piece_again_is_no_more_of_it() -> None:
    """Whoever closed the modal by mistake opens it again, also at the cap."""
    assert reached(RULE, Exposed(found=True, seen=3, since=T0, again=True), T0) is None


def test_without_a_rule_nobody_is_stopped() -> None:
    """A small team may not want a cap."""
    assert reached(None, Exposed(found=True, seen=999, since=T0), T0) is None


PRESSES = st.lists(st.tuples(st.integers(0, 24 * 60), st.integers(0, 12)), max_size=80)


@given(presses=PRESSES, most=st.integers(1, 6), hours=st.integers(1, 10))
def test_nobody_ever_sees_more_than_the_cap_within_the_time(
    presses: list[tuple[int, int]], most: int, hours: int
) -> None:
    """Whatever is pressed when: within any stretch of that time there are at most so many."""
    within = timedelta(hours=hours)
    rule = Exposure(reveals=most, within=within)
    shown: dict[int, list[int]] = {}
    for minute, piece in sorted(presses):
        now = T0 + timedelta(minutes=minute)
        first = {each: times[-1] for each, times in shown.items()}
        fresh = {each for each, at in first.items() if minute - at <= hours * 60}
        others = sorted(first[each] for each in fresh - {piece})
        exposed = Exposed(
            found=True,
            again=piece in fresh,
            seen=len(others),
            since=T0 + timedelta(minutes=others[0]) if others else None,
        )
        full = reached(rule, exposed, now)
        assert (full is not None) == is_full(most, len(others), piece in fresh)
        if full is not None:
            assert full.reveals >= most
            assert full.over_at >= now
        elif piece not in fresh:
            shown.setdefault(piece, []).append(minute)
    moments = sorted(at for times in shown.values() for at in times)
    for at in moments:
        assert sum(at <= other <= at + hours * 60 for other in moments) <= most
