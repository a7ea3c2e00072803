"""The language that each person chose, without asking the ledger for every word."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError

from activities.ledger.database import LedgerError
from activities.ledger.team import Preferences
from workflows.domain.text import Language

LASTS = 10.0
"""Seconds; a choice counts at once in the process that heard it, and here after that."""
AGAIN = 1.0
"""Seconds in which a ledger that failed is not asked again."""
MOST = 2_000
PATIENCE = 0.2
"""Seconds that a slow ledger is waited for, where the person's last known language counts."""
FIRST = 1.0
"""The same where nothing is known: a later answer is better than one in the wrong language."""
ASKING = 5.0
"""Seconds until a question counts as failed."""

log = structlog.get_logger()


@dataclass
class _Kept:
    language: Language | None = None
    known: bool = False
    due: float = float("-inf")


class Preferred:
    """A cache over the ledger. While that is away or slow, what was known counts."""

    def __init__(
        self, preferences: Preferences, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._preferences = preferences
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack. Never raises."""
        kept = self._entry(person)
        if self._clock() >= kept.due:
            # Not cancelled with whoever waits: a late answer counts for the next message.
            await asyncio.wait([self._question(person)], timeout=PATIENCE if kept.known else FIRST)
        return self._entry(person).language

    async def choose(self, person: str, language: Language | None, at: datetime) -> None:
        """From now on the person reads `language`. Raises `LedgerUnavailable`."""
        await self._preferences.choose_language(person, language, at)
        self._keep(person, language)

    def _question(self, person: str) -> asyncio.Task[None]:
        asking = self._asking.get(person)
        if asking is None:
            asking = self._asking[person] = asyncio.create_task(self._ask(person))
            asking.add_done_callback(lambda _: self._asking.pop(person, None))
        return asking

    async def _ask(self, person: str) -> None:
        before = self._entry(person)
        try:
            async with asyncio.timeout(ASKING):
                chosen = await self._preferences.language(person)
        except (LedgerError, DBAPIError, TimeoutError) as away:
            # While a ledger comes back, its tables may not be there yet.
            log.warning("preference_unknown", error=type(away).__name__)
            before.due = self._clock() + AGAIN
        else:
            if self._kept.get(person) is before:  # not chosen in the meantime
                self._keep(person, chosen)

    def _keep(self, person: str, language: Language | None) -> None:
        self._kept[person] = _Kept(language, known=True, due=self._clock() + LASTS)
        self._kept.move_to_end(person)

    def _entry(self, person: str) -> _Kept:
        kept = self._kept.setdefault(person, _Kept())
        self._kept.move_to_end(person)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return kept
