"""Languages of people, without ever waiting long for one."""

import asyncio
from collections import OrderedDict

import structlog

from activities.errors import Unavailable
from bot.services.slack import Services
from bot.slack.replies import Background
from workflows.domain.values import Language

PATIENCE = 0.4
"""Seconds; a modal has to be open 3 s after its button was pressed."""
FIRST = 1.0
"""The same for a person who was never answered: the wrong words are worse than a later modal."""
UNHURRIED = 2.0
"""Seconds where Slack has its answer already: then the right language is worth a moment."""
MOST = 2_000


_log = structlog.get_logger(__name__)


class Languages:
    """Asks who the person is; where that takes too long, the person's last language counts.

    The deployment's language is for people who were never answered before.
    """

    def __init__(self, services: Services, background: Background) -> None:
        self._services = services
        self._background = background
        self._last: OrderedDict[str, Language] = OrderedDict()

    async def of(self, person: str, within: float | None = None) -> Language:
        """The language of `person`, after at most `within` seconds."""
        if within is None:
            within = PATIENCE if person in self._last else FIRST
        # Shielded, so that a slow answer still counts for the next time.
        asking = self._background.start(self._ask(person))
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(asking)
        except TimeoutError:
            return self._known(person)

    async def _ask(self, person: str) -> Language:
        try:
            language = await self._services.people.language(person)
        except Unavailable as error:
            _log.warning("language_unknown", person=person, error=str(error))
            return self._known(person)
        self._keep(person, language)
        return language

    def _known(self, person: str) -> Language:
        return self._last.get(person, self._services.language)

    def _keep(self, person: str, language: Language) -> None:
        self._last[person] = language
        self._last.move_to_end(person)
        while len(self._last) > MOST:
            self._last.popitem(last=False)
