"""Buttons of an appeal's card: stored with the appeal, and only then acknowledged."""

import re
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.cards.appeal import CLAIM, OVERTURN, RELEASE, TELL, UPHOLD
from activities.slack.handles import AppealHandle, decode_appeal
from bot.services.slack import Services
from bot.slack.appeals.modal import AppealModals
from bot.slack.appeals.storing import Stored, store
from bot.slack.background import Background
from bot.slack.languages import Languages
from bot.slack.press import Press, Source, Unreadable, press_id, read_press, read_source
from bot.slack.replies import Replies, Said
from workflows.domain.appealing import commands as cmd
from workflows.domain.people import Actor

ACTIONS = re.compile(r"appeal\..+")

_PLAIN = {CLAIM: cmd.ClaimAppeal, RELEASE: cmd.ReleaseAppeal, TELL: cmd.RetryNotice}
_MODALS = frozenset({UPHOLD, OVERTURN})
_PROBLEMS = {Stored.AWAY: "bot.press.not_taken", Stored.OVER: "bot.appeal.over"}

_log = structlog.get_logger(__name__)


class AppealPresses:
    """The listener of every button of an appeal's card."""

    def __init__(
        self,
        services: Services,
        languages: Languages,
        replies: Replies,
        modals: AppealModals,
        after: Background,
    ) -> None:
        self._services = services
        self._languages = languages
        self._replies = replies
        self._modals = modals
        self._after = after

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a press: stores it, opens its modal, or says why neither happened."""
        try:
            press = read_press(body)
            await self._take(ack, press, _handle(press))
        except Unreadable as error:
            _log.warning("appeal_press_unreadable", error=str(error))
            await ack()
            self._tell(read_source(body), "bot.appeal.unreadable")

    async def _take(self, ack: AsyncAck, press: Press, aim: AppealHandle) -> None:
        make = _PLAIN.get(press.name)
        if press.name in _MODALS:
            await ack()
            self._after.start(self._open(press, aim))
        elif make is None or press.source.place is None:
            await ack()
            self._tell(press.source, "bot.press.unknown")
        else:
            command = make(by=Actor(id=press.source.person), version=aim.version)
            click = cmd.AppealClick(
                id=press_id(press), appeal=aim.appeal, command=command, place=press.source.place
            )
            await self._send(ack, press, click)

    async def _send(self, ack: AsyncAck, press: Press, click: cmd.AppealClick) -> None:
        stored = await store(self._services.appeals, click)
        await ack()
        if stored in _PROBLEMS:
            _log.warning("appeal_click_not_stored", appeal=click.appeal, why=stored.value)
            self._tell(press.source, _PROBLEMS[stored], case=click.appeal)

    async def _open(self, press: Press, aim: AppealHandle) -> None:
        problem = await self._modals.open(press, aim)
        if problem is not None:
            await self._told(press.source, problem)

    def _tell(self, source: Source, key: str, **values: str) -> None:
        self._after.start(self._told(source, key, **values))

    async def _told(self, source: Source, key: str, **values: str) -> None:
        texts = self._services.texts(await self._languages.of(source.person))
        await self._replies.privately(source, Said(text=texts.say(key, **values)))


def _handle(press: Press) -> AppealHandle:
    handle = decode_appeal(press.value, press.route)
    if handle is None:
        raise Unreadable("not a handle of an appeal")
    return handle
