"""The language that each person chose, without asking the ledger for every word."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError

from activities.ledger.errors import LedgerError
from activities.ledger.preferences import Preferences
from workflows.domain.text import Language

LASTS = 10.0
"""Seconds; a choice counts at once in the process that heard it, and here after that."""
MOST = 2_000
PATIENCE = 0.2
"""Seconds; a modal or an answer is not held up by a ledger that hangs (`bot.slack.languages`)."""

log = structlog.get_logger()


class Preferred:
    """A cache over the ledger. While that is away, what was known counts."""

    def __init__(
        self, preferences: Preferences, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._preferences = preferences
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Language | None]] = OrderedDict()

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack. Never raises."""
        at, known = self._kept.get(person, (float("-inf"), None))
        if self._clock() - at < LASTS:
            return known
        try:
            async with asyncio.timeout(PATIENCE):
                known = await self._preferences.language(person)
        except (LedgerError, DBAPIError, TimeoutError) as away:
            # While a ledger comes back, its tables may not be there yet.
            log.warning("preference_unknown", error=type(away).__name__)
        self._keep(person, known)
        return known

    async def choose(self, person: str, language: Language | None, at: datetime) -> None:
        """From now on the person reads `language`. Raises `LedgerUnavailable`."""
        await self._preferences.choose_language(person, language, at)
        self._keep(person, language)

    def _keep(self, person: str, language: Language | None) -> None:
        self._kept[person] = (self._clock(), language)
        self._kept.move_to_end(person)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
