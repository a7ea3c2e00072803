"""A modal opens at once: its trigger lives 3 s (docs.slack.dev, views.open)."""

import asyncio

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.handles import Handle
from bot.slack.doors import Doors
from bot.slack.languages import Languages
from bot.slack.modals.metadata import metadata_for
from bot.slack.modals.offer import Offer, offer_at, offer_of
from bot.slack.modals.views import decide_view, reject_view
from bot.slack.press import DECIDE, Press, Unreadable
from bot.slack.replies import Replies, Said
from workflows.client import OutOfReach
from workflows.domain.case_state import Case
from workflows.domain.text import Language

PATIENCE = 0.8
"""Seconds that the case is given to say what fits it; then everything is offered."""

# A repeated call after a lost answer: the first one opened the modal.
_OPEN_ALREADY = "exchanged_trigger_id"

_log = structlog.get_logger(__name__)


class CaseOver(Exception):
    """No case runs any more where the button points to."""


class Opening:
    """Opens `decide` and `reject`."""

    def __init__(
        self, doors: Doors, languages: Languages, replies: Replies, client: AsyncWebClient
    ) -> None:
        self._doors = doors
        self._languages = languages
        self._replies = replies
        self._client = client

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the modal of a press, or tells the person why it did not open."""
        asking = asyncio.gather(self._languages.of(press.source.person), self._offer(aim))
        problem = None
        try:
            language, offer = await asking
            problem = await self._show(press, self._view(press, aim, offer, language))
        except CaseOver:
            problem = "bot.modal.case_over"
        except Unreadable:
            problem = "bot.press.unreadable"
        if problem is not None:
            await self._tell(press, problem)

    def _view(self, press: Press, aim: Handle, offer: Offer, language: Language) -> View:
        if press.source.place is None:
            raise Unreadable("a modal of a case opens from a message")
        texts = self._doors.texts(language)
        if press.name == DECIDE:
            metadata = metadata_for(aim, press.source.place, language, offer.limits)
            return decide_view(offer, metadata, texts)
        return reject_view(offer, metadata_for(aim, press.source.place, language), texts)

    async def _offer(self, aim: Handle) -> Offer:
        try:
            async with asyncio.timeout(PATIENCE):
                memory = await self._doors.cases.memory(aim.route)
        except (OutOfReach, TimeoutError) as error:
            _log.warning("case_not_asked", case=aim.case, error=str(error))
            return offer_at(aim.route, self._doors.policies)
        case: Case | None = memory.case if memory else None
        if memory is None or (case is not None and case.id != aim.case):
            raise CaseOver(aim.case)
        return offer_of(case) if case else offer_at(aim.route, self._doors.policies)

    async def _show(self, press: Press, view: View) -> str | None:
        """Opens `view`; the key of what to tell the person where Slack did not."""
        try:
            await self._client.views_open(trigger_id=press.source.trigger_id, view=view)
        except SlackApiError as error:
            code = error.response.get("error")
            if code == _OPEN_ALREADY:
                return None
            _log.warning("modal_not_opened", error=code)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_opened", error=str(error))
        else:
            return None
        return "bot.modal.not_opened"

    async def _tell(self, press: Press, key: str) -> None:
        language = await self._languages.of(press.source.person)
        await self._replies.privately(press.source, Said(text=self._doors.texts(language).say(key)))
