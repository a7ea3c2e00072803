"""Languages that people chose, without asking the ledger for every word."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from activities.cache import Away, Cache
from activities.ledger.database import LedgerError
from activities.ledger.team import Preferences
from workflows.domain.values import Language

LASTS = 10.0
"""Seconds; a choice counts at once in the process that heard it, and here after that."""
PATIENCE = 0.2
"""Seconds that a slow ledger is waited for, where the person's last known language counts."""
FIRST = 1.0
"""The same where nothing is known: a later answer is better than one in the wrong language."""
FAILURES = (LedgerError, DBAPIError)
"""While a ledger comes back, its tables may not be there yet."""


class Preferred:
    """A cache over the ledger. While that is away or slow, what was known counts."""

    def __init__(
        self, preferences: Preferences, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._preferences = preferences
        lasts = timedelta(seconds=LASTS)
        self._kept = Cache("preferences", self._ask, lasts, FAILURES, clock=clock)

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack. Never raises."""
        try:
            return await self._kept.get(person, patience=PATIENCE, first=FIRST)
        except Away:
            return None

    async def choose(self, person: str, language: Language | None, at: datetime) -> None:
        """From now on the person reads `language`. Raises `LedgerUnavailable`."""
        await self._preferences.choose_language(person, language, at)
        self._kept.put(person, language)

    async def _ask(self, person: str) -> Language | None:
        return await self._preferences.language(person)
