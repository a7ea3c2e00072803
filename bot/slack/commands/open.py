"""Command `open`: a case that a person opens."""

import asyncio

from bot.services.cases import CaseLine
from bot.slack.commands import pages
from bot.slack.commands.base import Answer, Request, leads_said
from bot.slack.commands.parser import Incomplete, Lookups, Verb, plainly
from bot.slack.listener import SlackContext
from bot.slack.manual.alert import (
    AlertBuilder,
    AlertFault,
    AlertInput,
    NewAlert,
    Wrong,
    block_of,
    fault_words,
    opened_page,
)
from bot.slack.replies import Said
from workflows.domain.alerts import PEOPLE, may_open
from workflows.domain.policy.limits import Power
from workflows.domain.values import Value

FORM = "open off_platform user:u_123 note"
ASKING = 5.0
"""Seconds for the platform: the command is acknowledged already."""


class OpenCase(Value):
    """`open KIND SUBJECT [note]` as typed."""

    kind: str
    subject: str
    note: str = ""


def _open(rest: str, lookups: Lookups) -> Value:
    words = rest.split(maxsplit=2)
    if len(words) < 2:
        return Incomplete(form=FORM, wants_words=True)
    note = words[2].strip() if len(words) > 2 else ""
    return OpenCase(kind=plainly(words[0]), subject=words[1], note=note)


class OpenAnswer(Answer):
    """Opens cases, and answers with their cards."""

    verbs = (Verb("open", _open, ((FORM, "open"),), "作成"),)
    lines = (OpenCase,)

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._builder = AlertBuilder(context)

    async def answer(self, line: OpenCase, request: Request) -> Said:
        """The case is durable when this returns. Raises `Unavailable`."""
        if not may_open(request.roles):
            return await leads_said(self._services.people, "bot.manual.no_role", request.texts)
        given = AlertInput(
            # Enter pressed twice makes two commands: the second alert joins the case.
            id=request.source.trigger_id,
            detector=PEOPLE,
            by=request.source.person,
            kind=line.kind,
            subject=line.subject,
            note=line.note,
        )
        new = await self._builder.build(given, request.now, ASKING)
        if isinstance(new, AlertFault):
            return _refused(new, line, request)
        person, texts = request.source.person, request.texts
        refused = await self._over_limit(Power.REPORTS, person, new.alert.id, texts)
        if refused is not None:
            return pages.sentence(refused)
        await self._builder.submit(new)
        return await self._page(new, request)

    async def _page(self, new: NewAlert, request: Request) -> Said:
        carded = self._after.start(self._builder.carded(new))
        await asyncio.wait([carded], timeout=self._services.timeouts.case)
        soon = carded.result() if carded.done() else await self._builder.now(new)
        if soon is None or soon.card is None:
            self._after.start(self._link_later(new, request, carded))
        return opened_page(new, soon, request.texts, await self._links.base())

    async def _link_later(
        self, new: NewAlert, request: Request, carded: asyncio.Task[CaseLine | None]
    ) -> None:
        """Sends the link once a slow Slack has the card."""
        line = await carded
        if line is not None and line.card is not None:
            said = opened_page(new, line, request.texts, await self._links.base())
            await self._replies.privately(request.source, said)


def _refused(fault: AlertFault, line: OpenCase, request: Request) -> Said:
    if fault.wrong is Wrong.KIND and fault.nearest is not None:
        nearest = f"open {fault.nearest} {line.subject} {line.note}".strip()
        return pages.unknown_page(request.texts, f"open {line.kind}", nearest)
    written = line.subject if block_of(fault.wrong) == "subject" else line.kind
    return pages.sentence(fault_words(fault, written, request.texts))
