"""Command `open`: a case about a subject, by hand."""

import asyncio

from bot.services.cases import CaseLine
from bot.slack.commands import pages
from bot.slack.commands.parser import OpenCase
from bot.slack.commands.request import Request, leads_said
from bot.slack.context import Listener, SlackContext
from bot.slack.manual.alert import (
    AlertFault,
    AlertForm,
    Made,
    Words,
    Wrong,
    fault_words,
    opened_page,
)
from bot.slack.replies import Said
from workflows.domain.alerts import PEOPLE, may_open

SOON = 8.0
"""Seconds that an answer waits for the card, so that it can link to it."""
ASKING = 5.0
"""Seconds that the platform is given: the command is acknowledged already."""


class OpenAnswer(Listener):
    """Opens cases, and answers with their cards."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._form = AlertForm(context)

    async def answer(self, line: OpenCase, request: Request) -> Said:
        """The case is durable when this returns. Raises `Unavailable`."""
        if not may_open(request.roles):
            return await leads_said(self._services.people, "bot.hand.no_role", request.texts)
        words = Words(
            # Two presses of Enter are two commands for Slack: the second alert joins the case.
            id=request.source.trigger_id,
            detector=PEOPLE,
            by=request.source.person,
            kind=line.kind,
            subject=line.subject,
            note=line.note,
        )
        made = await self._form.make(words, request.now, ASKING)
        if isinstance(made, AlertFault):
            return _refused(made, line, request)
        await self._form.hand_over(made)
        return await self._told(made, request)

    async def _told(self, made: Made, request: Request) -> Said:
        standing = self._after.start(self._form.carded(made))
        await asyncio.wait([standing], timeout=SOON)
        soon = standing.result() if standing.done() else await self._form.now(made)
        if soon is None or soon.card is None:
            self._after.start(self._tell_later(made, request, standing))
        return opened_page(made, soon, request.texts, await self._links.base())

    async def _tell_later(
        self, made: Made, request: Request, standing: asyncio.Task[CaseLine | None]
    ) -> None:
        """Slack is slow: the card's link follows once it stands."""
        line = await standing
        if line is not None and line.card is not None:
            said = opened_page(made, line, request.texts, await self._links.base())
            await self._replies.privately(request.source, said)


def _refused(fault: AlertFault, line: OpenCase, request: Request) -> Said:
    if fault.wrong is Wrong.KIND and fault.nearest is not None:
        nearest = f"open {fault.nearest} {line.subject} {line.note}".strip()
        return pages.unknown_page(request.texts, f"open {line.kind}", nearest)
    about_kind = fault.wrong in (Wrong.KIND, Wrong.NO_PLAYBOOK)
    written = line.kind if about_kind else line.subject
    return pages.sentence(fault_words(fault, written, request.texts))
