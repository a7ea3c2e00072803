"""Reveal of a hidden piece of evidence: its modal opens at once, while the case decides."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.evidence import AGAIN, Viewer
from activities.slack.handles import decode_piece
from activities.slack.reader import Reader
from bot.slack.interactions import Press, Unreadable, press_id, read_press
from bot.slack.listener import Listener
from bot.slack.modals.metadata import Metadata, decode, encode
from bot.slack.replies import NotTaken
from workflows.domain.case.commands import Modal, RevealEvidence
from workflows.domain.people import Actor

ACTIONS = re.compile(r"evidence\.(?!page\.).+")

_log = structlog.get_logger(__name__)


class EvidenceReveal(Listener):
    """The listener of `evidence.reveal`; the modal above the list waits for the case's answer."""

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Opens the modal and stores the press. Raises `NotTaken`."""
        try:
            await self._take(ack, read_press(body), body.get("view") or {})
        except Unreadable as error:
            # An unreadable modal names no channel either: Slack has to show the error.
            _log.warning("evidence_press_unreadable", error=str(error))
            raise NotTaken("unreadable") from error

    async def _take(self, ack: AsyncAck, press: Press, view: Mapping[str, Any]) -> None:
        piece = decode_piece(press.value)
        if piece is None:
            raise Unreadable("names no piece of evidence")
        carried = decode(str(view.get("private_metadata") or ""), Metadata)
        if carried.case != piece.case:
            raise Unreadable("a piece of another case")
        modal = self._modal(press, view, carried)
        opening = self._after.start(self._open(press, modal))
        command = RevealEvidence(
            by=Actor(id=press.source.person),
            version=piece.version,
            alert_key=piece.alert,
            item=piece.item,
            modal=modal,
        )
        if not await self._store(press_id(press), carried, command, carried.place):
            _log.warning("click_not_stored", case=piece.case, command="reveal_evidence")
            await self._show_not_taken(opening, press, modal, piece.case)
        else:
            self._after.start(self._unless_open(opening, press, carried))
        await ack()

    def _modal(self, press: Press, view: Mapping[str, Any], carried: Metadata) -> Modal:
        written = encode(carried)
        if press.name == AGAIN:  # pressed in the modal itself, which stays open
            return Modal(id=str(view.get("external_id") or ""), carries=written)
        digest = hashlib.sha256(press_id(press).encode()).hexdigest()[:24]
        return Modal(id=f"evidence/{digest}", carries=written)

    async def _open(self, press: Press, modal: Modal) -> bool:
        viewer = await self._viewer(press.source.person, modal)
        if press.name == AGAIN:
            return True
        return await self._screen.push(press.source.trigger_id, viewer.loading())

    async def _unless_open(
        self, opening: asyncio.Task[bool], press: Press, carried: Metadata
    ) -> None:
        """Reports a modal that did not open: nothing will show the answer of the case."""
        if not await opening:
            source = press.source.model_copy(update={"place": carried.place})
            await self._screen.answer(source, "bot.modal.not_opened")

    async def _show_not_taken(
        self, opening: asyncio.Task[bool], press: Press, modal: Modal, case: str
    ) -> None:
        """Shows in the modal that nothing was stored. Raises `NotTaken` without a modal."""
        viewer = await self._viewer(press.source.person, modal)
        view = viewer.refused(viewer.reader.say("bot.press.not_taken", case=case))
        try:
            async with asyncio.timeout(self._services.timeouts.error):
                if await opening and await self._screen.redraw(modal.id, view, "external_id"):
                    return
        except TimeoutError:
            pass
        raise NotTaken(modal.id)

    async def _viewer(self, person: str, modal: Modal) -> Viewer:
        texts = await self._texts(person)
        return Viewer(Reader(texts=texts, zone=self._services.zone), modal)
