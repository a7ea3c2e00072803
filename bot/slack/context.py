"""Slack context: the collaborators of every listener, command and modal."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.i18n.catalog import Catalog
from bot.services.slack import Services
from bot.slack.interactions import Source
from bot.slack.modals.screen import Screen
from bot.slack.replies import Background, Languages, Links, Replies, Said, store
from workflows.domain.case.commands import Click

ERROR_LANGUAGE = 0.4
"""Seconds of `Timeouts.error` for the person's language."""


def utc_now() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SlackContext:
    """Services, Slack's client, and ways to answer.

    `background` holds the work after acks; `on_stored` is called after a command was stored.
    """

    services: Services
    client: AsyncWebClient
    background: Background
    languages: Languages
    replies: Replies
    links: Links
    now: Callable[[], datetime] = utc_now
    on_stored: Callable[[], None] = lambda: None


def make_context(
    services: Services,
    client: AsyncWebClient,
    background: Background,
    now: Callable[[], datetime] = utc_now,
) -> SlackContext:
    """The context of one workspace."""
    languages, replies = Languages(services, background), Replies(client)
    links = Links(client, services.timeouts.workspace)
    return SlackContext(services, client, background, languages, replies, links, now)


class Listener:
    """Base of everything that answers a person in Slack."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._services = context.services
        self._client = context.client
        self._after = context.background
        self._languages = context.languages
        self._replies = context.replies
        self._links = context.links
        self._now = context.now
        self._on_stored = context.on_stored
        self._screen = Screen(context.services, context.languages, context.replies, context.client)

    async def _texts(self, person: str, within: float | None = None) -> Catalog:
        """The catalog of a person's language, after at most `within` seconds."""
        return self._services.texts(await self._languages.of(person, within))

    async def _store(self, workflow_id: str, click: Click) -> bool:
        """Whether the case has the click durably; False if it is out of reach."""
        stored = await store(
            self._services.cases, workflow_id, click, self._services.timeouts.store
        )
        if stored:
            self._on_stored()
        return stored


class DirectTexts(Listener):
    """Sentences for one person, in their language."""

    def later(self, source: Source, key: str, **values: str) -> asyncio.Task[bool]:
        """Sends it in the background."""
        return self._after.start(self._send(source, key, values))

    async def in_time(self, source: Source, key: str, **values: str) -> bool:
        """Whether it was sent within `Timeouts.error`; a slower one continues in the background."""
        try:
            async with asyncio.timeout(self._services.timeouts.error):
                return await asyncio.shield(self.later(source, key, **values))
        except TimeoutError:
            return False

    async def _send(self, source: Source, key: str, values: dict[str, str]) -> bool:
        texts = await self._texts(source.person, ERROR_LANGUAGE)
        return await self._replies.privately(source, Said(text=texts.say(key, **values)))
