"""Appeals: presses on their card, and the modals that answer one."""

import asyncio
import re
from enum import StrEnum
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.blocks import MarkdownTextObject, SectionBlock
from slack_sdk.models.views import View

from activities.slack.actions import MODALS, SlackAction, find
from activities.slack.escape import mrkdwn
from activities.slack.handles import AppealHandle, decode_appeal
from activities.slack.i18n.catalog import Catalog
from bot.slack.context import DirectTexts, Listener, SlackContext
from bot.slack.interactions import (
    Press,
    Unreadable,
    press_id,
    read_press,
    read_source,
    submission_id,
)
from bot.slack.modals.base import ModalListener, Submitted
from bot.slack.modals.form import Fault, Invalid, field, many_lines, modal, words_in
from bot.slack.modals.metadata import Carried
from workflows.client import OutOfReach
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Place
from workflows.domain.people import Actor

ACTIONS = re.compile(r"appeal\..+")
PATIENCE = 0.8
"""Seconds for reading the statement; after them the modal opens without it."""
MOST_STATEMENT = 2800
"""docs.slack.dev, section block: 3,000 characters of text."""

_log = structlog.get_logger(__name__)


class Stored(StrEnum):
    """Outcome of storing a click: the appeal has it, is over, or is out of reach."""

    YES = "yes"
    OVER = "over"
    AWAY = "away"


async def store_appeal(context: SlackContext, click: AppealClick) -> Stored:
    """Stores a click with its appeal, within the 3 s that Slack waits."""
    try:
        async with asyncio.timeout(context.services.timeouts.store):
            stored = await context.services.appeals.click(click)
    except (OutOfReach, TimeoutError):
        return Stored.AWAY
    context.on_stored()
    return Stored.YES if stored else Stored.OVER


class AppealOver(Exception):
    """The appeal was answered meanwhile."""


class AppealMetadata(Carried):
    """The appeal of a modal, and the place of its person."""

    appeal: str
    version: int
    place: Place


class AppealModals(ModalListener[AppealMetadata]):
    """The modals `uphold` and `overturn`."""

    carries = AppealMetadata
    whole = "reason"
    unreadable = "bot.appeal.unreadable"

    async def open(self, press: Press, aim: AppealHandle, name: str) -> None:
        """Opens the modal `name`, or answers why it does not open."""
        place = press.source.place
        if place is None:
            await self._screen.answer(press.source, "bot.appeal.unreadable")
            return
        asking = asyncio.gather(self._texts(press.source.person), self._statement(aim.appeal))
        try:
            texts, statement = await asking
        except AppealOver:
            await self._screen.answer(press.source, "bot.appeal.over")
            return
        carried = AppealMetadata(
            appeal=aim.appeal, version=aim.version, place=place, language=texts.language
        )
        await self._screen.open(press.source, answer_view(name, carried, statement, texts))

    async def _statement(self, appeal: str) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                memory = await self._services.appeals.memory(appeal)
        except (OutOfReach, TimeoutError) as error:
            _log.warning("appeal_not_asked", appeal=appeal, error=str(error))
            return ""
        if memory is None:
            raise AppealOver(appeal)
        return memory.appeal.request.statement

    async def _take(self, ack: AsyncAck, sent: Submitted[AppealMetadata]) -> None:
        reason, make = words_in(sent.view, "reason"), MODALS[str(sent.view["callback_id"])].command
        if not reason:
            raise Invalid({"reason": Fault(key="bot.fault.reason_needed")})
        carried = sent.carried
        assert make is not None
        click = AppealClick(
            id=submission_id(sent.view),
            appeal=carried.appeal,
            command=make(by=sent.by, version=carried.version, reason=reason),
            place=carried.place,
        )
        stored = await store_appeal(self._context, click)
        if stored is Stored.YES:
            await ack()
            return
        _log.warning("appeal_answer_not_stored", appeal=carried.appeal, why=stored.value)
        key = "bot.appeal.over" if stored is Stored.OVER else "bot.modal.not_taken"
        await self._refuse_whole(ack, sent.view, sent.texts.say(key), sent.texts)


def answer_view(name: str, carried: AppealMetadata, statement: str, texts: Catalog) -> View:
    """The modal `name`, with the person's statement if it is known."""
    reason = field("reason", texts, many_lines(), hint=f"bot.{name}.reason.hint")
    blocks = [*_statement_blocks(statement, texts), reason]
    return modal(name, blocks, texts, carried.model_dump_json(exclude_none=True))


def _statement_blocks(statement: str, texts: Catalog) -> list[SectionBlock]:
    shown = mrkdwn(statement, MOST_STATEMENT).strip()
    if not shown:
        return []
    text = texts.say("bot.appeal.statement", statement=shown)
    return [SectionBlock(text=MarkdownTextObject(text=text, verbatim=True))]


class AppealButtons(Listener):
    """The listener of every button of an appeal's card."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._modals = AppealModals(context)
        self._direct = DirectTexts(context)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stores a press, opens its modal, or says why neither happened."""
        try:
            press = read_press(body)
            await self._take(ack, press, _handle(press))
        except Unreadable as error:
            _log.warning("appeal_press_unreadable", error=str(error))
            await ack()
            self._direct.later(read_source(body), "bot.appeal.unreadable")

    async def _take(self, ack: AsyncAck, press: Press, aim: AppealHandle) -> None:
        action = find(press.name)
        if action is not None and action.modal is not None:
            await ack()
            self._after.start(self._modals.open(press, aim, action.modal))
        elif action is None or press.source.place is None:
            await ack()
            self._direct.later(press.source, "bot.press.unknown")
        else:
            await self._send(ack, press, aim, action, press.source.place)

    async def _send(
        self, ack: AsyncAck, press: Press, aim: AppealHandle, action: SlackAction, place: Place
    ) -> None:
        assert action.command is not None
        command = action.command(by=Actor(id=press.source.person), version=aim.version)
        click = AppealClick(id=press_id(press), appeal=aim.appeal, command=command, place=place)
        stored = await store_appeal(self._context, click)
        await ack()
        if stored is not Stored.YES:
            _log.warning("appeal_click_not_stored", appeal=click.appeal, why=stored.value)
            key = "bot.appeal.over" if stored is Stored.OVER else "bot.press.not_taken"
            self._direct.later(press.source, key, case=click.appeal)


def _handle(press: Press) -> AppealHandle:
    handle = decode_appeal(press.value, press.workflow_id)
    if handle is None:
        raise Unreadable("not a handle of an appeal")
    return handle
