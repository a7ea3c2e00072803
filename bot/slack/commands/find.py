"""Command `find`: cases by what stands in them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from activities.errors import Unavailable
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import CaseLine
from bot.slack.commands.parser import Find
from bot.slack.commands.request import PAGE, Asked, turning, write_down
from bot.slack.context import Listener
from bot.slack.rendering import case_line, safe, section
from bot.slack.replies import Said

TURNS = "find.page"
SECONDS = 15.0
"""How long a search may take; a response_url would serve 30 minutes, its person does not."""
MOST = 200
"""As far as pages go (`activities.ledger.search`)."""


class FindAnswer(Listener):
    """Searches, page by page."""

    async def answer(self, line: Find, asked: Asked) -> Said:
        """One page of what is found. Raises `Unavailable`."""
        await write_down(self._services, asked, "find", line.text)
        first = min(line.first, MOST)
        try:
            async with asyncio.timeout(SECONDS):
                found = await self._services.finding.cases(line.text, first, PAGE + 1)
        except TimeoutError as error:
            raise Unavailable("The search took too long.") from error
        return found_page(found, line, asked.texts, await self._links.base(), asked.now)


def found_page(
    found: Sequence[CaseLine], line: Find, texts: Catalog, base: str | None, now: datetime
) -> Said:
    """At most a page of `found`; one more of them only tells that there is another page."""
    words = safe(line.text, 100)
    if not found:
        key = "bot.find.none" if line.first == 0 else "bot.find.no_more"
        return Said(text=texts.say(key, text=words), blocks=(section(texts.say(key, text=words)),))
    shown = found[:PAGE]
    rows = [section(case_line(each, texts, base, now)) for each in shown]
    more = len(found) > PAGE and line.first + PAGE < MOST
    last = line.first + len(shown)
    title = texts.say("bot.find.title", text=words, first=line.first + 1, last=last)
    if line.first == 0 and not more:
        title = texts.say("bot.find.all", text=words, count=len(shown))
    turns = turning(TURNS, line.text, line.first, more, texts)
    return Said(text=title, blocks=(section(f"*{title}*"), *rows, *turns))
