"""Command `find`: full-text search over cases."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from activities.errors import Unavailable
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import CaseLine
from bot.slack.commands.base import Answer, Request
from bot.slack.commands.parser import Incomplete, Lookups, Verb, case_begun
from bot.slack.rendering import case_line, page_buttons, safe, section
from bot.slack.replies import Said
from workflows.domain.values import Value

FORM = "find LINE ID"
PAGER = "find"
PAGE = 10
MOST_FOUND = 200
"""Characters of the text."""
LEAST_FOUND = 2
SECONDS = 15.0
"""Seconds of a search; a response_url would work for 30 minutes."""
MOST = 200
"""Cases that can be paged through (`activities.ledger.search`)."""


class Find(Value):
    """`find TEXT`, from the `first` case on."""

    text: str
    first: int = 0


def _find(rest: str, lookups: Lookups) -> Value:
    text = rest.strip()[:MOST_FOUND].strip()
    if len(text) < LEAST_FOUND:
        return Incomplete(form=FORM, wants_words=True)
    return Find(text=text)


class FindAnswer(Answer):
    """The answer to `find`."""

    verbs = (Verb("find", _find, ((FORM, "find"),), "検索"),)
    lines = (Find,)

    async def answer(self, line: Find, request: Request) -> Said:
        """One page of results. Raises `Unavailable`."""
        await self._looked_up(request, "find", line.text)
        first = min(line.first, MOST)
        try:
            async with asyncio.timeout(SECONDS):
                prefix = case_begun(line.text)
                found = await self._services.finding.cases(line.text, prefix, first, PAGE + 1)
        except TimeoutError as error:
            raise Unavailable("The search took too long.") from error
        return found_page(found, line, request.texts, await self._links.base(), request.now)


def found_page(
    found: Sequence[CaseLine], line: Find, texts: Catalog, base: str | None, now: datetime
) -> Said:
    """At most a page of `found`; one more result means that there is another page."""
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
    before = max(line.first - PAGE, 0) if line.first > 0 else None
    after = line.first + PAGE if more else None
    turns = page_buttons(PAGER, line.text, before, after, texts)
    return Said(text=title, blocks=(section(f"*{title}*"), *rows, *turns))
