"""In which language a person is answered, without ever being waited for long."""

import asyncio

import structlog

from bot.slack.background import Background
from bot.slack.doors import Doors, Unavailable
from workflows.domain.text import Language

PATIENCE = 0.4
"""Seconds; a modal has to be open 3 s after its button was pressed."""

_log = structlog.get_logger(__name__)


class Languages:
    """Asks the people's door, and takes the deployment's language where that takes too long."""

    def __init__(self, doors: Doors, background: Background) -> None:
        self._doors = doors
        self._background = background

    async def of(self, person: str) -> Language:
        """The language of `person`, within `PATIENCE`."""
        # Shielded, so that a slow answer still fills the cache for the next time.
        asking = self._background.start(self._ask(person))
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(asking)
        except TimeoutError:
            return self._doors.language

    async def _ask(self, person: str) -> Language:
        try:
            return await self._doors.people.language(person)
        except Unavailable as error:
            _log.warning("language_unknown", person=person, error=str(error))
            return self._doors.language
