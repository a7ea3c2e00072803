"""What every command does around its own work."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

from activities.ledger.database import Database, LedgerRefused, LedgerUnavailable, migrate
from bot.errors import NotReachable, SettingWrong
from bot.settings import Ledger

T = TypeVar("T")

_fast_loop: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as _fast_loop
except ImportError:  # there is none for Windows
    _fast_loop = None


def run(work: Coroutine[None, None, T]) -> T:
    """Runs a command's coroutine; a ledger out of reach ends it with a sentence.

    On uvloop, where there is one: a worker's processor time for a case is a tenth less.
    """
    try:
        with asyncio.Runner(loop_factory=_fast_loop) as runner:
            return runner.run(work)
    except LedgerRefused as refused:
        raise SettingWrong(f"{refused} Set KOBAN_LEDGER__URL.") from refused
    except LedgerUnavailable as away:
        raise NotReachable(f"{away} Start it or set KOBAN_LEDGER__URL.") from away


@asynccontextmanager
async def open_database(settings: Ledger) -> AsyncIterator[Database]:
    """The ledger as it stands, closed at the end."""
    database = Database(settings.url.get_secret_value())
    try:
        yield database
    finally:
        await database.aclose()


@asynccontextmanager
async def open_ledger(settings: Ledger) -> AsyncIterator[Database]:
    """The migrated ledger, closed at the end. Raises `LedgerUnavailable`."""
    async with open_database(settings) as database:
        await migrate(database)
        yield database


def stop_event() -> asyncio.Event:
    """Set by SIGTERM and SIGINT, so that a process ends when its work is put away."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def unless_stopped(work: Coroutine[None, None, T], stop: asyncio.Event) -> T | None:
    """What `work` returns, or None once `stop` is set: then `work` is cancelled."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return await working
    working.cancel()
    await asyncio.wait([working])
    return None
