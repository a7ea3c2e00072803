"""App Home: what waits for its reader, who is there, how it goes today."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from activities.errors import Unavailable
from activities.slack.text.texts import Catalog
from bot.services.slack import Services
from bot.slack.background import Background
from bot.slack.drawing import Block, section
from bot.slack.home import sections
from bot.slack.home.heard import HeardAppeals, HeardCases
from bot.slack.home.publishing import Publisher
from bot.slack.home.reading import Reading
from bot.slack.home.watching import Watching
from bot.slack.languages import UNHURRIED, Languages
from bot.slack.links import Links
from bot.slack.queue import chosen, waiting_for
from bot.slack.replies import Replies, Said
from bot.slack.rights import holder_words
from bot.slack.slash.brake_desk import halts
from bot.slack.slash.grammar import Which
from bot.slack.slash.pages import help_page
from workflows.domain.people import Role
from workflows.domain.text import Language

PATIENCE = 2.0
"""Seconds for storing a choice; Slack waits for 3."""

_log = structlog.get_logger(__name__)


class Home:
    """The listener of `app_home_opened` and of what is chosen there."""

    def __init__(
        self,
        services: Services,
        languages: Languages,
        replies: Replies,
        links: Links,
        client: AsyncWebClient,
        after: Background,
        now: Callable[[], datetime],
    ) -> None:
        self._services = services
        self._languages = languages
        self._replies = replies
        self._links = links
        self._after = after
        self._now = now
        self._reading = Reading(services, now)
        self._publisher = Publisher(client)
        self._watching = Watching(self._publisher, self._draw, after)

    def hearing(self, services: Services) -> Services:
        """`services` through which homes hear of every press that is stored."""
        stirred = self._watching.stirred
        cases = HeardCases(services.cases, stirred)
        return replace(services, cases=cases, appeals=HeardAppeals(services.appeals, stirred))

    async def opened(self, event: dict[str, Any]) -> None:
        """Draws the home tab anew; Bolt has acknowledged the event already."""
        if event.get("tab") == "home":
            person = str(event["user"])
            self._publisher.seen(person, (event.get("view") or {}).get("hash"))
            self._watching.opened(person)

    async def language_chosen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stores the language that a person chose, and draws their home in it."""
        person = str(body["user"]["id"])
        picked = str((body["actions"][0].get("selected_option") or {}).get("value") or "")
        language = Language(picked) if picked in set(Language) else None
        stored = await self._stored(person, language)
        await ack()
        if not stored:
            self._after.start(self._not_stored(person))
        self._watching.opened(person)

    async def _stored(self, person: str, language: Language | None) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._services.team.choose_language(person, language, self._now())
        except (Unavailable, TimeoutError) as error:
            _log.warning("language_not_stored", person=person, error=str(error))
            return False
        return True

    async def _not_stored(self, person: str) -> None:
        texts = self._services.texts(await self._languages.of(person, UNHURRIED))
        await self._replies.directly(person, Said(text=texts.say("bot.home.language.not_stored")))

    # -- drawing --------------------------------------------------------------------------

    async def _draw(self, person: str) -> list[Block]:
        texts = self._services.texts(await self._languages.of(person, UNHURRIED))
        try:
            return await self._blocks(person, texts)
        except Unavailable as error:
            _log.warning("home_unavailable", person=person, error=str(error))
        except Exception:  # noqa: BLE001 -- whoever looks must not see an old list for ever
            _log.exception("home_failed", person=person)
        return [section(texts.say("bot.home.unavailable"))]

    async def _blocks(self, person: str, texts: Catalog) -> list[Block]:
        roles = await self._services.people.roles(person)
        chosen_language = await self._services.team.language(person)
        rest = [
            *sections.language(chosen_language, texts),
            *help_page(texts, self._services.policies.lookups()).blocks,
        ]
        if not roles:
            leads = await holder_words(self._services.people, (Role.LEAD,), texts)
            return [section(texts.say("bot.slash.no_role", holders=leads)), *rest]
        above = await halts(self._services, self._now(), texts)
        shown = [*await self._cases(person, roles, texts), *await self._team(texts)]
        return [*above, *shown, *rest]

    async def _cases(self, person: str, roles: frozenset[Role], texts: Catalog) -> list[Block]:
        now = self._now()
        covers = await self._services.covers.of(person, now)
        lines, base = await self._reading.queue(), await self._links.base()
        shown = {
            "bot.home.approvals": waiting_for(lines, person, roles, covers),
            "bot.home.mine": chosen(lines, Which.MINE, person, now),
            "bot.home.overdue": chosen(lines, Which.OVERDUE, person, now),
        }
        listed = [sections.cases(key, found, texts, base, now) for key, found in shown.items()]
        return [block for blocks in listed for block in blocks]

    async def _team(self, texts: Catalog) -> list[Block]:
        """Who is there, and how it goes."""
        return [
            *sections.shift(await self._reading.on_call(), texts),
            *sections.today(await self._reading.today(), texts),
        ]
