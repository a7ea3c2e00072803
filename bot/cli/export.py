"""`koban export` command: decisions and labels of the ledger, as files for analysis."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from activities.ledger.export import TABLES, ColumnType, ExportTable, LedgerExport, Record
from bot.cli.process import open_database, run
from bot.errors import InputWrong
from bot.settings import Settings, load_settings

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
AT_ONCE = 1_000
"""Rows that are written in one call."""

BIGQUERY = {
    ColumnType.TEXT: "STRING",
    ColumnType.NUMBER: "FLOAT64",
    ColumnType.INTEGER: "INT64",
    ColumnType.BOOLEAN: "BOOL",
    ColumnType.TIME: "TIMESTAMP",
}
DUCKDB = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.TIME: "TIMESTAMPTZ",
}


class Format(StrEnum):
    """The format of the files."""

    PARQUET = "parquet"
    CSV = "csv"


def export(
    to: Annotated[Path, typer.Option("--to", help="A folder for the files; it is made.")],
    since: Annotated[
        datetime | None, typer.Option(help="Only what was decided from this time on (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only what was decided before this time (UTC).")
    ] = None,
    format: Annotated[Format, typer.Option(help="Parquet needs koban[duckdb].")] = Format.PARQUET,
) -> int:
    """Write decisions and labels to a folder, one file each, with schema.json."""
    first, last = _utc(since or _FIRST), _utc(until or _LAST)
    if first >= last:
        raise InputWrong("There is nothing between --since and --until.")
    if format is Format.PARQUET:
        _duckdb()
    settings = load_settings()
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputWrong(f"The folder {to} can't be made ({error.strerror}).") from error
    return run(_export(settings, to, first, last, format))


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)


async def _export(
    settings: Settings, to: Path, since: datetime, until: datetime, format: Format
) -> int:
    async with open_database(settings.ledger) as database:
        ledger = LedgerExport(database)
        for table in TABLES:
            number, waiting = 0, list[Record]()
            with table_file(to, table, format) as writer:
                async for row in ledger.rows(table, since, until):
                    waiting.append(row)
                    if len(waiting) == AT_ONCE:
                        writer.write(waiting)
                        number, waiting = number + len(waiting), []
                writer.write(waiting)
            print(f"{table.name}: {number + len(waiting)} rows.")
    text = json.dumps(_schema(format), indent=2)
    (to / "schema.json").write_text(f"{text}\n", encoding="utf-8")
    return 0


def _schema(format: Format) -> dict[str, Any]:
    """The types of all columns, as BigQuery and DuckDB name them."""
    return {
        table.name: {
            "file": f"{table.name}.{format}",
            "columns": [
                {"name": name, "bigquery": BIGQUERY[kind], "duckdb": DUCKDB[kind]}
                for name, kind in table.columns.items()
            ],
        }
        for table in TABLES
    }


class _Writer:
    """Rows as CSV."""

    def __init__(self, file: Any, table: ExportTable) -> None:
        self._rows = csv.DictWriter(file, list(table.columns), lineterminator="\n")
        self._rows.writeheader()

    def write(self, rows: list[Record]) -> None:
        """Appends rows."""
        for row in rows:
            self._rows.writerow({name: _text(value) for name, value in row.items()})


@contextmanager
def table_file(to: Path, table: ExportTable, format: Format) -> Iterator[_Writer]:
    """A file that takes its place once it is complete; an unfinished one is removed."""
    unfinished, made = to / f".{table.name}.csv", to / f".{table.name}.parquet"
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield _Writer(file, table)
        if format is Format.PARQUET:
            _write_parquet(unfinished, made, table)
        complete = made if format is Format.PARQUET else unfinished
        complete.replace(to / f"{table.name}.{format}")
    finally:
        unfinished.unlink(missing_ok=True)
        made.unlink(missing_ok=True)


def _write_parquet(file: Path, made: Path, table: ExportTable) -> None:
    """The rows of a CSV file, with the types of their columns.

    Nothing is left to DuckDB's guess, which is made from the first rows.
    """
    columns = {name: DUCKDB[kind] for name, kind in table.columns.items()}
    as_written = {"header": True, "sep": ",", "quotechar": '"', "escapechar": '"'}
    with _duckdb().connect(":memory:") as connection:
        connection.read_csv(str(file), columns=columns, **as_written).write_parquet(str(made))


def _text(value: Any) -> Any:
    """A value as BigQuery and DuckDB read it from CSV."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as missing:
        raise InputWrong("Parquet needs koban[duckdb]; write --format csv without it.") from missing
    return duckdb
