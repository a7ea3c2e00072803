"""Slack context: the collaborators that every listener, command and modal shares."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.i18n.catalog import Catalog
from bot.services.slack import Services
from bot.slack.interactions import Source
from bot.slack.modals.screen import Screen
from bot.slack.replies import Background, Languages, Links, Replies, Said

TELLING = 0.7
"""Seconds; together with those for storing a click it stays below the 3 s that Slack waits."""

TELLING_LANGUAGE = 0.4
"""Seconds of them for the language: a late sentence is taken for none."""


def utc_now() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SlackContext:
    """Services, Slack's client, and ways to answer; `background` holds the work after acks."""

    services: Services
    client: AsyncWebClient
    background: Background
    languages: Languages
    replies: Replies
    links: Links
    now: Callable[[], datetime] = utc_now


def make_context(
    services: Services,
    client: AsyncWebClient,
    background: Background,
    now: Callable[[], datetime] = utc_now,
) -> SlackContext:
    """The context of one workspace."""
    languages, replies = Languages(services, background), Replies(client)
    return SlackContext(services, client, background, languages, replies, Links(client), now)


class Listener:
    """Base of everything that hears Slack and answers a person."""

    def __init__(self, context: SlackContext) -> None:
        self._services = context.services
        self._client = context.client
        self._after = context.background
        self._languages = context.languages
        self._replies = context.replies
        self._links = context.links
        self._now = context.now
        self._screen = Screen(context.services, context.languages, context.replies, context.client)

    async def _texts(self, person: str, within: float | None = None) -> Catalog:
        """The words of a person's language, after at most `within` seconds."""
        return self._services.texts(await self._languages.of(person, within))


class DirectTexts(Listener):
    """Sentences for one person, in their language."""

    def later(self, source: Source, key: str, **values: str) -> asyncio.Task[bool]:
        """Tells it beside the request."""
        return self._after.start(self._tell(source, key, values))

    async def in_time(self, source: Source, key: str, **values: str) -> bool:
        """Whether the person was told within `TELLING`; what takes longer goes on."""
        try:
            async with asyncio.timeout(TELLING):
                return await asyncio.shield(self.later(source, key, **values))
        except TimeoutError:
            return False

    async def _tell(self, source: Source, key: str, values: dict[str, str]) -> bool:
        texts = await self._texts(source.person, TELLING_LANGUAGE)
        return await self._replies.privately(source, Said(text=texts.say(key, **values)))
