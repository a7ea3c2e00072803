"""Database of the ledger: connections, transactions, migrations, and their errors."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
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
from activities.ledger.schema import metadata


class LedgerError(Exception):
    """Any trouble with the ledger."""


class LedgerUnavailable(LedgerError, Unavailable):
    """The database can't be reached; its address (without password) is in the message."""


class LedgerRefused(LedgerUnavailable):
    """It was found and lets nobody in: its address, user or file has to change first."""


class StoryBroken(LedgerError):
    """What should be written does not continue what stands: writing it would hide a loss."""


T = TypeVar("T")

BUSY_SECONDS = 10
"""How long a writer waits for another process that writes to the same SQLite file."""
_READING = "koban_reading"

# PostgreSQL, appendix A: connection exceptions, too many connections, shut down or starting up.
# 28: the user is unknown or the password wrong; 3D000: there is no such database.
_REFUSED = ("28", "3D000")
_UNUSABLE = ("unable to open database file", "file is not a database", "readonly database")
"""What SQLite says of a file that waiting does not mend."""
_AWAY = ("08", "53300", "57P01", "57P02", "57P03")


class Database:
    """One engine. SQLite has one writer at a time, so ours queue up here instead of failing."""

    def __init__(self, url: str) -> None:
        """`url` as in KOBAN_LEDGER__URL."""
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.shown = parsed.render_as_string(hide_password=True)
        self.engine = _sqlite(url) if self.is_sqlite else _postgresql(url)
        self._writer = asyncio.Lock()
        # A transaction that hops to a thread for each of its statements takes ten times as long,
        # and SQLite has one at a time.
        self._written = _sqlite_of_one_thread(url) if self.is_sqlite else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns, in one transaction; where it raises, nothing was written.

        Whoever stops waiting does not stop it. Raises `LedgerUnavailable`.
        """
        if self._written is None:
            async with self.writing() as connection:
                return await connection.run_sync(work)
        loop = asyncio.get_running_loop()
        async with self._writer:
            with self._told():
                return await loop.run_in_executor(self._thread, _done, self._written, work)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction. Raises `LedgerUnavailable`."""
        if not self.is_sqlite:
            async with self._reached(reading=False) as connection:
                yield connection
            return
        async with self._writer, self._reached(reading=False) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One connection for reading. Raises `LedgerUnavailable`."""
        async with self._reached(reading=True) as connection:
            yield connection

    @asynccontextmanager
    async def _reached(self, reading: bool) -> AsyncIterator[AsyncConnection]:
        with self._told():
            async with self.engine.connect() as connection:
                await connection.execution_options(**{_READING: reading})
                async with connection.begin():
                    yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tells an outage from everything else."""
        try:
            yield
        except (OperationalError, OSError, TimeoutError) as error:
            if _unusable(error):
                raise LedgerRefused(f"The ledger at {self.shown} can't be opened.") from error
            raise LedgerUnavailable(f"The ledger at {self.shown} does not answer.") from error
        except DBAPIError as error:
            if _refused(error) or _unusable(error):
                raise LedgerRefused(f"The ledger at {self.shown} does not let Koban in.") from error
            if not error.connection_invalidated and not _away(error):
                raise
            raise LedgerUnavailable(f"The ledger at {self.shown} went away.") from error

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that knows ON CONFLICT, in the database's own dialect."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def aclose(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()
        await asyncio.to_thread(self._thread.shutdown)
        if self._written is not None:
            self._written.dispose()


def _postgresql(url: str) -> AsyncEngine:
    # What is written is about people: an error must not repeat it.
    return create_async_engine(url, pool_size=10, hide_parameters=True)


def _away(error: DBAPIError) -> bool:
    """Whether the server itself says that it can't be asked now."""
    return _state(error).startswith(_AWAY)


def _refused(error: DBAPIError) -> bool:
    """Whether it answers, and asks for another user, password or name."""
    return _state(error).startswith(_REFUSED)


def _unusable(error: BaseException) -> bool:
    """Whether a file is none that SQLite could ever use."""
    return isinstance(error, DBAPIError) and any(words in str(error.orig) for words in _UNUSABLE)


def _state(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else ""


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    _listen(engine.sync_engine, lambda seconds: await_only(asyncio.sleep(seconds)))
    return engine


def _sqlite_of_one_thread(url: str) -> sa.Engine:
    plain = make_url(url).set(drivername="sqlite")
    engine = sa.create_engine(plain, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    _listen(engine, time.sleep)
    return engine


def _done(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _listen(engine: sa.Engine, pause: Callable[[float], Any]) -> None:
    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late to be serialised: we begin them below.
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_SECONDS}000", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        _write_ahead(connection, pause)

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get(_READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _write_ahead(connection: Any, pause: Callable[[float], Any]) -> None:
    """Turns a new file to WAL. Whoever turns it locks the others out, and SQLite does not wait.

    https://www.sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode
    """
    for _ in range(BUSY_SECONDS * 20):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            pause(0.05)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


# Any fixed number will do: it names Koban's migrations among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6261
_SCRIPTS = Path(__file__).parent / "migrations"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(_SCRIPTS))
    made.set_main_option("path_separator", "os")
    return made


async def migrate(database: Database) -> None:
    """Upgrades to the newest revision. Raises `LedgerUnavailable`."""
    async with database.writing() as connection:
        if not database.is_sqlite:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> None:
    script = ScriptDirectory.from_config(config())

    def newest(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config(), script, fn=newest) as environment:
        environment.configure(connection=connection, target_metadata=metadata)
        environment.run_migrations()
