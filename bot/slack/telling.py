"""Telling a person what did not happen, as far as possible before Slack is answered."""

import asyncio

from bot.services.slack import Services
from bot.slack.background import Background
from bot.slack.languages import Languages
from bot.slack.press import Source
from bot.slack.replies import Replies, Said

PATIENCE = 0.7
"""Seconds; together with those for storing a click it stays below the 3 s that Slack waits."""

LANGUAGE = 0.4
"""Seconds of them for the language: a late sentence is taken for none."""


class NotTaken(Exception):
    """A press had no effect and its person could not be told: Slack has to say so itself."""


class Telling:
    """Sentences for one person, in their language."""

    def __init__(
        self, services: Services, languages: Languages, replies: Replies, after: Background
    ) -> None:
        self._services = services
        self._languages = languages
        self._replies = replies
        self._after = after

    def later(self, source: Source, key: str, **values: str) -> asyncio.Task[bool]:
        """Tells it beside the request."""
        return self._after.start(self._tell(source, key, values))

    async def in_time(self, source: Source, key: str, **values: str) -> bool:
        """Whether the person was told within `PATIENCE`; what takes longer goes on."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(self.later(source, key, **values))
        except TimeoutError:
            return False

    async def _tell(self, source: Source, key: str, values: dict[str, str]) -> bool:
        texts = self._services.texts(await self._languages.of(source.person, LANGUAGE))
        return await self._replies.privately(source, Said(text=texts.say(key, **values)))
