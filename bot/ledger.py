"""Ledger at startup: migrations, retried until the database can be reached."""

import asyncio
from contextlib import AsyncExitStack

import sqlalchemy as sa
import structlog

from activities.ledger.database import (
    Database,
    LedgerGone,
    LedgerRefused,
    LedgerUnavailable,
    migrate,
)
from activities.signatures import Signer
from bot.errors import SettingWrong
from bot.settings import Temporal
from bot.tasks import LONGEST_PAUSE, in_background, until_connected

log = structlog.get_logger()


async def ledger_problem(database: Database) -> str | None:
    """Returns None when the ledger answers, else a sentence about what to do."""
    try:
        async with database.reading() as connection:
            await connection.execute(sa.select(1))
    except LedgerUnavailable as error:
        return _start_it(error)
    return None


async def wait_for_ledger(database: Database) -> None:
    """Migrates the ledger once it can be reached. Raises `SettingWrong` if it refuses us."""
    await until_connected(lambda: _migrate(database), LedgerUnavailable, "ledger", database.shown)


class LedgerStartup:
    """Migration of a ledger in the background of a process that already serves requests."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._problem: str | None = None

    async def begin(self, opened: AsyncExitStack) -> None:
        """Migrates now, or in the background until `opened` is closed. Raises `SettingWrong`."""
        try:
            await _migrate(self._database)
        except LedgerUnavailable as error:
            self._problem = _start_it(error)
            await opened.enter_async_context(in_background(self._wait()))

    async def check(self) -> str | None:
        """Returns None when the ledger answers and is migrated, else what to do; for `/readyz`."""
        return self._problem or await ledger_problem(self._database)

    async def _wait(self) -> None:
        while self._problem is not None:
            try:
                await wait_for_ledger(self._database)
            except SettingWrong as error:
                # The process already serves: the operator reads in /readyz why it is not ready.
                self._problem = str(error)
                log.error("ledger_refused", problem=self._problem)
                await asyncio.sleep(LONGEST_PAUSE)
            else:
                self._problem = None


async def _migrate(database: Database) -> None:
    try:
        await migrate(database)
    except LedgerRefused as error:
        raise SettingWrong(f"{error} Set KOBAN_LEDGER__URL.") from error


def _start_it(error: LedgerUnavailable) -> str:
    if isinstance(error, LedgerGone):
        return str(error)
    return f"{error} Start it or set KOBAN_LEDGER__URL."


def signer_of(settings: Temporal) -> Signer:
    """The signer of decisions, snapshots and policies, without keys if there are none."""
    return Signer([(key.id, key.secret) for key in settings.signers])
