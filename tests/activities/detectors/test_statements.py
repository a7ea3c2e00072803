"""Proof that a detector's query only reads."""

import pytest

from activities.detectors.statements import DIALECTS, problem

GOOD = "SELECT * FROM bids WHERE seen_at > :since AND seen_at <= :until"

GOOD_ONES = {
    "plain": GOOD,
    "semicolon": f"{GOOD};",
    "comment": f"-- bids; DROP TABLE bids\n{GOOD}",
    "CTE": f"WITH b AS ({GOOD}) SELECT bidder, count(*) AS n FROM b GROUP BY bidder",
    "union": f"{GOOD} UNION ALL SELECT * FROM bids",
    "text": f"SELECT 'a;b' AS t, b.* FROM ({GOOD}) AS b",
    "window": f"SELECT row_number() OVER (ORDER BY seen_at) AS r, b.* FROM ({GOOD}) AS b",
    "cast": "SELECT * FROM bids WHERE seen_at > CAST(:since AS TIMESTAMP) AND seen_at <= :until",
}
BAD = {
    f"{GOOD}; DROP TABLE bids": "the query has 2 statements",
    "": "the query has 0 statements",
    "DELETE FROM bids WHERE a > :since AND a <= :until": "the query is a DELETE and not a SELECT",
    "INSERT INTO t SELECT :since, :until": "the query is a INSERT and not a SELECT",
    "SET x = 1": "the query is a SET and not a SELECT",
    f"WITH d AS (DELETE FROM bids RETURNING *) SELECT d.* FROM d, ({GOOD}) AS b": (
        "the query has a DELETE, and must only read"
    ),
    "SELECT * INTO z FROM bids WHERE a > :since AND a <= :until": (
        "the query has a INTO, and must only read"
    ),
    f"{GOOD} FOR UPDATE": "the query has a LOCK, and must only read",
    "SELECT pg_read_file('/etc/passwd'), :since, :until": (
        "the query uses pg_read_file(), which does more than read tables"
    ),
    "SELECT * FROM read_csv('/etc/passwd') WHERE :since < :until": (
        "the query uses read_csv(), which does more than read tables"
    ),
    "SELECT set_config('a', 'b', true), :since, :until": (
        "the query uses set_config(), which does more than read tables"
    ),
    "SELECT * FROM bids WHERE seen_at > :since": (
        "the query does not use :until, so it would read the same rows again"
    ),
    f"{GOOD} AND shop = :shop": (
        "the query uses :shop, which is unknown here (only :since and :until are)"
    ),
    "SELECT * FROM b WHERE a > :since::timestamptz AND a <= :until": (
        "`:since::` is not read as a parameter (CAST(:since AS …) is)"
    ),
}


@pytest.mark.parametrize("backend", [*DIALECTS, None])
@pytest.mark.parametrize("name", GOOD_ONES)
def test_one_statement_that_reads_is_accepted(name: str, backend: str | None) -> None:
    """In the dialect of each database, and where the database is not known yet."""
    assert problem(GOOD_ONES[name], backend) is None


@pytest.mark.parametrize("backend", [*DIALECTS, None])
@pytest.mark.parametrize("sql", BAD)
def test_anything_else_is_refused_in_a_sentence(sql: str, backend: str | None) -> None:
    """Nothing is run that could write, lock, or reach a file or another server."""
    assert problem(sql, backend) == BAD[sql]


def test_a_query_that_can_not_be_read_is_named() -> None:
    """With the place in the text."""
    found = problem("SELEC 1", "duckdb")
    assert found is not None
    assert found.startswith("the query can't be read (")
    assert "Line 1" in found
