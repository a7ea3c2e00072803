"""Files of alerts, as DuckDB opens them, and the sentences about those that it can't read."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activities.backtest.columns import literal
from workflows.domain.values import visible


class BacktestInputError(Exception):
    """Files or a database that can't be read; the message is a sentence that says what to do."""


JSONL = (".jsonl", ".ndjson", ".json")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = (".parquet",)
KINDS = (*JSONL, *SEPARATORS, *PARQUET)
MOST_NAMES = 10
"""Columns that a message lists."""
_LONGEST_NAME = 200
_LINE = re.compile(r"Line: (\d+)")


def duckdb_module() -> Any:
    """DuckDB, which is an extra. Raises `BacktestInputError`."""
    try:
        import duckdb
    except ImportError as missing:
        raise BacktestInputError("Backtests need koban[duckdb].") from missing
    return duckdb


@dataclass(frozen=True)
class File:
    """A file by its name in messages, its kind, and the path to open."""

    shown: str
    suffix: str
    path: str

    def linked(self, folder: Path) -> "File":
        """The same file with the path of a new link in `folder`."""
        link = folder / f"{sum(1 for _ in folder.iterdir())}{self.suffix}"
        link.symlink_to(self.path)
        return replace(self, path=str(link))

    @property
    def is_jsonl(self) -> bool:
        """Whether each line is an alert."""
        return self.suffix in JSONL

    @property
    def is_csv(self) -> bool:
        """Whether all cells are texts."""
        return self.suffix in SEPARATORS

    def rows(self, connection: Any, select: str, rest: str = "") -> list[Any]:
        """The rows of `select` from the file and what follows. Raises `BacktestInputError`."""
        with self._errors():
            query = f"{select} FROM {self._source} {rest}"
            found: list[Any] = connection.execute(query, [[self.path]]).fetchall()
            return found

    def types(self, connection: Any) -> dict[str, Any]:
        """The types of its columns by name. Raises `BacktestInputError`."""
        with self._errors():
            query = f"SELECT * FROM {self._source} LIMIT 0"
            empty = connection.sql(query, params=[[self.path]])
            return dict(zip(empty.columns, empty.types, strict=True))

    @property
    def _source(self) -> str:
        """The table function; the path is its parameter."""
        if self.is_jsonl:  # a broken line is NULL
            return "read_ndjson_objects(?, ignore_errors = true, hive_partitioning = false)"
        if self.suffix in PARQUET:
            return "read_parquet(?, hive_partitioning = false)"
        return (
            f"read_csv(?, delim = {literal(SEPARATORS[self.suffix])}, quote = '\"', "
            "escape = '\"', comment = '', skip = 0, header = true, all_varchar = true, "
            "hive_partitioning = false)"
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Converts DuckDB's errors about the file; others are about memory and disk."""
        duckdb = duckdb_module()
        try:
            yield
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) and self.path not in str(error):
                raise
            raise BacktestInputError(self._problem(str(error))) from error

    def _problem(self, message: str) -> str:
        if not self.is_csv:
            return f"{self.shown} can't be read: check that it is whole, and write it again."
        found = _LINE.search(message)
        line = f" (line {found[1]})" if found else ""
        return (
            f"{self.shown} can't be read as CSV{line}: check quotes and the number of cells, "
            "and save it as UTF-8."
        )


def file_at(path: Path) -> File:
    """A file that may be read. Raises `BacktestInputError`."""
    shown, suffix = shown_name(str(path)), path.suffix.lower()
    try:
        if path.is_dir():
            raise BacktestInputError(f"{shown} is a folder: name the files in it.")
        if not path.exists():
            raise BacktestInputError(f"{shown} does not exist: check its path.")
        if suffix not in KINDS:
            raise BacktestInputError(
                f"{shown} is of no known kind: its name must end in {', '.join(KINDS)}."
            )
        if path.stat().st_size == 0:
            raise BacktestInputError(f"{shown} is empty: write the alerts to it first.")
        real = str(path.resolve())
        real.encode()  # a name that is no UTF-8 is a ValueError
        if "\\" in real:  # DuckDB's limits of paths take it as a slash
            raise BacktestInputError(f"{shown} has a backslash in its path: rename it.")
        return File(shown, suffix, real)
    except (OSError, ValueError) as error:
        raise BacktestInputError(f"{shown} can't be opened: check its path and rights.") from error


def shown_name(name: str) -> str:
    """A name from outside in a sentence."""
    short = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return visible(short).replace("\n", "\u240a").replace("\t", "\u2409")


def listed(names: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (", ".join(map(shown_name, names[:MOST_NAMES])) or "no columns") + more
