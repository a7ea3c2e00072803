"""Buttons: a press is stored with its case, or its person told, and only then acknowledged."""

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.handles import Handle
from bot.slack.bulk.list import BulkListener
from bot.slack.context import DirectTexts, Listener, SlackContext
from bot.slack.evidence.reveal import EvidenceListener
from bot.slack.interactions import (
    Press,
    Unreadable,
    command_for,
    modal_of,
    press_id,
    read_handle,
    read_press,
    read_source,
)
from bot.slack.modals.metadata import placed
from bot.slack.modals.opening import ModalOpener
from bot.slack.replies import NotTaken, store
from bot.slack.timeline import Timelines, is_of_timeline
from workflows.domain.case.commands import Click, PersonCommand, Place

_log = structlog.get_logger(__name__)


class Clicks(Listener):
    """The listener of every button and menu."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._telling = DirectTexts(context)
        self._opening = ModalOpener(context)
        self._bulk_ledger = BulkListener(context)
        self._timelines = Timelines(context)
        self._evidence = EvidenceListener(context)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a press: stores it, opens its modal, or says why neither happened."""
        try:
            press = placed(read_press(body))
            if press.url:
                await ack()
                return
            await self._take(ack, press, read_handle(press))
        except Unreadable as error:
            _log.warning("press_unreadable", error=str(error))
            await ack()
            self._telling.later(read_source(body), "bot.press.unreadable")

    async def _take(self, ack: AsyncAck, press: Press, aim: Handle) -> None:
        if self._bulk_ledger.hears(press):
            await ack()
            self._after.start(self._bulk_ledger.open(press, aim))
            return
        if is_of_timeline(press.name):
            await ack()
            self._after.start(self._timelines.show(press, aim))
            return
        if self._evidence.hears(press):
            await ack()
            self._after.start(self._evidence.open(press, aim))
            return
        if modal_of(press.name) is not None:
            await ack()
            self._after.start(self._opening.open(press, aim))
            return
        command = command_for(press.name, press.source.person, aim.version)
        if command is None or press.source.place is None:
            await ack()
            self._telling.later(press.source, "bot.press.unknown")
            return
        await self._send(ack, press, aim, command, press.source.place)

    async def _send(
        self, ack: AsyncAck, press: Press, aim: Handle, command: PersonCommand, place: Place
    ) -> None:
        click = Click(
            id=press_id(press),
            case=aim.case,
            command=command,
            place=place,
            received_at=self._now(),
        )
        if not await store(self._services.cases, aim.workflow_id, click):
            _log.warning("click_not_stored", case=aim.case, command=command.kind)
            if press.view:
                await ack()
                self._after.start(self._opening.say(press, "bot.all.not_taken"))
                return
            # An acknowledged press that nothing comes of would look as if it had worked.
            if not await self._telling.in_time(press.source, "bot.press.not_taken", case=aim.case):
                raise NotTaken(aim.case)
        await ack()
        if press.view:
            self._after.start(self._opening.say(press, "bot.all.taken"))
