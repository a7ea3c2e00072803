"""Buttons: a press is stored with its case, and only then acknowledged."""

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.handles import Handle
from bot.slack.background import Background
from bot.slack.doors import Doors
from bot.slack.languages import Languages
from bot.slack.modals.opening import Opening
from bot.slack.press import (
    MODALS,
    Press,
    Source,
    Unreadable,
    command_for,
    press_id,
    read_handle,
    read_press,
    read_source,
)
from bot.slack.replies import Replies, Said
from bot.slack.rings.listener import RingListener
from bot.slack.sending import store
from workflows.domain.commands import Click, PersonCommand, Place

_log = structlog.get_logger(__name__)


class Clicks:
    """The listener of every button and menu."""

    def __init__(
        self,
        doors: Doors,
        languages: Languages,
        replies: Replies,
        opening: Opening,
        after: Background,
        rings: RingListener | None = None,
    ) -> None:
        self._doors = doors
        self._languages = languages
        self._replies = replies
        self._opening = opening
        self._after = after
        self._rings = rings

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a press: stores it, opens its modal, or says why neither happened."""
        try:
            press = read_press(body)
            if press.url:
                await ack()
                return
            await self._take(ack, press, read_handle(press))
        except Unreadable as error:
            _log.warning("press_unreadable", error=str(error))
            await ack()
            self._tell(read_source(body), "bot.press.unreadable")

    async def _take(self, ack: AsyncAck, press: Press, aim: Handle) -> None:
        if self._rings is not None and self._rings.hears(press):
            await ack()
            self._after.start(self._rings.open(press, aim))
            return
        if press.name in MODALS:
            await ack()
            self._after.start(self._opening.open(press, aim))
            return
        command = command_for(press.name, press.source.person, aim.version)
        if command is None or press.source.place is None:
            await ack()
            self._tell(press.source, "bot.press.unknown")
            return
        await self._send(ack, press, aim, command, press.source.place)

    async def _send(
        self, ack: AsyncAck, press: Press, aim: Handle, command: PersonCommand, place: Place
    ) -> None:
        click = Click(id=press_id(press), case=aim.case, command=command, place=place)
        stored = await store(self._doors.cases, aim.route, click)
        await ack()
        if not stored:
            _log.warning("click_not_stored", case=aim.case, command=command.kind)
            self._tell(press.source, "bot.press.not_taken", case=aim.case)

    def _tell(self, source: Source, key: str, **values: str) -> None:
        self._after.start(self._told(source, key, values))

    async def _told(self, source: Source, key: str, values: dict[str, str]) -> None:
        language = await self._languages.of(source.person)
        text = self._doors.texts(language).say(key, **values)
        await self._replies.privately(source, Said(text=text))
