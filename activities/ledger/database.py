"""Database of the ledger: connections, transactions, upserts, migrations and errors."""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from activities.errors import Unavailable
from activities.ledger.audit_log import AuditLog
from activities.ledger.schema import metadata
from activities.signatures import Signer


class LedgerError(Exception):
    """Base of the ledger's errors."""


class LedgerUnavailable(LedgerError, Unavailable):
    """The database can't be reached; the message has its address without the password."""


class LedgerGone(LedgerUnavailable):
    """The file of the ledger was removed or never made: a new one would hide a loss."""


class LedgerRefused(LedgerUnavailable):
    """The database refuses the login, or its file is unusable: the settings have to change."""


class ChainBroken(LedgerError):
    """An event is missing or different in the log: appending to it would hide a loss."""


T = TypeVar("T")

Row = sa.RowMapping
"""A row by its column names, as in `activities.ledger.schema`."""

BUSY_SECONDS = 10
"""Wait of a writer for another process that writes to the same SQLite file."""
MIGRATION_SECONDS = 120
"""Wait for another process that migrates the same SQLite file: it holds it from start to end."""
_READING = "koban_reading"
_WAITS = "koban_waits"

# SQLSTATE classes of PostgreSQL, appendix A. 28: unknown user or wrong password; 3D000: no such
# database.
_REFUSED = ("28", "3D000")
# Connection exceptions, too many connections, shutting down or starting up.
_UNAVAILABLE = ("08", "53300", "57P01", "57P02", "57P03")
_UNUSABLE = ("unable to open database file", "file is not a database", "readonly database")
"""SQLite's errors about a file that a retry does not fix."""


class Database:
    """One engine. SQLite allows one writer at a time, so writers queue here instead of failing."""

    def __init__(
        self, url: str, signer: Signer | None = None, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        """`url` as in KOBAN_LEDGER__URL; the audit log is signed where there is a signer."""
        self.audit = AuditLog(signer or Signer())
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.shown = parsed.render_as_string(hide_password=True)
        # Parameters are personal data: an error must not repeat them.
        self.engine = (
            _sqlite(url, busy_seconds)
            if self.is_sqlite
            else create_async_engine(url, pool_size=10, hide_parameters=True)
        )
        self._writer = asyncio.Lock()
        # The asynchronous driver hops to a thread for each statement, which takes ten times as
        # long, and SQLite allows one transaction at a time.
        self._one_thread = _sqlite_of_one_thread(url, busy_seconds) if self.is_sqlite else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        file = parsed.database if self.is_sqlite else None
        self._file = None if file in (None, "", ":memory:") else Path(str(file))
        self._opened: tuple[int, int] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether its file does not exist."""
        return self._file is not None and not self._file.exists()

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """One transaction, to its end even if it is cancelled. Raises `LedgerUnavailable`."""
        if self._one_thread is None:
            async with self.writing() as connection:
                return await connection.run_sync(work)
        loop = asyncio.get_running_loop()
        async with self._writer:
            await self._check_file()
            with self._errors():
                return await loop.run_in_executor(
                    self._thread, _in_transaction, self._one_thread, work
                )

    @asynccontextmanager
    async def writing(
        self, creates: bool = False, waits: float | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """One transaction; `creates` a missing file. Raises `LedgerUnavailable`.

        `waits` seconds for another writer of the same SQLite file, instead of `busy_seconds`.
        """
        writer = self._writer if self.is_sqlite else nullcontext()
        options = {_READING: False, _WAITS: waits}
        async with writer, self._connected(options, creates) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One connection for reading. Raises `LedgerUnavailable`."""
        async with self._connected({_READING: True}) as connection:
            yield connection

    async def rows(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Row]:
        """The rows of a query. Raises `LedgerUnavailable`."""
        async with self.reading() as connection:
            rows: Sequence[Row] = (await connection.execute(query)).mappings().all()
            return rows

    async def scalar(self, query: sa.Select[Any]) -> Any:
        """The first column of a query's first row, or None. Raises `LedgerUnavailable`."""
        async with self.reading() as connection:
            return await connection.scalar(query)

    async def has_tables(self) -> bool:
        """Whether it has the tables of a ledger. Raises `LedgerUnavailable`."""
        async with self.reading() as connection:
            there = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
        return set(there) >= set(metadata.tables)

    async def execute(self, statement: Any, values: Any = None) -> None:
        """Runs one statement in a transaction. Raises `LedgerUnavailable`."""
        async with self.writing() as connection:
            await connection.execute(statement, values)

    async def serialize(self, connection: AsyncConnection, lock: int, person: str = "") -> None:
        """Holds an advisory lock, `person`'s own where given, until the transaction ends.

        Without it two transactions that don't see each other could both stay below a limit.
        SQLite's writers are serial anyway.
        """
        await connection.run_sync(self.lock, lock, person)

    def lock(self, connection: sa.Connection, lock: int, person: str = "") -> None:
        """The same as `serialize`, for a function that `write` runs."""
        if not self.is_sqlite:
            keys = [zlib.crc32(person.encode()) - 2**31] if person else []  # 32 bits, signed
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock, *keys)))

    @asynccontextmanager
    async def _connected(
        self, options: dict[str, Any], creates: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        if not creates:
            await self._check_file()
        with self._errors():
            async with self.engine.connect() as connection:
                await connection.execution_options(**options)
                async with connection.begin():
                    yield connection
        self._opened = self._opened or self._identity()

    def _identity(self) -> tuple[int, int] | None:
        """Device and inode of the file; None without a file."""
        try:
            found = self._file.stat() if self._file is not None else None
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found is not None else None

    async def _check_file(self) -> None:
        """Reconnects to a file that was replaced. Raises `LedgerGone` for one that was removed.

        SQLite would make a new one, or write to the removed one while the process runs.
        """
        if self._file is None:
            return
        now = self._identity()
        if now is None and self._file.parent.is_dir():
            raise LedgerGone(
                f"The file of the ledger at {self.shown} is missing: koban work makes it at its "
                "first start; later restore it from a backup, or run koban doctor --fix."
            )
        if self._opened not in (None, now):
            await self.engine.dispose()
            if self._one_thread is not None:
                await asyncio.to_thread(self._one_thread.dispose)
        self._opened = now

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Converts the driver's errors about an outage."""
        try:
            yield
        except (OperationalError, OSError, TimeoutError) as error:
            if _unusable(error):
                raise LedgerRefused(f"The ledger at {self.shown} can't be opened.") from error
            raise LedgerUnavailable(f"The ledger at {self.shown} does not answer.") from error
        except DBAPIError as error:
            if _state(error).startswith(_REFUSED) or _unusable(error):
                raise LedgerRefused(f"The ledger at {self.shown} does not let Koban in.") from error
            if not error.connection_invalidated and not _state(error).startswith(_UNAVAILABLE):
                raise
            raise LedgerUnavailable(f"The ledger at {self.shown} went away.") from error

    def insert(self, table: sa.Table) -> Any:
        """An INSERT with ON CONFLICT, in the database's dialect."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def upsert(
        self,
        table: sa.Table,
        columns: Iterable[str],
        where: Callable[[Any], Any] | None = None,
    ) -> Any:
        """An INSERT that updates the row of the same key; `where` limits that by new values."""
        insert = self.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: insert.excluded[name] for name in columns if name not in keys}
        allowed = where(insert.excluded) if where is not None else None
        return insert.on_conflict_do_update(index_elements=keys, set_=changed, where=allowed)

    async def aclose(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()
        await asyncio.to_thread(self._thread.shutdown)
        if self._one_thread is not None:
            self._one_thread.dispose()


class Repository:
    """Base of everything that queries the ledger; every method raises `LedgerUnavailable`."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database


def sqlite_file(url: str) -> Path | None:
    """The file of a ledger in SQLite; None for another database."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _unusable(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and any(words in str(error.orig) for words in _UNUSABLE)


def _state(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else ""


def _sqlite(url: str, busy_seconds: float) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True)
    _listen(engine.sync_engine, busy_seconds, lambda pause: await_only(asyncio.sleep(pause)))
    return engine


def _sqlite_of_one_thread(url: str, busy_seconds: float) -> sa.Engine:
    engine = sa.create_engine(make_url(url).set(drivername="sqlite"), hide_parameters=True)
    _listen(engine, busy_seconds, time.sleep)
    return engine


def _in_transaction(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _listen(engine: sa.Engine, busy_seconds: float, pause: Callable[[float], Any]) -> None:
    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver begins transactions too late for serialization: they are begun below.
        connection.isolation_level = None
        for pragma in (_busy_timeout(busy_seconds), "PRAGMA synchronous=FULL"):
            _execute(connection, pragma)
        _write_ahead(connection, pause)

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        waits = options.get(_WAITS)
        if waits is not None:
            connection.exec_driver_sql(_busy_timeout(waits)).close()
        connection.exec_driver_sql("BEGIN" if options.get(_READING) else "BEGIN IMMEDIATE")
        if waits is not None:
            connection.exec_driver_sql(_busy_timeout(busy_seconds)).close()


def _execute(connection: Any, statement: str) -> None:
    """Executes a statement and closes its cursor, also after an error.

    Garbage collection of an open cursor waits until its connection is free. In the event loop's
    thread it blocks everything while the connection waits for another process.
    """
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()


def _busy_timeout(seconds: float) -> str:
    return f"PRAGMA busy_timeout={round(seconds * 1000)}"


def _write_ahead(connection: Any, pause: Callable[[float], Any]) -> None:
    """Switches a new file to WAL mode, which locks other connections out without a busy wait.

    https://www.sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode
    """
    for _ in range(BUSY_SECONDS * 20):
        try:
            _execute(connection, "PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            pause(0.05)
        else:
            return
    _execute(connection, "PRAGMA journal_mode=WAL")


# Key of the migrations among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6261
_SCRIPTS = Path(__file__).parent / "migrations"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(_SCRIPTS))
    made.set_main_option("path_separator", "os")
    return made


async def migrate(database: Database, creates: bool = True) -> None:
    """Upgrades to the newest revision; `creates` a missing file. Raises `LedgerUnavailable`."""
    async with database.writing(creates, MIGRATION_SECONDS) as connection:
        await database.serialize(connection, _LOCK)
        await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> None:
    script = ScriptDirectory.from_config(config())

    def newest(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config(), script, fn=newest) as environment:
        environment.configure(connection=connection, target_metadata=metadata)
        environment.run_migrations()
