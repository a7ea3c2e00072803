"""Signal batches: alerts of one case travel in few signals."""

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import an_alert
from workflows.shared.signals import LARGEST, MOST, batches


def test_one_alert_is_one_batch() -> None:
    """A single alert is sent unchanged."""
    assert list(batches([an_alert(1)])) == [(an_alert(1),)]
    assert list(batches([])) == []


def test_large_alerts_travel_apart() -> None:
    """Temporal refuses 2 MB, and encryption adds to it."""
    large = [an_alert(n, evidence=[{"kind": "text", "text": "x" * 200_000}]) for n in range(5)]
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]


@given(st.lists(st.integers(0, 200_000), max_size=30), st.integers(0, 120))
def test_nothing_is_lost_and_the_order_stays(sizes: list[int], small: int) -> None:
    """For any number and size of alerts."""
    alerts = [
        an_alert(n, evidence=[{"kind": "text", "text": "x" * s}]) for n, s in enumerate(sizes)
    ]
    alerts += [an_alert(1_000 + n) for n in range(small)]
    parts = list(batches(alerts))
    assert [each.id for part in parts for each in part] == [each.id for each in alerts]
    for part in parts:
        assert len(part) <= MOST
        assert len(part) == 1 or sum(len(a.model_dump_json()) for a in part) <= LARGEST
