"""Retry-After of any service: seconds, a date, or something else."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.errors import LONGEST_WAIT, retry_after


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", timedelta(seconds=7)),
        (" 30 ", timedelta(seconds=30)),
        ("0", timedelta(seconds=1)),
        ("300", timedelta(minutes=5)),
        ("1764360000", timedelta(minutes=5)),
        ("9" * 400, timedelta(minutes=5)),
        ("Wed, 01 Jan 2200 00:00:00 GMT", timedelta(minutes=5)),
        ("Sat, 01 Jan 2000 00:00:00 GMT", timedelta(seconds=1)),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Wed, 99 Nov 2026 00:00:00 GMT", None),
    ],
)
def test_a_wait_is_read_and_bounded(header: str | None, wait: timedelta | None) -> None:
    """No header stops a queue for longer than five minutes."""
    assert retry_after(header) == wait


@given(st.text() | st.integers().map(str) | st.datetimes().map(format_datetime))
def test_any_header_is_read(header: str) -> None:
    """The wait is between a second and five minutes, or unknown."""
    wait = retry_after(header)
    assert wait is None or timedelta(seconds=1) <= wait <= LONGEST_WAIT
