"""Alerts of a backtest from files or from the ledger, in the order of their time."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.backtest import columns as sql
from activities.backtest.files import (
    BacktestInputError,
    File,
    duckdb_module,
    file_at,
    listed,
    shown_name,
)
from activities.ledger.database import Database
from activities.ledger.schema import alert_records, alerts, cases, events
from workflows.domain.case.automation_events import AutoDecided
from workflows.domain.case.decision import Verdict
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import Decided


class Line(NamedTuple):
    """One alert, unread.

    `at`: `occurred_at` in seconds since 1970. `body`: its JSON text, as in POST /v1/alerts.
    `label`: whether people found a violation; None where they said nothing.
    """

    at: float
    body: str
    label: bool | None = None


# -- files ---------------------------------------------------------------------------------

SAMPLE = 20_000
"""Rows of a CSV that say which attributes are numbers or booleans."""
_TIME = "occurred_at"

_TABLE = "CREATE TABLE loaded (moment TIMESTAMPTZ, body VARCHAR, label BOOLEAN)"
_UNTIMED = "SELECT count(*) FROM loaded WHERE moment IS NULL"
# The numbers of the rows have the order of files and rows.
_SORTED = (
    "SELECT epoch(moment), body, label FROM loaded WHERE moment IS NOT NULL ORDER BY moment, rowid"
)


class AlertFiles:
    """Alerts of JSONL, CSV and Parquet files, sorted by DuckDB outside of Python's memory.

    The columns of CSV have dotted names: subject.type, related.0.id, attributes.ratio. An empty
    cell is an absent field, and an attribute is a number or a boolean if its column has nothing
    else. A time of Parquet without a zone is UTC.
    """

    def __init__(
        self, files: Sequence[Path], label: str | None = None, memory: str = "250MB"
    ) -> None:
        """`label` is the column of the verdicts, dotted where it is nested; no part of an alert.

        `memory` is DuckDB's limit; what does not fit is sorted on disk. Raises
        `BacktestInputError`.
        """
        duckdb_module()
        self._files = [file_at(path) for path in files]
        self._label, self._memory = label, memory
        self._unreadable = 0

    @property
    def unreadable(self) -> int:
        """Rows without a usable `occurred_at`, known after reading; they are not returned."""
        return self._unreadable

    def count(self) -> int:
        """Rows of all files. Raises `BacktestInputError`."""
        with self._opened() as (connection, files):
            counts = (each.rows(connection, "SELECT count(*)") for each in files)
            return sum(rows[0][0] for rows in counts)

    def chunks(self, size: int) -> Iterator[list[Line]]:
        """Lists of `size` alerts, the last one shorter. Raises `BacktestInputError`.

        Equal times have the order of files and rows. Closing the iterator removes its files.
        """
        with self._opened() as (connection, files):
            self._load(connection, files)
            connection.execute(_SORTED)
            while rows := connection.fetchmany(size):
                yield list(map(Line._make, rows))

    def _load(self, connection: Any, files: Sequence[File]) -> None:
        """Fills the table, a statement for each file: its buffers are freed before the next one."""
        trees = [None if each.is_jsonl else _tree(connection, each) for each in files]
        pairs = list(zip(files, trees, strict=True))
        if self._label is not None:
            _check_label(connection, self._label, pairs)
        connection.execute(_TABLE)
        for file, tree in pairs:
            select = _of_json(self._label) if tree is None else _of_columns(tree, self._label)
            file.rows(connection, f"INSERT INTO loaded {select}")
        (self._unreadable,) = connection.execute(_UNTIMED).fetchone()

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, list[File]]]:
        """A connection that opens only the files, and sorts in a folder of its own.

        The files are links in that folder: DuckDB reads a path with * or ? as a pattern.
        """
        duckdb = duckdb_module()
        with TemporaryDirectory(prefix="koban-backtest-") as folder:
            settings = {
                "memory_limit": self._memory,
                "temp_directory": folder,
                "autoinstall_known_extensions": False,
                # Each thread has buffers of its own, and sorting with two takes more CPU time.
                "threads": 1,
            }
            try:
                with duckdb.connect(":memory:", config=settings) as connection:
                    for setting in _limits(self._files):
                        connection.execute(setting)
                    yield connection, [each.linked(Path(folder)) for each in self._files]
            except RuntimeError as error:
                if str(error) != "Query interrupted":
                    raise
                raise KeyboardInterrupt from error  # Ctrl-C, which DuckDB has taken
            except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
                raise BacktestInputError(
                    "The alerts can't be sorted: make room for three times their size in "
                    f"{Path(folder).parent}, or give fewer files at a time."
                ) from error


def _limits(files: Sequence[File]) -> Iterator[str]:
    allowed = ", ".join(sql.literal(each.path) for each in files)
    yield "SET TimeZone = 'UTC'"
    yield "SET enable_progress_bar = false"
    yield f"SET allowed_paths = [{allowed}]"
    yield "SET enable_external_access = false"
    yield "SET lock_configuration = true"


# -- label ---------------------------------------------------------------------------------


def _check_label(
    connection: Any, label: str, pairs: Sequence[tuple[File, sql.Node | None]]
) -> None:
    """Raises `BacktestInputError` if no file has the column."""
    if any(tree is not None and sql.find(tree, sql.path_of(label)) for _, tree in pairs):
        return
    jsonl = [file for file, tree in pairs if tree is None]
    if any(_has_key(connection, file, label) for file in jsonl):
        return
    there: dict[str, None] = {}
    for file, tree in pairs:
        there.update(dict.fromkeys(_keys(connection, file) if tree is None else sql.names(tree)))
    raise BacktestInputError(
        f"No file has the label column {shown_name(label)}; there are {listed(list(there))}."
    )


def _has_key(connection: Any, file: File, label: str) -> bool:
    found = " OR ".join(f"json_exists(json, {pointer})" for pointer, _ in _ways(label))
    return bool(file.rows(connection, "SELECT 1", f"WHERE {found} LIMIT 1"))


def _keys(connection: Any, file: File) -> list[str]:
    """The keys of the first alerts of JSONL."""
    rows = file.rows(connection, "SELECT json_keys(json)", "WHERE json IS NOT NULL LIMIT 100")
    return [key for (keys,) in rows for key in keys or ()]


def _ways(label: str) -> Iterator[tuple[str, str]]:
    """Where JSON may have a label, as a key with dots or nested: a pointer, and a patch without it.

    RFC 6901 and RFC 7396.
    """
    parts = sql.path_of(label)
    yield _pointer((label,)), json.dumps({label: None})
    # A number is also a place in a list, and a patch would replace the list.
    if len(parts) > 1 and not any(part.isdigit() for part in parts):
        patch: Any = None
        for part in reversed(parts):
            patch = {part: patch}
        yield _pointer(parts), json.dumps(patch)


def _pointer(parts: Sequence[str]) -> str:
    return sql.literal("".join("/" + p.replace("~", "~0").replace("/", "~1") for p in parts))


# -- time, text and label of a row ---------------------------------------------------------


def _of_json(label: str | None) -> str:
    """The columns of the table from JSONL. Time and label are found in one pass over the text."""
    ways = list(_ways(label)) if label is not None else []
    pointers = ", ".join((sql.literal(f"/{_TIME}"), *(pointer for pointer, _ in ways)))
    found = [f"json_extract(json, [{pointers}])[{place}]" for place in range(1, len(ways) + 2)]
    at = sql.moment_of_text(f"json_extract_string({found[0]}, '$')")
    if not ways:
        return f"SELECT {at}, CAST(json AS VARCHAR), NULL"
    removals = " ".join(
        f"WHEN {value} IS NOT NULL THEN json_merge_patch(json, {sql.literal(patch)})"
        for value, (_, patch) in zip(found[1:], ways, strict=True)
    )
    value = sql.verdict(f"json_extract_string(coalesce({', '.join(found[1:])}), '$')")
    return f"SELECT {at}, CAST(CASE {removals} ELSE json END AS VARCHAR), {value}"


def _of_columns(tree: sql.Node, label: str | None) -> str:
    """The columns of the table from CSV or Parquet."""
    at, value = sql.moment(tree), "NULL"
    path = sql.path_of(label) if label is not None else ()
    found = sql.find(tree, path) if path else None
    if found is not None:
        value, tree = sql.verdict(found.sql), sql.without(tree, path)
    return f"SELECT {at}, {sql.body(tree)}, {value}"


def _tree(connection: Any, file: File) -> sql.Node:
    """The alert that the columns of CSV or Parquet make. Raises `BacktestInputError`."""
    types = file.types(connection)
    literals = _literals(connection, file, types) if file.is_csv else frozenset()
    try:
        tree = sql.tree(types, literals)
    except sql.ColumnsConflict as conflict:
        raise BacktestInputError(
            f"{file.shown} has a value and its parts in columns, of which one is "
            f"{shown_name(str(conflict))}: leave either of them out."
        ) from conflict
    if sql.find(tree, (_TIME,)) is None:
        has = listed(list(sql.names(tree)))
        raise BacktestInputError(f"{file.shown} needs a column {_TIME}; it has {has}.")
    return tree


def _literals(connection: Any, file: File, names: Iterable[str]) -> frozenset[str]:
    """The columns of CSV whose cells are numbers or booleans."""
    always = {name for name in names if sql.path_of(name)[-1] in sql.NOT_TEXT}
    asked = [name for name in names if name not in always and name.startswith("attributes.")]
    if not asked:
        return frozenset(always)
    tests = ", ".join(
        f"coalesce(bool_and({sql.is_literal(sql.identifier(name))}), true)" for name in asked
    )
    (passed,) = file.rows(connection, f"SELECT {tests} FROM (SELECT *", f"LIMIT {SAMPLE})")
    return frozenset(always) | {name for name, is_one in zip(asked, passed, strict=True) if is_one}


# -- ledger --------------------------------------------------------------------------------


_LABELS = {
    Verdict.VIOLATION.value: True,
    Verdict.NO_VIOLATION.value: False,
    Verdict.FALSE_POSITIVE.value: False,
}


class LedgerAlerts:
    """Alerts that Koban received in [since, until): those of cases, and recorded ones.

    An alert has the verdict of its case as its label. It runs an event loop of its own, so it needs
    a thread without a running one.
    """

    def __init__(self, url: str, since: datetime, until: datetime) -> None:
        """`url` as in KOBAN_LEDGER__URL; times with a zone."""
        self._url = url
        self._query = _ledger_query(since, until)

    @property
    def unreadable(self) -> int:
        """0: the ledger has only valid alerts, or what an erasure left of them."""
        return 0

    def count(self) -> int:
        """The number of alerts. Raises `LedgerUnavailable`, `BacktestInputError`."""
        return asyncio.run(self._counted())

    def chunks(self, size: int) -> Iterator[list[Line]]:
        """Lists of `size` alerts, the last one shorter.

        Raises `LedgerUnavailable`, and `BacktestInputError` for a database without a ledger.
        """
        with asyncio.Runner() as runner:
            parts = self._parts(size)
            try:
                while rows := runner.run(_following(parts)):
                    yield [
                        Line(at.timestamp(), body, _LABELS.get(verdict or ""))
                        for at, body, verdict in rows
                    ]
            finally:
                runner.run(parts.aclose())

    async def _counted(self) -> int:
        async with _reading(self._url) as connection:
            query = sa.select(sa.func.count()).select_from(self._query.subquery())
            return await connection.scalar(query) or 0

    async def _parts(self, size: int) -> AsyncGenerator[Sequence[Any], None]:
        """Rows from a cursor of the server, which keeps the memory bounded."""
        found = self._query.subquery()
        order = found.c["occurred_at", "received_at", "detector", "alert_id"]
        query = sa.select(*found.c["occurred_at", "body", "verdict"]).order_by(*order)
        async with _reading(self._url) as connection:
            result = await connection.stream(query)
            async for part in result.partitions(size):
                yield part


async def _following(parts: AsyncIterator[Sequence[Any]]) -> Sequence[Any] | None:
    async for part in parts:
        return part
    return None


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[AsyncConnection]:
    database = Database(url)
    try:
        if not await database.has_tables():
            raise BacktestInputError(
                f"The database at {database.shown} has no ledger: check its address."
            )
        async with database.reading() as connection:
            yield connection
    finally:
        await database.aclose()


def _ledger_query(since: datetime, until: datetime) -> sa.CompoundSelect[Any]:
    """Time, text and verdict of each alert, once."""
    taken = (
        sa.select(
            *alerts.c["occurred_at", "received_at", "detector", "alert_id"],
            sa.cast(alerts.c.body, sa.Text).label("body"),
            sa.case((_is_judged(), cases.c.verdict)).label("verdict"),
        )
        .select_from(alerts.outerjoin(cases, cases.c.id == alerts.c.case_id))
        .where(alerts.c.received_at >= since, alerts.c.received_at < until)
    )
    return taken.union_all(_recorded(since, until))


def _is_judged() -> sa.ColumnElement[bool]:
    """Whether people decided the case: what Koban decided says nothing about its rules."""
    own = events.c.case_id == cases.c.id
    by_koban = sa.exists().where(own, events.c.kind == kind_of(AutoDecided))
    by_people = sa.exists().where(
        own, events.c.kind == kind_of(Decided), events.c.actor.is_not(None)
    )
    return sa.or_(~by_koban, by_people)


def _recorded(since: datetime, until: datetime) -> sa.Select[Any]:
    """Alerts without a case. Their records may name one, whose verdict is not about them."""
    records, first = alert_records, alert_records.alias("first")
    in_case = sa.exists().where(_same(alerts, records))
    # Of several records with the alert, the first playbook's counts.
    before = (first.c.body.is_not(None), first.c.playbook < records.c.playbook)
    again = sa.exists().where(_same(first, records), *before)
    return sa.select(
        *records.c["occurred_at", "at", "detector", "alert_id"],
        sa.cast(records.c.body, sa.Text),
        sa.cast(sa.null(), sa.String),
    ).where(
        records.c.at >= since, records.c.at < until, records.c.body.is_not(None), ~in_case, ~again
    )


def _same(left: Any, right: Any) -> sa.ColumnElement[bool]:
    return sa.and_(left.c.detector == right.c.detector, left.c.alert_id == right.c.alert_id)
