"""Buttons of a storm digest: they show a case whose card is not posted yet."""

import re
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from activities.slack.actions import OPEN
from activities.slack.blocks import context
from activities.slack.cards.case import case_card
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from activities.slack.thread import people_of
from bot.services.cases import CaseLine, Story
from bot.slack.commands import pages
from bot.slack.commands.base import no_role
from bot.slack.interactions import Press, read_press
from bot.slack.listener import Listener
from bot.slack.replies import Said, link
from workflows.client import OutOfReach
from workflows.domain.case.view import view_of

_CASE = re.compile(r"K[0-9A-HJKMNP-TV-Z]{8}")

_log = structlog.get_logger(__name__)


class StormButtons(Listener):
    """The listener of `storm.open`: shows the current card in an ephemeral message."""

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Acknowledges a press; the card follows."""
        await ack()
        self._after.start(self._answer(read_press(body)))

    async def _answer(self, press: Press) -> None:
        texts = await self._texts(press.source.person)
        try:
            said = await self._said(press, texts)
        except (Unavailable, OutOfReach) as away:
            _log.warning("storm_case_unavailable", error=type(away).__name__)
            said = pages.sentence(texts.say("storm.unavailable"))
        await self._replies.privately(press.source, said)

    async def _said(self, press: Press, texts: Catalog) -> Said:
        if _CASE.fullmatch(press.value) is None:
            return pages.sentence(texts.say("bot.press.unreadable"))
        if not await self._services.people.roles(press.source.person):
            return await no_role(self._services.people, texts)
        channel = press.source.place.channel if press.source.place else "?"
        await self._record(press.source.person, "case", press.value, f"{OPEN} in {channel}")
        story = await self._services.ledger.story(press.value)
        if story is None:
            return pages.sentence(texts.say("refusal.unknown_case", case=press.value))
        return await self._case(story, texts)

    async def _case(self, story: Story, texts: Catalog) -> Said:
        line, base = story.line, await self._links.base()
        memory = await self._services.cases.memory(line.workflow_id)
        if memory is None or memory.case is None or memory.case.id != line.id:
            return pages.case_page(story, texts, base, self._now())  # closed meanwhile
        view = view_of(memory.case)
        names = await self._services.people.names(each for each in people_of(view, ()) if each)
        card = case_card(view, Reader(texts, self._services.zone, names))
        found = line.model_copy(update={"card": memory.card or line.card})
        return Said(text=card.text, blocks=(*card.blocks, _below(found, texts, base)))


def _below(line: CaseLine, texts: Catalog, base: str | None) -> dict[str, Any]:
    address = link(base, line.card)
    if line.card is None or address is None:
        return context([texts.say("storm.opened.waiting")])
    return context([texts.say("storm.opened.posted", link=address)])
