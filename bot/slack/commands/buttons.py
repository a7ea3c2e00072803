"""Buttons below the answers of `/koban`."""

import re
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from bot.slack.commands import pages
from bot.slack.commands.automation import ALL, RESUME, AutomationAnswer, ResumeAutomation
from bot.slack.commands.find import MOST_FOUND, Find, FindAnswer
from bot.slack.commands.find import PAGER as FIND
from bot.slack.commands.request import Request, no_role
from bot.slack.commands.reveal import RevealModal, subject_pressed
from bot.slack.commands.subject import PAGER as RELATED
from bot.slack.commands.subject import ShowRelated, SubjectAnswer
from bot.slack.context import DirectTexts, Listener, SlackContext
from bot.slack.interactions import Press, Unreadable, read_press, read_source
from bot.slack.manual.open import ManualAlertModals
from bot.slack.replies import Said

ACTIONS = re.compile(
    r"lookup\.(?:reveal|related|open)|(?:find|related)\.page\.(?:before|next)|automation\.resume"
)

_log = structlog.get_logger(__name__)


class AnswerButtons(Listener):
    """The listener of these buttons. Roles are checked at every press."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._subjects = SubjectAnswer(context)
        self._find = FindAnswer(context)
        self._automation = AutomationAnswer(context)
        self._reveal = RevealModal(context)
        self._alerts = ManualAlertModals(context)
        self._direct = DirectTexts(context)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Answers a press; a change is durable before the ack."""
        try:
            press = read_press(body)
        except Unreadable as error:
            _log.warning("press_unreadable", error=str(error))
            await ack()
            self._direct.later(read_source(body), "bot.press.unreadable")
            return
        if press.name == RESUME:
            await self._answer(press)
            await ack()
            return
        await ack()
        self._after.start(self._take(press))

    async def _take(self, press: Press) -> None:
        subject = subject_pressed(press.value)
        if press.name == "lookup.reveal" and subject is not None:
            await self._reveal.open(press, subject)
        elif press.name == "lookup.open" and subject is not None:
            self._alerts.pressed(press)
        else:
            await self._answer(press)

    async def _answer(self, press: Press) -> None:
        source, in_place = press.source, press.page is not None
        texts = await self._texts(source.person)
        try:
            roles = await self._services.people.roles(source.person)
            request = Request(source=source, roles=roles, texts=texts, now=self._now())
            said = await self._said(press, request)
        except Unavailable as error:
            _log.warning("press_unavailable", action=press.name, error=str(error))
            said, in_place = pages.sentence(texts.say("bot.slash.unavailable")), False
        except Exception:  # noqa: BLE001 -- the person needs an answer; the log has the trace
            _log.exception("press_failed", action=press.name)
            said, in_place = pages.sentence(texts.say("bot.slash.failed")), False
        await self._replies.privately(source, said, in_place=in_place)

    async def _said(self, press: Press, request: Request) -> Said:
        if not request.roles:
            return await no_role(self._services.people, request.texts)
        if press.name == RESUME:
            playbook = None if press.value == ALL else press.value
            return await self._automation.answer(ResumeAutomation(playbook=playbook), request)
        first = int(press.page) if press.page is not None and press.page.isdecimal() else 0
        if press.pager == FIND:
            line = Find(text=press.value[:MOST_FOUND], first=first)
            return await self._find.answer(line, request)
        subject = subject_pressed(press.value)
        if subject is None or (press.pager != RELATED and press.name != "lookup.related"):
            return pages.sentence(request.texts.say("bot.press.unreadable"))
        return await self._subjects.related(ShowRelated(subject=subject, first=first), request)
