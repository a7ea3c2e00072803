"""Detection: windows without gap or overlap, failures, heartbeats, and alerts from rows."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import minutes
from workflows.conditions import value_of
from workflows.domain import detection
from workflows.domain.alerts import Alert
from workflows.domain.detection import (
    DetectorState,
    Message,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
    after_run,
    alert_from,
    columns_of,
    heartbeat,
    outside,
    pause_after,
)
from workflows.domain.policy.detectors import Accepts, AlertMap, Detector, SqlQuery
from workflows.domain.policy.matching import Facts

QUERY = SqlQuery.model_validate(
    {
        "source": "warehouse",
        "query": "SELECT 1",
        "every": "5m",
        "watermark": {"column": "seen_at", "lag": "2m"},
    }
)
NEW = DetectorState(detector="shill")
REFUSED = RunResult(problem=RunProblem(kind=RunProblemKind.REFUSED, detail="no such table"))


def window(since: float, until: float) -> Window:
    """Returns the window between these minutes."""
    return Window(since=minutes(since), until=minutes(until))


class TestWindows:
    def test_a_run_continues_where_the_last_one_ended(self) -> None:
        """After a day's outage the next window has the whole day."""
        state = NEW.model_copy(update={"watermark": minutes(0)})
        found = detection.window(state, QUERY, minutes(24 * 60 + 2))
        assert found == window(0, 24 * 60)

    def test_the_latest_rows_wait_for_the_lag(self) -> None:
        """A row that is written two minutes late is not missed."""
        state = NEW.model_copy(update={"watermark": minutes(0)})
        assert detection.window(state, QUERY, minutes(5)) == window(0, 3)
        assert detection.window(state, QUERY, minutes(2)) is None

    def test_a_new_detector_begins_with_the_last_day(self) -> None:
        """Older rows are history."""
        assert detection.window(NEW, QUERY, minutes(2)) == window(-24 * 60, 0)

    @given(length=st.floats(0.1, 10_000), steps=st.integers(1, 12))
    def test_halves_cover_the_window_without_overlap(self, length: float, steps: int) -> None:
        """Each row is in exactly one of them."""
        whole = window(0, length)
        parts = [whole]
        for _ in range(steps):
            halves = parts[0].halves()
            if halves is None:
                assert parts[0].until - parts[0].since <= timedelta(seconds=1)
                break
            parts[:1] = halves
        assert parts[0].since == whole.since
        assert parts[-1].until == whole.until
        assert all(a.until == b.since for a, b in pairwise(parts))


class TestRuns:
    def test_a_window_that_worked_moves_the_watermark(self) -> None:
        """And it is a sign of life."""
        state, message = after_run(NEW, window(0, 5), RunResult(rows=3, alerts=3), minutes(6))
        assert (state.watermark, state.seen_at, message) == (minutes(5), minutes(6), None)

    def test_a_failed_window_keeps_the_watermark(self) -> None:
        """Its rows are read again: nothing is lost."""
        before = NEW.model_copy(update={"watermark": minutes(0)})
        state, message = after_run(before, window(0, 5), REFUSED, minutes(6))
        assert (state.watermark, state.failures) == (minutes(0), 1)
        assert message is Message.FAILING

    def test_the_owner_gets_one_message_a_day_about_a_failure(self) -> None:
        """And one when it is over."""
        state, sent = NEW, []
        for minute in range(0, 25 * 60, 60):
            state, message = after_run(state, window(0, 5), REFUSED, minutes(minute))
            sent += [message] if message is not None else []
        assert sent == [Message.FAILING, Message.FAILING]
        state, message = after_run(state, window(0, 5), RunResult(), minutes(25 * 60))
        assert message is Message.WORKING
        assert after_run(state, window(5, 9), RunResult(), minutes(25 * 60 + 5))[1] is None

    def test_failures_make_pauses_longer(self) -> None:
        """From half a minute to an hour."""
        seconds = [pause_after(count).total_seconds() for count in (1, 2, 3, 8, 50)]
        assert seconds == [30, 60, 120, 3600, 3600]

    def test_a_failing_detector_is_not_run_before_its_pause_is_over(self) -> None:
        """A database in trouble is not asked all the time."""
        state, _ = after_run(NEW, window(0, 5), REFUSED, minutes(6))
        assert detection.window(state, QUERY, minutes(6.4)) is None
        assert detection.window(state, QUERY, minutes(6.6)) is not None


POSTED = Detector.model_validate({"detector": "live-chat", "expect": {"every": "15m"}})


class TestHeartbeats:
    def test_a_silent_detector_is_a_hole_in_the_coverage(self) -> None:
        """Its owner gets a message; another one a day later."""
        state, message = heartbeat(NEW, POSTED, minutes(0), minutes(-60), minutes(16))
        assert (state.silent_since, message) == (minutes(0), Message.SILENT)
        assert heartbeat(state, POSTED, minutes(0), minutes(-60), minutes(17))[1] is None
        later = minutes(16 + 24 * 60)
        assert heartbeat(state, POSTED, minutes(0), minutes(-60), later)[1] is Message.SILENT

    def test_an_alert_heals_it(self) -> None:
        """The owner hears that as well."""
        state, _ = heartbeat(NEW, POSTED, minutes(0), minutes(-60), minutes(16))
        state, message = heartbeat(state, POSTED, minutes(20), minutes(-60), minutes(21))
        assert (state.silent_since, message) == (None, Message.HEARD)

    def test_a_detector_in_time_is_no_news(self) -> None:
        """Most of them, most of the time."""
        state, message = heartbeat(NEW, POSTED, minutes(0), minutes(-60), minutes(15))
        assert (state.silent_since, message) == (None, None)

    def test_a_detector_that_was_never_heard_counts_from_the_start(self) -> None:
        """A restart must not call everybody."""
        assert heartbeat(NEW, POSTED, None, minutes(0), minutes(15))[1] is None
        assert heartbeat(NEW, POSTED, None, minutes(0), minutes(16))[1] is Message.SILENT

    def test_a_paused_detector_is_not_missed(self) -> None:
        """Somebody wanted its silence."""
        silent = NEW.model_copy(update={"silent_since": minutes(0)})
        state, message = heartbeat(silent, POSTED, minutes(0), minutes(0), minutes(60), paused=True)
        assert (state.silent_since, message) == (None, None)

    def test_without_an_expectation_nothing_is_missed(self) -> None:
        """`expect` is optional."""
        quiet = Detector(detector="live-chat")
        assert heartbeat(NEW, quiet, None, minutes(0), minutes(9_999))[1] is None


WRITTEN = AlertMap.model_validate(
    {
        "id": "row.auction + '/' + row.bidder",
        "kind": "'shill_bidding'",
        "subject": {"type": "'user'", "id": "row.bidder"},
        "related": [{"type": "'auction'", "id": "row.auction"}],
        "score": "row.p",
        "occurred_at": "row.seen_at",
        "attributes": {"ratio": "row.ratio", "note": "has(row.note) ? row.note : 'none'"},
    }
)
ROW = {"auction": "a1", "bidder": "u_9", "p": 0.93, "seen_at": "2026-11-23T03:00:00+00:00"}


class TestAlertsFromRows:
    def test_expressions_make_an_alert(self) -> None:
        """Each field of the contract has one."""
        found = alert_from(WRITTEN, "shill", Facts({"row": {**ROW, "ratio": 1.5}}), value_of)
        assert found == {
            "detector": "shill",
            "id": "a1/u_9",
            "kind": "shill_bidding",
            "subject": {"type": "user", "id": "u_9"},
            "related": [{"type": "auction", "id": "a1"}],
            "score": 0.93,
            "occurred_at": "2026-11-23T03:00:00+00:00",
            "attributes": {"ratio": 1.5, "note": "none"},
        }

    @pytest.mark.parametrize("field", ["auction", "bidder", "p", "seen_at"])
    def test_a_value_that_is_missing_leaves_its_field_out(self, field: str) -> None:
        """Validation names the field; an expression never raises."""
        row = {name: value for name, value in ROW.items() if name != field}
        found = alert_from(WRITTEN, "shill", Facts({"row": row}), value_of)
        left_out = {"auction": "id", "bidder": "id", "p": "score", "seen_at": "occurred_at"}
        assert left_out[field] not in found

    def test_a_score_of_one_is_a_number(self) -> None:
        """A database has integers, and an alert has none."""
        found = alert_from(WRITTEN, "shill", Facts({"row": {**ROW, "p": 1}}), value_of)
        assert isinstance(found["score"], float)

    def test_the_columns_of_a_mapping(self) -> None:
        """What is under `has()` may be missing."""
        assert columns_of(WRITTEN) == ("auction", "bidder", "p", "seen_at", "ratio")


class TestAccepts:
    @pytest.mark.parametrize(
        ("accepts", "field"),
        [
            (None, None),
            ({}, None),
            ({"kinds": ["other", "phishing"], "subjects": ["user"]}, None),
            ({"kinds": ["other"]}, ("kind",)),
            ({"subjects": ["listing"]}, ("subject", "type")),
            ({"kinds": ["other"], "subjects": ["listing"]}, ("kind",)),
        ],
    )
    def test_a_detector_may_send_what_its_policy_lists(
        self, accepts: dict[str, list[str]] | None, field: tuple[str, ...] | None
    ) -> None:
        """What is left out is not limited."""
        alert = Alert.model_validate(
            {
                "id": "a1",
                "kind": "phishing",
                "subject": {"type": "user", "id": "u_1"},
                "occurred_at": minutes(0),
            }
        )
        allowed = None if accepts is None else Accepts.model_validate(accepts)
        found = outside(allowed, alert)
        assert (None if found is None else found[0]) == field

    @pytest.mark.parametrize(
        ("rate", "amount"), [("5/s", (5, 1)), ("600/m", (600, 60)), ("1/h", (1, 3_600))]
    )
    def test_a_rate_is_a_number_in_a_time(self, rate: str, amount: tuple[int, int]) -> None:
        """Seconds, minutes and hours."""
        assert Accepts(rate=rate).amount == amount
