"""How a process gets to its ledger: one that is away is waited for, as Temporal is."""

import asyncio
from contextlib import AsyncExitStack

import structlog

from activities.ledger.database import Database, LedgerRefused, LedgerUnavailable, migrate
from bot.errors import SettingWrong

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two tries to reach it: doubled up to the longest."""

log = structlog.get_logger()


async def wait_for_ledger(database: Database) -> None:
    """Brings the ledger to its newest shape, as soon as it is there; says that it is away, once.

    Raises:
        SettingWrong: where it was found and can't be used: waiting would not mend that.
    """
    pause, told = FIRST_PAUSE, False
    while True:
        try:
            await migrate(database)
        except LedgerRefused as refused:
            raise SettingWrong(f"{refused} Set KOBAN_LEDGER__URL.") from refused
        except LedgerUnavailable:
            if not told:
                log.warning("ledger_away", ledger=database.shown, again_in=pause)
            told = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            if told:
                log.info("ledger_back", ledger=database.shown)
            return


class LedgerStart:
    """A ledger that a process listens without, until it is there. `problem` is for `/readyz`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.problem: str | None = None

    async def begin(self, opened: AsyncExitStack) -> None:
        """Tries once, and goes on beside the process where the ledger is away.

        Raises:
            SettingWrong: where it can't be used at all.
        """
        try:
            await migrate(self._database)
        except LedgerRefused as refused:
            raise SettingWrong(f"{refused} Set KOBAN_LEDGER__URL.") from refused
        except LedgerUnavailable as away:
            self.problem = f"{away} Start it or set KOBAN_LEDGER__URL."
            waiting = asyncio.create_task(self._wait())
            opened.push_async_callback(_end, waiting)

    async def _wait(self) -> None:
        while self.problem is not None:
            try:
                await wait_for_ledger(self._database)
            except SettingWrong as wrong:
                # The process serves already: whoever can mend it reads why it is not ready.
                self.problem = str(wrong)
                log.error("ledger_refused", problem=str(wrong))
                await asyncio.sleep(LONGEST_PAUSE)
            else:
                self.problem = None


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
