"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.values import format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("5m", 300), ("24h", 86400), ("7d", 604800), (" 1h ", 3600)],
)
def test_a_duration_is_a_number_and_a_unit(written: str, seconds: int) -> None:
    """Seconds, minutes, hours and days."""
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written", ["", "5", "m", "0s", "00h", "-5m", "5 m", "5M", "1h30m", "1.5h", "5分", "9999999d"]
)
def test_anything_else_is_refused_with_what_to_write(written: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is not a duration; write 30s, 5m, 24h or 7d"):
        parse_duration(written)


@given(st.integers(1, 999_999))
def test_a_duration_reads_back_as_it_was_written(seconds: int) -> None:
    """`format_duration` is undone by `parse_duration`."""
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


def test_the_shortest_writing_is_taken() -> None:
    """Sixty minutes are an hour, 24 hours a day."""
    written = [timedelta(seconds=90), timedelta(minutes=60), timedelta(hours=48)]
    assert [format_duration(each) for each in written] == ["90s", "1h", "2d"]
