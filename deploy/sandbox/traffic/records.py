"""CSV records of `deploy/sandbox/data`."""

import csv
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"

Record = dict[str, str]


@cache
def records(name: str) -> tuple[Record, ...]:
    """The rows of `data/NAME.csv`."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
