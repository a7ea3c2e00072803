"""Data warehouse of the sandbox: a DuckDB file of real bidder records for a SQL detector."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from deploy.sandbox.traffic.records import csv_file

GAP = timedelta(seconds=3)
"""Time between two records: the real ones have none."""
BEFORE = 200
"""Records that are there at the start."""
_BIDS = """
CREATE TABLE bids AS
SELECT Record_ID AS record_id, 'a_' || Auction_ID AS auction_id, 'u_bid' || Record_ID AS bidder_id,
       Bidding_Ratio AS bidding_ratio, Successive_Outbidding AS successive_outbidding,
       Winning_Ratio AS winning_ratio, Bidder_Tendency AS bidder_tendency,
       CAST(? AS TIMESTAMPTZ)
           + to_seconds(CAST(? AS DOUBLE) * (row_number() OVER () - 1)) AS seen_at
FROM read_csv(?, header = true)
"""


def make_warehouse(file: Path, start: datetime) -> None:
    """Writes all records; those after the first `BEFORE` have times after `start`.

    They are written at once, because DuckDB has no readers beside a writer in another process.
    """
    values = [start - BEFORE * GAP, GAP.total_seconds(), str(csv_file("shill_bidding"))]
    with duckdb.connect(str(file)) as connection:
        connection.execute(_BIDS, values)
