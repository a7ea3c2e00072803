"""Breakers: when counts trip them; silence: which alerts open no case."""

from datetime import timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.workflows.domain.builders import T0, an_alert
from workflows.domain.brakes import (
    BrakeCause,
    Breaker,
    DetectorSnooze,
    LastCase,
    Silence,
    Tally,
    Trip,
    content_digest,
    is_silenced,
    is_snoozed,
    lower_bound,
    samples_needed,
    trip,
    usual_of,
)

BREAKER = Breaker(window="5m", floor=20, usual=3, subjects=200, precision="90%", undone="10%")
HOUR = timedelta(hours=1)
COUNTS = st.integers(0, 1000)


def cause_of(breaker: Breaker = BREAKER, **counts: float) -> BrakeCause | None:
    """The cause for which these counts trip the breaker."""
    found = trip(breaker, Tally(**counts))
    return None if found is None else found.cause


class TestRate:
    def test_without_history_the_floor_is_the_limit(self) -> None:
        """Nothing says that more is usual: people look first."""
        assert cause_of(actions=19) is None
        assert cause_of(actions=20) is BrakeCause.RATE

    def test_a_quiet_hour_has_the_same_limit(self) -> None:
        """Three times one action is less than the floor."""
        assert cause_of(actions=19, usual=1.0) is None
        assert cause_of(actions=20, usual=1.0) is BrakeCause.RATE

    def test_a_busy_hour_has_a_higher_one(self) -> None:
        """Three times the usual is still allowed, and no more."""
        assert cause_of(actions=90, usual=30.0) is None
        assert cause_of(actions=91, usual=30.0) is BrakeCause.RATE

    def test_the_trip_says_what_was_exceeded(self) -> None:
        """The limit and the counts are those of the decision."""
        tally = Tally(actions=91, subjects=80, usual=30.0)
        expected = Trip(cause=BrakeCause.RATE, window=timedelta(minutes=5), limit=90, tally=tally)
        assert trip(BREAKER, tally) == expected

    def test_the_usual_of_a_window(self) -> None:
        """168 actions in the same hour of 14 days are one in five minutes."""
        assert usual_of(168, 14, timedelta(minutes=5)) == pytest.approx(1.0)
        assert usual_of(0, 0, timedelta(minutes=5)) is None


class TestSubjects:
    def test_many_subjects_in_a_busy_hour(self) -> None:
        """A raid on one subject is no reason; 200 subjects are."""
        assert cause_of(actions=250, subjects=199, usual=100.0) is None
        assert cause_of(actions=250, subjects=200, usual=100.0) is BrakeCause.SUBJECTS


class TestPrecision:
    def test_too_few_samples_say_nothing(self) -> None:
        """Even a perfect record of 34 does not reach 90 %."""
        assert samples_needed(0.9) == 35
        assert cause_of(judged=34, right=0) is None
        assert lower_bound(34, 34) < 0.9 <= lower_bound(35, 35)

    def test_a_perfect_record_is_enough(self) -> None:
        """One mistake in 35 is too much, until there are more samples."""
        assert cause_of(judged=35, right=35) is None
        assert cause_of(judged=35, right=34) is BrakeCause.PRECISION
        assert cause_of(judged=60, right=59) is None

    @pytest.mark.parametrize(
        ("right", "judged", "expected"),
        [(0, 0, 0.0), (10, 10, 0.722467), (8, 10, 0.490162), (95, 100, 0.888250), (0, 10, 0.0)],
    )
    def test_the_interval_of_wilson(self, right: int, judged: int, expected: float) -> None:
        """Of ten of ten it is 10 / (10 + z²)."""
        assert lower_bound(right, judged) == pytest.approx(expected, abs=1e-6)

    @given(st.integers(1, 500), st.data())
    def test_the_bound_is_below_the_share(self, judged: int, data: st.DataObject) -> None:
        """It rises with each right sample, and is z standard errors of its own below the share."""
        right = data.draw(st.integers(0, judged - 1))
        low = lower_bound(right, judged)
        assert 0 <= low <= right / judged
        assert low < lower_bound(right + 1, judged)
        error = sqrt(low * (1 - low) / judged)
        assert right / judged - low == pytest.approx(1.959964 * error, abs=1e-9)

    @given(st.floats(0.01, 0.99))
    def test_the_needed_samples_are_the_fewest(self, least: float) -> None:
        """A perfect record of that length reaches the limit."""
        needed = samples_needed(least)
        assert lower_bound(needed, needed) >= least - 1e-9


class TestUndone:
    def test_more_than_the_share(self) -> None:
        """A tenth of the actions is allowed; below the floor no share says anything."""
        assert cause_of(acted=19, undone=19) is None
        assert cause_of(acted=20, undone=2) is None
        assert cause_of(acted=20, undone=3) is BrakeCause.UNDONE


class TestBreaker:
    def test_precision_and_undone_are_optional(self) -> None:
        """By default only rate and subjects trip it."""
        found = Breaker()
        assert (found.window, found.floor, found.usual, found.subjects) == (
            timedelta(minutes=5),
            20,
            3,
            100,
        )
        assert cause_of(found, judged=100, right=0, acted=100, undone=100) is None

    @pytest.mark.parametrize(
        "written",
        [
            {"precision": 1},
            {"precision": 0},
            {"undone": "100%"},
            {"floor": 1},
            {"subjects": 0},
            {"window": "61m"},
        ],
    )
    def test_limits_that_never_or_always_trip(self, written: dict) -> None:
        """No number of samples proves 100 %; the first action must not trip it.

        What is usual is that of an hour.
        """
        with pytest.raises(ValidationError):
            Breaker(**written)

    @given(COUNTS, COUNTS, st.none() | st.floats(0, 100), COUNTS)
    def test_more_never_closes_it(
        self, actions: int, subjects: int, usual: float | None, more: int
    ) -> None:
        """What tripped it trips it with more actions, too."""
        before = Tally(actions=actions, subjects=subjects, usual=usual)
        after = before.model_copy(update={"actions": actions + more})
        assert trip(BREAKER, before) is None or trip(BREAKER, after) is not None

    @pytest.mark.parametrize(
        ("usual", "expected"), [(None, 19), (20.0, 60), (33.0, 99), (67.0, 99), (1000.0, 99)]
    )
    def test_a_broken_threshold_touches_less_than_a_hundredth(
        self, usual: float | None, expected: int
    ) -> None:
        """10,000 subjects score 0.99 one after another, with the defaults and any history."""
        touched = 0
        for subject in range(1, 10_001):
            if cause_of(Breaker(), actions=subject, subjects=subject, usual=usual) is not None:
                break
            touched += 1
        assert touched == expected


class TestSilence:
    RULE = Silence(at_most="7d")
    LAST = LastCase(case="K1", severity=2, closed_at=T0, cleared=True, content=frozenset({"same"}))

    def silenced(self, content: str = "same", severity: int = 2, days: float = 1, **last) -> bool:
        """Whether an alert some days after the last case opens none."""
        known = self.LAST.model_copy(update=last)
        return is_silenced(self.RULE, known, content, severity, T0 + timedelta(days=days))

    def test_the_same_content_in_time(self) -> None:
        """Not worse than what was cleared, and within the longest time."""
        assert self.silenced()
        assert self.silenced(severity=3)
        assert not self.silenced(severity=1)
        assert not self.silenced(content="other")
        assert not self.silenced(days=7)

    def test_only_after_a_clearing(self) -> None:
        """Without a case, with an open one, or after a violation people are asked."""
        assert not is_silenced(self.RULE, None, "same", 2, T0)
        assert not self.silenced(closed_at=None)
        assert not self.silenced(cleared=False)

    def test_what_content_is(self) -> None:
        """Kind, title, texts and image addresses; nothing else of an alert."""
        first = content_digest(an_alert(1))
        assert first == content_digest(an_alert(2, score=0.1, attributes={}, related=[]))
        assert first != content_digest(an_alert(1, kind="phishing"))
        assert first != content_digest(an_alert(1, title=None))
        assert first != content_digest(an_alert(1, evidence=[]))
        assert content_digest(an_alert(1, title=None, evidence=[])) is None


class TestSnoozedDetector:
    SNOOZE = DetectorSnooze(
        detector="shill", number=2, by="U0SATO", at=T0, until=T0 + timedelta(hours=8), severity=2
    )

    @pytest.mark.parametrize(
        ("severity", "hours", "snoozed"),
        [(2, 0, True), (4, 7.9, True), (1, 1, False), (2, 8, False), (2, -0.1, False)],
        ids=["at once", "milder", "worse", "over", "before"],
    )
    def test_from_its_beginning_to_its_end(
        self, severity: int, hours: float, snoozed: bool
    ) -> None:
        """An alert that is worse than the case opens one all the same."""
        assert is_snoozed(self.SNOOZE, severity, T0 + timedelta(hours=hours)) is snoozed

    @given(ends=st.integers(-60, 600), asked=st.integers(-60, 600))
    def test_people_only_shorten_it(self, ends: int, asked: int) -> None:
        """With an end by people it never lasts where it would not last without."""
        ended = self.SNOOZE.model_copy(update={"ended_at": T0 + timedelta(minutes=ends)})
        now = T0 + timedelta(minutes=asked)
        assert ended.lasts(now) == (self.SNOOZE.lasts(now) and asked < ends)
