"""Opens the list of a case's evidence at once, fills it from the ledger, and turns its pages."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from activities.errors import Unavailable
from activities.ledger.evidence import AlertsPage, EvidenceRecord
from activities.slack.handles import Handle
from activities.slack.reader import Reader
from bot.services.cases import LookedUp
from bot.services.slack import Services
from bot.slack.evidence.paging import ALERTS, page_at
from bot.slack.evidence.state import ListState, read_start
from bot.slack.evidence.views import NEXT, list_view, loading_view, sentence_view
from bot.slack.languages import Languages
from bot.slack.modals.metadata import metadata_for
from bot.slack.press import Press
from bot.slack.rights import EVERYBODY, UNKNOWN, holds, role_needed
from bot.slack.rings.screen import Screen

READING = 8.0
"""Seconds that the ledger is given: the modal stands open already."""

_log = structlog.get_logger(__name__)


class EvidenceListing:
    """The list: what everybody with a role may read, and what is hidden, counted."""

    def __init__(
        self,
        services: Services,
        evidence: EvidenceRecord,
        languages: Languages,
        screen: Screen,
        now: Callable[[], datetime],
    ) -> None:
        self._services = services
        self._evidence = evidence
        self._languages = languages
        self._screen = screen
        self._now = now

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the list of a case."""
        place = press.source.place
        if place is None:
            await self._screen.tell(press.source, "bot.press.unreadable")
            return
        reader = await self._reader(press.source.person)
        view_id = await self._screen.begin(press, loading_view(reader))
        if view_id is None:
            return
        carried = metadata_for(aim, place, reader.texts.language).model_dump()
        state = ListState(**carried, until=self._now())
        await self._fill(view_id, press.source.person, state, reader)

    async def turn(self, press: Press, state: ListState) -> None:
        """Turns from the page of `state` to the one that a button names."""
        start = read_start(press.value.rpartition(":")[2]) if press.name == NEXT else None
        turned = state.turned_back() if start is None else state.turned_to(start)
        reader = await self._reader(press.source.person)
        await self._fill(press.view, press.source.person, turned, reader)

    async def _fill(self, view_id: str, person: str, state: ListState, reader: Reader) -> None:
        view = await self._view(person, state, reader)
        await self._screen.redraw(view_id, view)

    async def _view(self, person: str, state: ListState, reader: Reader) -> dict[str, Any]:
        refused = await self._refused(person, reader)
        if refused is not None:
            return sentence_view(refused, reader)
        try:
            async with asyncio.timeout(READING):
                found = await self._page(person, state)
        except (Unavailable, TimeoutError) as error:
            _log.warning("evidence_not_listed", case=state.case, error=str(error))
            return sentence_view(reader.say("bot.slash.unavailable"), reader)
        return list_view(page_at(state.at, found.alerts, found.total), found.total, state, reader)

    async def _refused(self, person: str, reader: Reader) -> str | None:
        """Evidence is for the team; where nobody can tell who is of it, for nobody."""
        may = await holds(self._services.people, person, EVERYBODY)
        if may is None:
            return reader.say(UNKNOWN)
        return None if may else await role_needed(self._services.people, EVERYBODY, reader.texts)

    async def _page(self, person: str, state: ListState) -> AlertsPage:
        """The alerts of a page, after it was written down who looked."""
        why = f"evidence, page {len(state.trail) + 1}"
        note = LookedUp(by=person, kind="case", id=state.case, why=why, at=self._now())
        await self._services.ledger.looked_up(note)
        return await self._evidence.page(state.case, state.at.skip, ALERTS, state.until)

    async def _reader(self, person: str) -> Reader:
        texts = self._services.texts(await self._languages.of(person))
        return Reader(texts=texts, zone=self._services.zone)
