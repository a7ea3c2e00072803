"""App Home: what waits for its reader."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.text.texts import Catalog
from bot.slack.background import Background
from bot.slack.doors import CaseLine, Doors, Unavailable
from bot.slack.drawing import Block, case_line, section
from bot.slack.languages import Languages
from bot.slack.links import Links
from bot.slack.queue import chosen, waiting_for
from bot.slack.rights import holder_words
from bot.slack.slash.grammar import Which
from bot.slack.slash.pages import help_page
from workflows.domain.people import Role

MOST_LINES = 10
"""Of each list; a home holds 100 blocks (docs.slack.dev, views)."""

_log = structlog.get_logger(__name__)


class Home:
    """The listener of `app_home_opened`."""

    def __init__(
        self,
        doors: Doors,
        languages: Languages,
        links: Links,
        client: AsyncWebClient,
        after: Background,
        now: Callable[[], datetime],
    ) -> None:
        self._doors = doors
        self._languages = languages
        self._links = links
        self._client = client
        self._after = after
        self._now = now

    async def opened(self, event: dict[str, Any]) -> None:
        """Draws the home tab anew; Bolt has acknowledged the event already."""
        if event.get("tab") == "home":
            self._after.start(self._publish(str(event["user"])))

    async def _publish(self, person: str) -> None:
        texts = self._doors.texts(await self._languages.of(person))
        try:
            blocks = await self._blocks(person, texts)
        except Unavailable as error:
            _log.warning("home_unavailable", person=person, error=str(error))
            blocks = [section(texts.say("bot.home.unavailable"))]
        try:
            await self._client.views_publish(
                user_id=person, view={"type": "home", "blocks": blocks}
            )
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            # The next opening draws it again.
            _log.warning("home_not_published", person=person, error=str(error))

    async def _blocks(self, person: str, texts: Catalog) -> list[Block]:
        roles = await self._doors.people.roles(person)
        help_ = help_page(texts, self._doors.policies.lookups()).blocks
        if not roles:
            leads = await holder_words(self._doors.people, (Role.LEAD,), texts)
            return [section(texts.say("bot.slash.no_role", holders=leads)), *help_]
        now = self._now()
        covers = await self._doors.covers.of(person, now)
        lines, base = await self._doors.ledger.queue(), await self._links.base()
        shown = {
            "bot.home.approvals": waiting_for(lines, person, roles, covers),
            "bot.home.mine": chosen(lines, Which.MINE, person, now),
            "bot.home.overdue": chosen(lines, Which.OVERDUE, person, now),
        }
        listed = [_list(key, found, texts, base, now) for key, found in shown.items()]
        return [*(block for blocks in listed for block in blocks), *help_]


def _list(
    key: str, lines: Sequence[CaseLine], texts: Catalog, base: str | None, now: datetime
) -> list[Block]:
    title = texts.say(key)
    header = {"type": "header", "text": {"type": "plain_text", "text": f"{title} ({len(lines)})"}}
    rows = [section(case_line(line, texts, base, now)) for line in lines[:MOST_LINES]]
    more = len(lines) - MOST_LINES
    if more > 0:
        rows.append(section(texts.say("bot.queue.more", count=more)))
    return [header, *(rows or [section(texts.say("bot.home.nothing"))]), {"type": "divider"}]
