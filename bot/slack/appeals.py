"""Appeals in Slack: presses on their card, and the modal that answers one."""

import asyncio
import re
from enum import StrEnum
from typing import Any, Literal

import aiohttp
import structlog
from pydantic import ValidationError
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    MarkdownTextObject,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.models.views import View

from activities.slack.cards.appeal import CLAIM, OVERTURN, RELEASE, TELL, UPHOLD
from activities.slack.escape import mrkdwn
from activities.slack.handles import AppealHandle, decode_appeal
from activities.slack.i18n.catalog import Catalog
from bot.services.slack import AppealService
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import (
    Press,
    Source,
    Unreadable,
    press_id,
    read_press,
    read_source,
    submission_id,
)
from bot.slack.modals.form import words_in
from bot.slack.replies import STORING, Said
from workflows.client import OutOfReach
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Place
from workflows.domain.people import Actor
from workflows.domain.values import Language, Value


class Stored(StrEnum):
    """What became of it: the appeal has it, is over, or is out of reach."""

    YES = "yes"
    OVER = "over"
    AWAY = "away"


async def store_appeal(appeals: AppealService, click: AppealClick) -> Stored:
    """Hands the click over, within Slack's patience."""
    try:
        async with asyncio.timeout(STORING):
            return Stored.YES if await appeals.click(click) else Stored.OVER
    except (OutOfReach, TimeoutError):
        return Stored.AWAY


PATIENCE = 0.8
"""Seconds that the appeal is given to say what the person wrote; then the modal opens without."""
MOST_REASON = 3000
MOST_STATEMENT = 2800
"""docs.slack.dev, section block: 3,000 characters of text."""
WHOLE = "reason"
_OPEN_ALREADY = "exchanged_trigger_id"  # a repeated call after a lost answer

_log = structlog.get_logger(__name__)

Answering = Literal["uphold", "overturn"]


class AppealOver(Exception):
    """The appeal has been answered meanwhile."""


class Aim(Value):
    """What the modal carries from its opening to its submission (Slack's `private_metadata`)."""

    appeal: str
    version: int
    place: Place
    language: Language


class AppealModals(Listener):
    """Opens the modals and takes them back; what a person typed survives every refusal."""

    async def open(self, press: Press, aim: AppealHandle) -> str | None:
        """Opens the modal of a press; the key of what to tell the person where it did not."""
        if press.source.place is None:
            return "bot.appeal.unreadable"
        asking = asyncio.gather(
            self._languages.of(press.source.person), self._statement(aim.appeal)
        )
        try:
            language, statement = await asking
        except AppealOver:
            return "bot.appeal.over"
        carried = Aim(
            appeal=aim.appeal, version=aim.version, place=press.source.place, language=language
        )
        name: Answering = "overturn" if press.name == OVERTURN else "uphold"
        view = answering_view(name, carried, statement, self._services.texts(language))
        return await self._show(press.source.trigger_id, view)

    async def upheld(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the modal `uphold`."""
        await self._take(ack, body, cmd.Uphold)

    async def overturned(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the modal `overturn`."""
        await self._take(ack, body, cmd.Overturn)

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

    async def _show(self, trigger: str, view: View) -> str | None:
        try:
            await self._client.views_open(trigger_id=trigger, view=view)
        except SlackApiError as error:
            code = error.response.get("error")
            if code == _OPEN_ALREADY:
                return None
            _log.warning("appeal_modal_not_opened", error=code)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("appeal_modal_not_opened", error=str(error))
        else:
            return None
        return "bot.modal.not_opened"

    async def _take(
        self, ack: AsyncAck, body: dict[str, Any], make: type[cmd.Uphold] | type[cmd.Overturn]
    ) -> None:
        try:
            aim = Aim.model_validate_json(str(body["view"].get("private_metadata", "")))
        except ValidationError:
            texts = self._services.texts(self._services.language)
            await _refuse(ack, texts.say("bot.appeal.unreadable"))
            return
        texts = self._services.texts(aim.language)
        reason = words_in(body["view"], WHOLE)
        if not reason:
            await _refuse(ack, texts.say("bot.fault.reason_needed"))
            return
        by = Actor(id=str(body["user"]["id"]))
        await self._send(ack, body, aim, make(by=by, version=aim.version, reason=reason))

    async def _send(
        self, ack: AsyncAck, body: dict[str, Any], aim: Aim, command: cmd.Uphold | cmd.Overturn
    ) -> None:
        click = cmd.AppealClick(
            id=submission_id(body["view"]), appeal=aim.appeal, command=command, place=aim.place
        )
        stored = await store_appeal(self._services.appeals, click)
        if stored is Stored.YES:
            await ack()
            return
        _log.warning("appeal_answer_not_stored", appeal=aim.appeal, why=stored.value)
        key = "bot.appeal.over" if stored is Stored.OVER else "bot.modal.not_taken"
        await _refuse(ack, self._services.texts(aim.language).say(key))


def answering_view(name: Answering, aim: Aim, statement: str, texts: Catalog) -> View:
    """The modal `name` with what the person says, as far as it is known."""
    reason = InputBlock(
        block_id=WHOLE,
        label=PlainTextObject(text=texts.say("bot.modal.reason")),
        element=PlainTextInputElement(action_id=WHOLE, multiline=True, max_length=MOST_REASON),
        hint=PlainTextObject(text=texts.say(f"bot.{name}.reason.hint")),
    )
    return View(
        type="modal",
        callback_id=name,
        title=PlainTextObject(text=texts.say(f"bot.{name}.title")),
        submit=PlainTextObject(text=texts.say(f"bot.{name}.submit")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=aim.model_dump_json(exclude_none=True),
        blocks=[*_said(statement, texts), reason],
    )


def _said(statement: str, texts: Catalog) -> list[Block]:
    shown = mrkdwn(statement, MOST_STATEMENT).strip()
    if not shown:
        return []
    text = texts.say("bot.appeal.statement", statement=shown)
    return [SectionBlock(text=MarkdownTextObject(text=text, verbatim=True))]


async def _refuse(ack: AsyncAck, error: str) -> None:
    await ack(response_action="errors", errors={WHOLE: error})


ACTIONS = re.compile(r"appeal\..+")

_PLAIN = {CLAIM: cmd.ClaimAppeal, RELEASE: cmd.ReleaseAppeal, TELL: cmd.RetryNotice}
_MODALS = frozenset({UPHOLD, OVERTURN})
_PROBLEMS = {Stored.AWAY: "bot.press.not_taken", Stored.OVER: "bot.appeal.over"}


class AppealPresses(Listener):
    """The listener of every button of an appeal's card."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._modals = AppealModals(context)

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
        stored = await store_appeal(self._services.appeals, click)
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
        texts = await self._texts(source.person)
        await self._replies.privately(source, Said(text=texts.say(key, **values)))


def _handle(press: Press) -> AppealHandle:
    handle = decode_appeal(press.value, press.workflow_id)
    if handle is None:
        raise Unreadable("not a handle of an appeal")
    return handle
