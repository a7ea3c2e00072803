"""Appeals: presses on their card, and the modals that answer one."""

import asyncio
import re
from enum import StrEnum

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.views import View

from activities.slack.actions import MODALS, SlackAction, find
from activities.slack.escape import mrkdwn
from activities.slack.handles import AppealHandle, decode_appeal
from activities.slack.i18n.catalog import Catalog
from bot.slack.interactions import Press, Unreadable, press_id, submission_id
from bot.slack.listener import ButtonListener, SlackContext
from bot.slack.modals.base import ModalListener, Submitted
from bot.slack.modals.form import Invalid, field, many_lines, modal, needed, words_in
from bot.slack.modals.metadata import Carried
from bot.slack.rendering import section
from workflows.client import OutOfReach
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Place
from workflows.domain.people import Actor

ACTIONS = re.compile(r"appeal\..+")
MOST_STATEMENT = 2800
"""docs.slack.dev, section block: 3,000 characters of text."""

_log = structlog.get_logger(__name__)


class Stored(StrEnum):
    """Outcome of storing a click: the appeal has it, is over, or is out of reach."""

    YES = "yes"
    OVER = "over"
    UNAVAILABLE = "unavailable"


async def store_appeal(context: SlackContext, click: AppealClick) -> Stored:
    """Stores a click with its appeal, within the 3 s that Slack waits."""
    try:
        async with asyncio.timeout(context.services.timeouts.store):
            stored = await context.services.appeals.click(click)
    except (OutOfReach, TimeoutError):
        return Stored.UNAVAILABLE
    context.on_stored()
    return Stored.YES if stored else Stored.OVER


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
        texts, statement = await asking
        if statement is None:
            await self._screen.answer(press.source, "bot.appeal.over")
            return
        carried = AppealMetadata(
            appeal=aim.appeal, version=aim.version, place=place, language=texts.language
        )
        await self._screen.open(press.source, answer_view(name, carried, statement, texts))

    async def _statement(self, appeal: str) -> str | None:
        """The person's statement, empty if unknown; None for an appeal that is over."""
        try:
            async with asyncio.timeout(self._services.timeouts.statement):
                memory = await self._services.appeals.memory(appeal)
        except (OutOfReach, TimeoutError) as error:
            _log.warning("appeal_not_asked", appeal=appeal, error=str(error))
            return ""
        return None if memory is None else memory.appeal.request.statement

    async def _take(self, ack: AsyncAck, sent: Submitted[AppealMetadata]) -> None:
        reason, make = words_in(sent.view, "reason"), MODALS[str(sent.view["callback_id"])].command
        if not reason:
            raise Invalid(needed("reason"))
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
    shown = mrkdwn(statement, MOST_STATEMENT).strip()
    said = [section(texts.say("bot.appeal.statement", statement=shown))] if shown else []
    reason = field("reason", texts, many_lines(), hint=f"bot.{name}.reason.hint")
    return modal(name, [*said, reason], texts, carried.model_dump_json(exclude_none=True))


class AppealButtons(ButtonListener):
    """The listener of every button of an appeal's card."""

    unreadable = ("appeal_press_unreadable", "bot.appeal.unreadable")

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._modals = AppealModals(context)

    async def _take(self, ack: AsyncAck, press: Press) -> None:
        """Stores a press, opens its modal, or says why neither happened."""
        aim = decode_appeal(press.value, press.workflow_id)
        if aim is None:
            raise Unreadable("not a handle of an appeal")
        action = find(press.name)
        if action is not None and action.modal is not None:
            await ack()
            self._after.start(self._modals.open(press, aim, action.modal))
        elif action is None or press.source.place is None:
            await ack()
            self.later(press.source, "bot.press.unknown")
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
            self.later(press.source, key, case=click.appeal)
