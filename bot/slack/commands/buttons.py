"""Buttons below the answers of `/koban`."""

import re

from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.actions import POLICY_CONFIRM
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands import pages
from bot.slack.commands.automation import RESUME, AutomationAnswer
from bot.slack.commands.base import Request, no_role, said_or_failed
from bot.slack.commands.find import MOST_FOUND, Find, FindAnswer
from bot.slack.commands.find import PAGER as FIND
from bot.slack.commands.playbook import PAGER as HISTORY
from bot.slack.commands.playbook import PlaybookAnswer, ShowHistory
from bot.slack.commands.reveal import RevealModal, subject_pressed
from bot.slack.commands.subject import PAGER as RELATED
from bot.slack.commands.subject import ShowRelated, SubjectAnswer
from bot.slack.interactions import Press
from bot.slack.listener import ButtonListener, SlackContext
from bot.slack.manual.open import ManualAlertModals
from bot.slack.replies import Said
from workflows.domain.people import Role

ACTIONS = re.compile(
    r"lookup\.(?:reveal|related|open)|(?:find|related|history)\.page\.(?:before|next)"
    r"|automation\.resume|policy\.confirm"
)


class AnswerButtons(ButtonListener):
    """The listener of these buttons. Roles are checked at every press."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._subjects = SubjectAnswer(context)
        self._find = FindAnswer(context)
        self._automation = AutomationAnswer(context)
        self._playbooks = PlaybookAnswer(context)
        self._reveal = RevealModal(context)
        self._alerts = ManualAlertModals(context)

    async def _take(self, ack: AsyncAck, press: Press) -> None:
        """Answers a press; a change is durable before the ack."""
        if press.name in (RESUME, POLICY_CONFIRM):
            await self._answer(press)
            await ack()
            return
        await ack()
        self._after.start(self._show(press))

    async def _show(self, press: Press) -> None:
        subject = subject_pressed(press.value)
        if press.name == "lookup.reveal" and subject is not None:
            await self._reveal.open(press, subject)
        elif press.name == "lookup.open" and subject is not None:
            self._alerts.pressed(press)
        else:
            await self._answer(press)

    async def _answer(self, press: Press) -> None:
        texts = await self._texts(press.source.person)
        asking = self._said(press, texts)
        said, whole = await said_or_failed(asking, texts, "press", action=press.name)
        in_place = whole and press.page is not None
        await self._replies.privately(press.source, said, in_place=in_place)

    async def _roles(self, press: Press) -> frozenset[Role]:
        """The roles of the person; for an approval those of now, not those of a minute ago."""
        people, person = self._services.people, press.source.person
        if press.name in (RESUME, POLICY_CONFIRM):
            return frozenset((await people.grant(person, newest=True)).roles)
        return await people.roles(person)

    async def _said(self, press: Press, texts: Catalog) -> Said:
        roles = await self._roles(press)
        if not roles:
            return await no_role(self._services.people, texts)
        request = Request(source=press.source, roles=roles, texts=texts, now=self._now())
        if press.name == RESUME:
            return await self._automation.approve(press, request)
        if press.name == POLICY_CONFIRM:
            return await self._playbooks.confirm(press, request)
        first = int(press.page) if press.page is not None and press.page.isdecimal() else 0
        if press.pager == FIND:
            line = Find(text=press.value[:MOST_FOUND], first=first)
            return await self._find.answer(line, request)
        if press.pager == HISTORY:
            wanted = ShowHistory(name=press.value[:MOST_FOUND], first=first)
            return await self._playbooks.history(wanted, request)
        subject = subject_pressed(press.value)
        if subject is None or (press.pager != RELATED and press.name != "lookup.related"):
            return pages.sentence(texts.say("bot.press.unreadable"))
        return await self._subjects.related(ShowRelated(subject=subject, first=first), request)
