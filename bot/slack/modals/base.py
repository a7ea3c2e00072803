"""Modal bases: submissions that are checked and stored, and lists that are read page by page."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.actions import MODALS
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from bot.slack.interactions import Press, Unreadable, submission_id
from bot.slack.listener import Listener
from bot.slack.modals.form import Faults, Invalid, sentence_view
from bot.slack.modals.metadata import Carried, Metadata, decode
from workflows.domain.case.commands import PersonCommand
from workflows.domain.people import Actor

C = TypeVar("C", bound=Carried)

SETTLING = 0.5
"""Seconds until Slack has taken the answer to a submission, which would replace a later view."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Submitted(Generic[C]):
    """A submitted modal with its metadata."""

    view: Mapping[str, Any]
    by: Actor
    carried: C
    texts: Catalog
    now: datetime


class ModalListener(Listener, ABC, Generic[C]):
    """A listener of submissions. What a person typed survives every refusal.

    carries: the metadata of the modal.
    whole: the block that shows errors about the whole modal.
    """

    carries: type[C]
    whole: str | None
    unreadable = "bot.modal.unreadable"

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stores a submission, or shows its errors under their fields."""
        view = body["view"]
        try:
            carried = decode(str(view.get("private_metadata", "")), self.carries)
        except Unreadable as error:
            _log.warning("modal_unreadable", error=str(error))
            texts = self._services.texts(self._services.language)
            await self._refuse_whole(ack, view, texts.say(self.unreadable), texts)
            return
        texts = self._services.texts(carried.language)
        by = Actor(id=str(body["user"]["id"]))
        sent = Submitted(view=view, by=by, carried=carried, texts=texts, now=self._now())
        try:
            await self._take(ack, sent)
        except Invalid as invalid:
            await refuse(ack, invalid.faults, view, texts, self._whole_of(view))

    @abstractmethod
    async def _take(self, ack: AsyncAck, sent: Submitted[C]) -> None:
        """Raises `Invalid` with what the person has to correct."""

    def _whole_of(self, view: Mapping[str, Any]) -> str | None:
        return self.whole

    async def _refuse_whole(
        self, ack: AsyncAck, view: Mapping[str, Any], text: str, texts: Catalog
    ) -> None:
        """Shows an error about the whole modal: in a modal above it if there is no field."""
        block = self._whole_of(view)
        if block is not None:
            await ack(response_action="errors", errors={block: text})
            return
        above = sentence_view(str(view["callback_id"]), text, texts)
        await ack(response_action="push", view=above)

    async def _send(
        self, ack: AsyncAck, sent: Submitted[Any], command: PersonCommand, carried: Metadata
    ) -> None:
        """Stores the command with its case, and closes the modal only then."""
        if await self._store(submission_id(sent.view), carried, command, carried.place):
            await ack()
            return
        _log.warning("submission_not_stored", case=carried.case, command=command.kind)
        text = sent.texts.say("bot.modal.not_taken")
        await self._refuse_whole(ack, sent.view, text, sent.texts)


async def refuse(
    ack: AsyncAck, faults: Faults, view: Mapping[str, Any], texts: Catalog, whole: str | None
) -> None:
    """Shows errors under their fields; Slack takes none about a field that the modal lacks."""
    blocks = view.get("blocks") or ()
    fields = {each.get("block_id") for each in blocks if each.get("type") == "input"}
    errors = {
        block if block in fields or whole is None else whole: fault.worded(texts)
        for block, fault in faults.items()
    }
    await ack(response_action="errors", errors=errors)


class PagedModal(Listener, ABC):
    """A modal that lists something of a case: it opens at once, and is filled after reading.

    modal: its callback_id. pager: the prefix of its page buttons.
    seconds: what reading may take, since the modal is open already.
    """

    modal: str
    pager: str
    seconds = 8.0
    unavailable = "bot.slash.unavailable"

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the list, or turns its page."""
        texts = await self._texts(press.source.person)
        if press.page is not None and press.view:
            drawn = await self._drawn(press, aim, texts)
            await self._screen.show(press.view, self.modal, drawn, texts)
            return
        await self._screen.fill(
            press, self.modal, "bot.modal.loading", texts, lambda: self._drawn(press, aim, texts)
        )

    async def _drawn(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        """The page. Only people with a role see it: a card may be in a public channel."""
        refused = await self._refused(press.source.person, MODALS[self.modal].roles, texts)
        if refused is not None:
            return refused
        try:
            async with asyncio.timeout(self.seconds):
                return await self._page(press, aim, texts)
        except Unreadable:
            return texts.say("bot.press.unreadable")
        except (Unavailable, TimeoutError) as error:
            _log.warning("list_not_read", modal=self.modal, case=aim.case, error=str(error))
            return texts.say(self.unavailable)

    @abstractmethod
    async def _page(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        """The page at `press.page`, or a sentence. Raises `Unavailable` and `Unreadable`."""

    def _number(self, press: Press) -> int | None:
        if press.page is None:
            return None
        if not press.page.isdecimal():
            raise Unreadable("not the number of a page")
        return int(press.page)
