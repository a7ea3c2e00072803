"""Labels and curve of a backtest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.backtest.report import THRESHOLDS, Labels, Point, labels_of

Scored = tuple[float | None, bool, bool]

SCORES = st.none() | st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]) | st.floats(0, 1)
SCORED = st.lists(st.tuples(SCORES, st.booleans(), st.booleans()), max_size=60)


def test_nothing_is_counted_without_labels() -> None:
    """Precision and recall have no value, and the curve has all its points."""
    found = labels_of([])
    assert (found.tp, found.fp, found.fn, found.tn) == (0, 0, 0, 0)
    assert (found.precision, found.recall) == (None, None)
    assert len(found.curve) == 21
    assert found.curve[0] == Point(threshold=0.0, precision=None, recall=None, cases=0)


def test_four_outcomes() -> None:
    """Seen or not, positive or not: two of three seen are right, and two of four are seen."""
    scored: list[Scored] = [
        (0.9, True, True),
        (0.8, True, True),
        (0.7, False, True),
        (0.6, True, False),
        (0.5, True, False),
        (0.4, False, False),
    ]
    found = labels_of(scored)
    assert (found.tp, found.fp, found.fn, found.tn) == (2, 1, 2, 1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(0.5)


def test_the_curve_counts_all_scores_from_a_threshold_on() -> None:
    """What was seen does not matter to it: it says what another threshold would give."""
    found = labels_of([(0.5, True, False), (0.95, True, True), (0.7, False, True)])
    by_threshold = {each.threshold: each for each in found.curve}
    assert by_threshold[0.5] == Point(threshold=0.5, precision=2 / 3, recall=1.0, cases=3)
    assert by_threshold[0.55] == Point(threshold=0.55, precision=0.5, recall=0.5, cases=2)
    assert by_threshold[0.95] == Point(threshold=0.95, precision=1.0, recall=0.5, cases=1)
    assert by_threshold[1.0] == Point(threshold=1.0, precision=None, recall=0.0, cases=0)


def test_an_alert_without_a_score_is_below_every_threshold() -> None:
    """It still is a positive that the curve misses."""
    found = labels_of([(None, True, True), (0.0, True, True)])
    assert found.curve[0] == Point(threshold=0.0, precision=1.0, recall=0.5, cases=1)
    assert (found.tp, found.recall) == (2, 1.0)


def test_only_negatives_have_no_recall() -> None:
    """Nothing could be found."""
    found = labels_of([(0.9, False, True)])
    assert (found.precision, found.recall) == (0.0, None)
    assert found.curve[0] == Point(threshold=0.0, precision=0.0, recall=None, cases=1)


@given(SCORED)
def test_every_alert_is_counted_once(scored: list[Scored]) -> None:
    """The four counts are those of a loop, whatever the order of the alerts."""
    found = labels_of(scored)
    assert found.tp == sum(label and seen for _, label, seen in scored)
    assert found.tp + found.fn == sum(label for _, label, _ in scored)
    assert found.tp + found.fp == sum(seen for *_, seen in scored)
    assert found.tp + found.fp + found.fn + found.tn == len(scored)
    assert labels_of(reversed(scored)) == found


@given(SCORED)
def test_each_point_is_what_its_threshold_selects(scored: list[Scored]) -> None:
    """Computed for each point by itself."""
    found = labels_of(scored)
    positives = sum(label for _, label, _ in scored)
    assert len(found.curve) == THRESHOLDS
    for number, point in enumerate(found.curve):
        chosen = [label for score, label, _ in scored if score is not None and score >= number / 20]
        assert point == Point(
            threshold=number / 20,
            precision=sum(chosen) / len(chosen) if chosen else None,
            recall=sum(chosen) / positives if positives else None,
            cases=len(chosen),
        )


@given(SCORED)
def test_a_report_is_read_as_it_was_written(scored: list[Scored]) -> None:
    """Its JSON keeps every number."""
    found = labels_of(scored)
    assert Labels.model_validate_json(found.model_dump_json()) == found
