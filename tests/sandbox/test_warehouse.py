"""Data warehouse of the sandbox: real records with times, for the example's SQL detector."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from deploy.sandbox.app import POLICY
from deploy.sandbox.traffic.records import records
from deploy.sandbox.traffic.shill_bidding import THRESHOLD, score
from deploy.sandbox.warehouse import BEFORE, GAP, make_warehouse

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A warehouse made at `START`."""
    made = tmp_path / "warehouse.duckdb"
    make_warehouse(made, START)
    return made


def test_the_records_follow_each_other_from_before_the_start(file: Path) -> None:
    """Some are there at the start; the others come one by one."""
    with duckdb.connect(str(file), read_only=True) as connection:
        counted = connection.execute("SELECT count(*), min(seen_at), max(seen_at) FROM bids")
        number, first, last = counted.fetchone() or (0, None, None)
    assert number == 3186
    assert first == START - BEFORE * GAP
    assert last == first + 3185 * GAP


def test_the_query_of_the_example_finds_what_the_pushed_twin_sends(file: Path) -> None:
    """Both have the same score and threshold; the window is the first ten minutes."""
    sql = (POLICY / "detectors" / "shill_sql.sql").read_text("utf-8")
    sql = sql.replace(":since", "$since").replace(":until", "$until")
    bounds = {"since": START - timedelta(days=1), "until": START}
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(f"SELECT record_id FROM ({sql}) ORDER BY record_id", bounds)
        ids = [str(row[0]) for row in found.fetchall()]
    seen = records("shill_bidding")[: BEFORE + 1]
    assert ids == [row["Record_ID"] for row in seen if score(row) >= THRESHOLD]
    assert len(ids) > 5
