"""The modals `uphold` and `overturn`: they show what the person says, and ask for a reason."""

import asyncio
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
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.cards.appeal import OVERTURN
from activities.slack.escape import mrkdwn
from activities.slack.handles import AppealHandle
from activities.slack.text.texts import Catalog
from bot.services.slack import Services
from bot.slack.appeals.storing import Stored, store
from bot.slack.languages import Languages
from bot.slack.modals.form import words_in
from bot.slack.press import Press, submission_id
from workflows.client import OutOfReach
from workflows.domain.appealing import commands as cmd
from workflows.domain.commands import Place
from workflows.domain.model import Value
from workflows.domain.people import Actor
from workflows.domain.text import Language

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


class AppealModals:
    """Opens the modals and takes them back; what a person typed survives every refusal."""

    def __init__(self, services: Services, languages: Languages, client: AsyncWebClient) -> None:
        self._services = services
        self._languages = languages
        self._client = client

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
        stored = await store(self._services.appeals, click)
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
