"""Files of alerts, and what is read from them."""

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activities.backtest.alerts import AlertFiles, Line
from activities.backtest.files import BacktestInputError

CSV = "id,kind,subject.type,subject.id,occurred_at"
ROW = "a1,off_platform,user,u_1,2026-11-23T03:00:00Z"


def written(path: Path, *lines: str) -> Path:
    """A file with these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def alert(id: str, at: str = "2026-11-23T03:00:00Z", **more: Any) -> str:
    """The JSON text of an alert."""
    return json.dumps({"id": id, "occurred_at": at, **more})


def read(*files: Path, label: str | None = None, size: int = 100) -> list[Line]:
    """All alerts of files."""
    return list(chain.from_iterable(AlertFiles(files, label).chunks(size)))


def bodies(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The alerts as data."""
    return [json.loads(line.body) for line in lines]


def ids(lines: Sequence[Line]) -> list[str]:
    """The ids of alerts."""
    return [body["id"] for body in bodies(lines)]


def sentence(*files: Path, label: str | None = None) -> str:
    """The error of reading files."""
    with pytest.raises(BacktestInputError) as caught:
        read(*files, label=label)
    return str(caught.value)


def parquet(path: Path, select: str) -> Path:
    """A Parquet file with the rows of a query."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.sql(select).write_parquet(str(path))
    return path


def labels(lines: Sequence[Line]) -> list[bool | None]:
    """The labels of alerts."""
    return [line.label for line in lines]
