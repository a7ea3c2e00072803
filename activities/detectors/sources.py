"""SQL sources of detectors: read-only sessions with limits of rows, bytes and seconds."""

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from workflows.domain.detection import RunProblemKind, Window
from workflows.domain.policy.detectors import QueryLimits
from workflows.domain.values import visible

CONNECT_SECONDS = 10
GRACE_SECONDS = 5.0
"""Seconds beyond the limit before a source that does not end a query itself is given up."""
LARGEST = 64 * 1024 * 1024
"""Bytes of one result, about: rows of a few KB are small, and one column may be anything."""
_INTERRUPTS = (0.0, 1.0, 5.0)
FETCHED = 500
"""Rows that are fetched at a time."""
MOST_DETAIL = 400

Row = dict[str, Any]


class QueryFailed(Exception):
    """A failed query; `detail` has the database's own words."""

    def __init__(self, kind: RunProblemKind, detail: str = "") -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, visible(detail)[:MOST_DETAIL]


@dataclass(frozen=True)
class Rows:
    """Result of a query; times are RFC 3339 texts, and a value that JSON can't hold is None."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


async def query(url: str, sql: str, window: Window, limits: QueryLimits) -> Rows:
    """Runs `sql` on the source at `url`. Raises `QueryFailed`."""
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (SQLAlchemyError, ValueError) as error:
        raise QueryFailed(
            RunProblemKind.NO_SOURCE, "its address is no URL of a database"
        ) from error
    if backend == "postgresql":
        return await _from_postgres(parsed, sql, window, limits)
    opened = _OPENERS.get(backend)
    if opened is None:
        raise QueryFailed(RunProblemKind.NO_SOURCE, f"{backend} is not supported")
    return await _in_thread(opened, parsed, sql, window, limits)


# -- PostgreSQL ---------------------------------------------------------------------------


async def _from_postgres(url: sa.URL, sql: str, window: Window, limits: QueryLimits) -> Rows:
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": str(limits.seconds * 1000),
        "lock_timeout": str(min(limits.seconds, 5) * 1000),
        "application_name": "koban",
        # A time without a zone is UTC.
        "timezone": "UTC",
    }
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        poolclass=NullPool,
        connect_args={"server_settings": settings, "timeout": CONNECT_SECONDS},
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS + limits.seconds + GRACE_SECONDS):
            async with engine.connect() as connection:
                result = await connection.stream(_statement(sql, window))
                taken = _Taken(tuple(result.keys()), limits)
                async for part in result.partitions(FETCHED):
                    taken.add(part)
                return taken.rows
    except TimeoutError as error:
        raise QueryFailed(RunProblemKind.TOO_SLOW) from error
    except (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # While rows are fetched, SQLAlchemy leaves the driver's errors as they are.
        raise _failure(error) from error
    finally:
        await engine.dispose()


# -- DuckDB, SQLite, BigQuery: blocking drivers in a thread of their own ------------------

Opener = Callable[[sa.URL, QueryLimits], "AbstractContextManager[_Session]"]


@dataclass
class _Session:
    """A connection, and the way to interrupt its query from another thread.

    `text_times`: the database has no times, and stores them as texts.
    """

    connection: sa.Connection
    interrupt: Callable[[], object]
    text_times: bool = False


@contextmanager
def _sqlite(url: sa.URL, limits: QueryLimits) -> Iterator[_Session]:
    ends = time.monotonic() + limits.seconds

    def connect() -> sqlite3.Connection:
        uri = f"file:{url.database}?mode=ro"
        raw = sqlite3.connect(uri, uri=True, timeout=CONNECT_SECONDS, check_same_thread=False)
        raw.execute("PRAGMA query_only = ON")
        raw.set_progress_handler(lambda: time.monotonic() > ends, 10_000)
        return raw

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)
    with _connected(engine) as connection:
        # SQLAlchemy reads pragmas when it connects.
        _raw(connection).set_authorizer(_may_only_read)
        yield _Session(connection, _raw(connection).interrupt, text_times=True)


_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})
_RECURSIVE = 33  # SQLITE_RECURSIVE, which the module has no name for


def _may_only_read(action: int, *_about: str | None) -> int:
    allowed = action in _READS or action in (_RECURSIVE, sqlite3.SQLITE_TRANSACTION)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


_DUCKDB = {
    # Neither files nor the network: a SELECT could read both.
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "512MB",
    "threads": "1",
}


@contextmanager
def _duckdb(url: sa.URL, limits: QueryLimits) -> Iterator[_Session]:
    arguments = {"read_only": True, "config": _DUCKDB}
    engine = sa.create_engine(url, connect_args=arguments, poolclass=NullPool)
    with _connected(engine) as connection:
        connection.exec_driver_sql("SET TimeZone = 'UTC'")
        connection.exec_driver_sql("SET lock_configuration = true")
        yield _Session(connection, _raw(connection).interrupt)


@contextmanager
def _bigquery(url: sa.URL, limits: QueryLimits) -> Iterator[_Session]:
    billed = url.update_query_dict({"maximum_bytes_billed": str(limits.bytes)})
    engine = sa.create_engine(billed, poolclass=NullPool)
    with _connected(engine) as connection:
        yield _Session(connection, connection.invalidate)


_OPENERS: dict[str, Opener] = {"bigquery": _bigquery, "duckdb": _duckdb, "sqlite": _sqlite}


@contextmanager
def _connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _raw(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


async def _in_thread(
    opened: Opener, url: sa.URL, sql: str, window: Window, limits: QueryLimits
) -> Rows:
    """Runs the query in a daemon thread: one that never ends must not hold the process up."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    work = _Work(opened, url, sql, window, limits)

    def run() -> None:
        work.run()
        loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="koban-query", daemon=True).start()
    try:
        async with asyncio.timeout(CONNECT_SECONDS + limits.seconds):
            await done.wait()
    except TimeoutError:
        work.interrupt()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await done.wait()
        except TimeoutError as error:
            raise QueryFailed(RunProblemKind.TOO_SLOW) from error
        raise QueryFailed(RunProblemKind.TOO_SLOW) from None
    except asyncio.CancelledError:
        # The query may be about to begin.
        for seconds in _INTERRUPTS:
            loop.call_later(seconds, work.interrupt)
        raise
    return work.result()


class _Work:
    def __init__(
        self, opened: Opener, url: sa.URL, sql: str, window: Window, limits: QueryLimits
    ) -> None:
        self._opened, self._url, self._sql = opened, url, sql
        self._window, self._limits = window, limits
        self._session: _Session | None = None
        self._unwanted = False
        self._outcome: Rows | QueryFailed | None = None

    def run(self) -> None:
        began = time.monotonic()
        try:
            self._outcome = self._read()
        except QueryFailed as error:
            self._outcome = error
        except Exception as error:  # noqa: BLE001 -- the waiting task reports it
            # Drivers of blocking sources have errors of their own kinds.
            late = time.monotonic() - began >= self._limits.seconds
            slow = QueryFailed(RunProblemKind.TOO_SLOW)
            self._outcome = slow if late else _failure(error)

    def _read(self) -> Rows:
        with self._opened(self._url, self._limits) as session:
            self._session = session
            if self._unwanted:
                raise QueryFailed(RunProblemKind.TOO_SLOW)
            statement = _statement(self._sql, self._window, session.text_times)
            result = session.connection.execute(statement)
            taken = _Taken(tuple(result.keys()), self._limits)
            for part in result.partitions(FETCHED):
                taken.add(part)
            return taken.rows

    def interrupt(self) -> None:
        self._unwanted = True
        if self._session is not None:
            self._session.interrupt()

    def result(self) -> Rows:
        if isinstance(self._outcome, QueryFailed):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome


# -- results ------------------------------------------------------------------------------


class _Taken:
    """Rows within the limits. Raises `QueryFailed` at the first beyond them."""

    def __init__(self, columns: tuple[str, ...], limits: QueryLimits) -> None:
        self._columns, self._most = columns, limits.rows
        self._rows: list[Row] = []
        self._size = 0

    def add(self, part: Sequence[Any]) -> None:
        for values in part:
            row = {name: plain(v) for name, v in zip(self._columns, values, strict=True)}
            self._rows.append(row)
            self._size += sum(len(v) for v in row.values() if isinstance(v, str))
            if len(self._rows) > self._most or self._size > LARGEST:
                raise QueryFailed(RunProblemKind.TOO_MANY)

    @property
    def rows(self) -> Rows:
        return Rows(self._columns, tuple(self._rows))


def plain(value: Any) -> Any:
    """The value as JSON has it; None for one that it can't hold. A time without zone is UTC."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return _of_decimal(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool | None):
        return value
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None


def _of_decimal(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _statement(sql: str, window: Window, text_times: bool = False) -> sa.TextClause:
    bounds = {"since": window.since.astimezone(UTC), "until": window.until.astimezone(UTC)}
    if text_times:
        texts = {name: at.isoformat(" ") for name, at in bounds.items()}
        return sa.text(sql).bindparams(**texts)
    type_ = sa.DateTime(timezone=True)
    return sa.text(sql).bindparams(*(sa.bindparam(n, at, type_) for n, at in bounds.items()))


_TIMEOUTS = ("statement timeout", "canceling statement", "interrupted", "INTERRUPT")


def _failure(error: BaseException) -> QueryFailed:
    own = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = " ".join(str(own).split())
    if any(each in words for each in _TIMEOUTS):
        return QueryFailed(RunProblemKind.TOO_SLOW, words)
    unreachable = isinstance(own, OSError) or _is_connection_error(error)
    kind = RunProblemKind.UNREACHABLE if unreachable else RunProblemKind.REFUSED
    return QueryFailed(kind, words)


def _is_connection_error(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated
