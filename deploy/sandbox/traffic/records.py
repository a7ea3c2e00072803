"""CSV records of `deploy/sandbox/data`."""

import csv
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"

Record = dict[str, str]


def csv_file(name: str) -> Path:
    """`data/NAME.csv`."""
    return DATA / f"{name}.csv"


@cache
def records(name: str) -> tuple[Record, ...]:
    """The rows of `data/NAME.csv`."""
    with csv_file(name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
