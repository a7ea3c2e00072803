"""Ledger of a process: migrations at startup, and heads of the audit log while it works."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import sqlalchemy as sa
import structlog

from activities.ledger.audit_log import Head
from activities.ledger.database import (
    Database,
    LedgerGone,
    LedgerRefused,
    LedgerUnavailable,
    migrate,
)
from activities.ledger.rows import iso
from activities.ledger.schema import audit
from activities.signatures import Signer
from bot.errors import SettingWrong
from bot.settings import Temporal
from bot.tasks import LONGEST_PAUSE, in_background, until_connected

log = structlog.get_logger()

SEAL_EVERY = 5.0
"""Seconds between two heads: rows of `koban serve` are not signed for that long."""
ANCHOR_EVERY = 60.0
"""Seconds between two heads in the log, which is a place outside the database."""


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


async def seal_heads(database: Database) -> None:
    """Seals the entries of the audit log every few seconds, without end."""
    logged = -ANCHOR_EVERY
    while True:
        try:
            head = await seal_all(database)
        except LedgerUnavailable as error:
            log.warning("audit_not_sealed", problem=str(error))
        except Exception:  # the next attempt may succeed; without heads `verify` finds a fault
            log.exception("audit_not_sealed")
        else:
            now = asyncio.get_running_loop().time()
            if head is not None and now - logged >= ANCHOR_EVERY:
                logged = now
                log.info("audit_head", **anchor_of(database, head))
        await asyncio.sleep(SEAL_EVERY)


async def seal_all(database: Database) -> Head | None:
    """Makes heads over all entries that have none; the last one. Raises `LedgerUnavailable`."""
    made = None
    waiting = sa.select(audit.c.id).where(audit.c.head.is_(None)).limit(1)
    while await database.scalar(waiting) is not None:
        head = await database.write(database.audit.seal)
        if head is None:
            break  # another worker makes it
        database.audit.keep(head)
        made = head
    return made


def anchor_of(database: Database, head: Head) -> dict[str, Any]:
    """The line of a head for a place outside the database, signed with the first key."""
    return {
        "number": head.number,
        "at": iso(head.at),
        "hash": head.hash,
        "signature": database.audit.sign_head(head),
    }


def _start_it(error: LedgerUnavailable) -> str:
    if isinstance(error, LedgerGone):
        return str(error)
    return f"{error} Start it or set KOBAN_LEDGER__URL."


def signer_of(settings: Temporal) -> Signer:
    """The signer of decisions, snapshots and policies, without keys if there are none."""
    return Signer([(key.id, key.secret) for key in settings.signers])
