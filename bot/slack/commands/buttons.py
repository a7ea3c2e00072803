"""Buttons below the answers of commands."""

import re
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from bot.slack.commands import pages
from bot.slack.commands.automation import ALL, RESUME, AutomationAnswer
from bot.slack.commands.find import TURNS as FIND_TURNS
from bot.slack.commands.find import FindAnswer
from bot.slack.commands.parser import MOST_FOUND, Find, ResumeAutomation, ShowRelated
from bot.slack.commands.request import Asked, no_role, read_turn
from bot.slack.commands.reveal import RevealModal, subject_pressed
from bot.slack.commands.subject import OPEN, RELATED, REVEAL, SubjectAnswer
from bot.slack.commands.subject import TURNS as RELATED_TURNS
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Press, Unreadable, read_press, read_source
from bot.slack.manual.open import ByHandListener
from bot.slack.replies import Said

ACTIONS = re.compile(
    r"lookup\.(?:reveal|related|open)|(?:find|related)\.page\.(?:before|next)|automation\.resume"
)

_log = structlog.get_logger(__name__)


class AnswerPresses(Listener):
    """The listener of these buttons. Rights are asked for at every press."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._subjects = SubjectAnswer(context)
        self._find = FindAnswer(context)
        self._brake = AutomationAnswer(context)
        self._revealing = RevealModal(context)
        self._hands = ByHandListener(context)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a press. What changes something is durable before the ack; the rest comes after."""
        try:
            press = read_press(body)
        except Unreadable as error:
            _log.warning("press_unreadable", error=str(error))
            await ack()
            self._after.start(self._unreadable(body))
            return
        if press.name == RESUME:
            await self._answer(press)
            await ack()
            return
        await ack()
        self._after.start(self._take(press))

    async def _take(self, press: Press) -> None:
        subject = subject_pressed(press.value)
        if press.name == REVEAL and subject is not None:
            await self._revealing.open(press, subject)
        elif press.name == OPEN and subject is not None:
            self._hands.pressed(press)
        else:
            await self._answer(press)

    async def _answer(self, press: Press) -> None:
        source = press.source
        texts = await self._texts(source.person)
        turned = press.name.startswith((FIND_TURNS, RELATED_TURNS))
        try:
            roles = await self._services.people.roles(source.person)
            asked = Asked(source=source, roles=roles, texts=texts, now=self._now())
            said = await self._said(press, asked)
        except Unavailable as error:
            _log.warning("press_unavailable", action=press.name, error=str(error))
            said, turned = pages.sentence(texts.say("bot.slash.unavailable")), False
        except Exception:  # noqa: BLE001 -- whoever pressed must hear of it; the log keeps the trace
            _log.exception("press_failed", action=press.name)
            said, turned = pages.sentence(texts.say("bot.slash.failed")), False
        await self._replies.privately(source, said, in_place=turned)

    async def _said(self, press: Press, asked: Asked) -> Said:
        if not asked.roles:
            return await no_role(self._services.people, asked.texts)
        if press.name == RESUME:
            playbook = None if press.value == ALL else press.value
            return await self._brake.answer(ResumeAutomation(playbook=playbook), asked)
        if press.name == RELATED:
            subject, first = subject_pressed(press.value), 0
        else:
            turn = read_turn(press.value)
            if turn is None:
                return pages.sentence(asked.texts.say("bot.press.unreadable"))
            if press.name.startswith(FIND_TURNS):
                line = Find(text=turn.what[:MOST_FOUND], first=turn.first)
                return await self._find.answer(line, asked)
            subject, first = subject_pressed(turn.what), turn.first
        if subject is None:
            return pages.sentence(asked.texts.say("bot.press.unreadable"))
        return await self._subjects.related(ShowRelated(subject=subject, first=first), asked)

    async def _unreadable(self, body: dict[str, Any]) -> None:
        source = read_source(body)
        texts = await self._texts(source.person)
        await self._replies.privately(source, pages.sentence(texts.say("bot.press.unreadable")))
