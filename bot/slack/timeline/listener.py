"""The modal `timeline`: what happened to a case, a page at a time, the latest first opened."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime

import structlog
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.handles import Handle
from activities.slack.text.texts import Catalog
from bot.services.cases import LookedUp, Timeline
from bot.services.slack import Services
from bot.slack.languages import Languages
from bot.slack.modals.frame import sentence_view
from bot.slack.press import Press
from bot.slack.rights import EVERYBODY, UNKNOWN, holds, role_needed
from bot.slack.rings.screen import Screen
from bot.slack.timeline.view import timeline_view

PAGE = 20
READING = 10.0
"""Seconds: the modal stands open already."""
OPENS = "case.timeline"

_TURN = re.compile(r"timeline\.page\.([0-9]{1,5})")
_log = structlog.get_logger(__name__)


def is_of_timeline(name: str) -> bool:
    """Whether an action_id opens a timeline, or turns its pages."""
    return name == OPENS or _TURN.fullmatch(name) is not None


class Timelines:
    """Opens it at once and fills it in; turns its pages."""

    def __init__(
        self,
        services: Services,
        languages: Languages,
        screen: Screen,
        now: Callable[[], datetime],
    ) -> None:
        self._services = services
        self._languages = languages
        self._screen = screen
        self._now = now

    async def show(self, press: Press, aim: Handle) -> None:
        """Takes a press on its button, or on one within it."""
        texts = self._services.texts(await self._languages.of(press.source.person))
        turned = _TURN.fullmatch(press.name)
        if turned is not None and press.view:
            view = await self._page(press.source.person, aim, int(turned[1]), texts)
            await self._screen.redraw(press.view, view)
            return
        view_id = await self._screen.begin(press, _said("bot.modal.loading", texts))
        if view_id is not None:
            view = await self._page(press.source.person, aim, None, texts)
            await self._screen.redraw(view_id, view)

    async def _page(self, person: str, aim: Handle, number: int | None, texts: Catalog) -> View:
        try:
            async with asyncio.timeout(READING):
                refused = await self._refused(person, texts)
                if refused is not None:
                    return sentence_view("timeline", refused, texts)
                page = await self._read(person, aim.case, number)
        except (Unavailable, TimeoutError) as error:
            _log.warning("timeline_not_read", case=aim.case, error=str(error))
            return _said("bot.timeline.away", texts)
        if page is None:
            return _said("bot.timeline.unknown", texts, case=aim.case)
        return timeline_view(page, aim, PAGE, self._services, texts)

    async def _refused(self, person: str, texts: Catalog) -> str | None:
        """Why this person reads nothing: a card may stand where everybody sees it."""
        may = await holds(self._services.people, person, EVERYBODY)
        if may is None:
            return texts.say(UNKNOWN)
        return None if may else await role_needed(self._services.people, EVERYBODY, texts)

    async def _read(self, person: str, case: str, number: int | None) -> Timeline | None:
        """The page, after it was written down who looked."""
        why = "timeline" if number is None else f"timeline, page {number + 1}"
        note = LookedUp(by=person, kind="case", id=case, why=why, at=self._now())
        await self._services.ledger.looked_up(note)
        return await self._services.ledger.timeline(case, number, PAGE)


def _said(key: str, texts: Catalog, **values: str) -> View:
    return sentence_view("timeline", texts.say(key, **values), texts)
