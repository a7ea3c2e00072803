"""Dispatch of `/koban`: acknowledged at once, answered by the command that the line names."""

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import Story
from bot.slack.commands import pages, parser, team
from bot.slack.commands.automation import AutomationAnswer, AutomationLine, halts
from bot.slack.commands.cover import CoverAnswer
from bot.slack.commands.find import FindAnswer
from bot.slack.commands.open import OpenAnswer
from bot.slack.commands.pages import case_buttons
from bot.slack.commands.playbook import PlaybookAnswer
from bot.slack.commands.request import Request, no_role, record_look_up
from bot.slack.commands.subject import SubjectAnswer
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Source
from bot.slack.queue import chosen
from bot.slack.replies import UNHURRIED, Said
from workflows.domain.case.commands import Place

_log = structlog.get_logger(__name__)


class Slash(Listener):
    """The listener of the slash command."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._covers = CoverAnswer(context)
        self._brake = AutomationAnswer(context)
        self._opening = OpenAnswer(context)
        self._find = FindAnswer(context)
        self._playbooks = PlaybookAnswer(context)
        self._subjects = SubjectAnswer(context)

    async def typed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a command; the answer follows by its response_url."""
        await ack()
        self._after.start(self._answer(_source(body), str(body.get("text") or "")))

    async def _answer(self, source: Source, text: str) -> None:
        texts = await self._texts(source.person, UNHURRIED)
        try:
            said = await self._said(source, text, texts)
        except Unavailable as error:
            _log.warning("command_unavailable", person=source.person, error=str(error))
            said = pages.sentence(texts.say("bot.slash.unavailable"))
        except Exception:  # noqa: BLE001 -- whoever typed must hear of it; the log keeps the trace
            _log.exception("command_failed", person=source.person)
            said = pages.sentence(texts.say("bot.slash.failed"))
        await self._replies.privately(source, said)

    async def _said(self, source: Source, text: str, texts: Catalog) -> Said:
        lookups = self._services.policies.lookups()
        line = parser.read(text, lookups)
        if isinstance(line, parser.Help):
            return pages.help_page(texts, lookups)
        if isinstance(line, parser.Unknown):
            return pages.unknown_page(texts, line.typed, line.nearest)
        if isinstance(line, parser.Incomplete):
            return pages.incomplete_page(texts, line)
        roles = await self._services.people.roles(source.person)
        if not roles:
            return await no_role(self._services.people, texts)
        request = Request(source=source, roles=roles, texts=texts, now=self._now())
        return await self._told(line, request)

    async def _told(self, line: parser.Told, request: Request) -> Said:
        """The answer of the desk that a line is for. Raises `Unavailable`."""
        if isinstance(line, parser.CoverLine):
            return await self._covers.answer(
                line, request.source.person, request.now, request.texts
            )
        if isinstance(line, parser.TeamLine):
            return await self._team(line, request)
        if isinstance(line, AutomationLine):
            return await self._brake.answer(line, request)
        if isinstance(line, parser.OpenCase):
            return await self._opening.answer(line, request)
        if isinstance(line, parser.Find):
            return await self._find.answer(line, request)
        if isinstance(line, parser.ShowPlaybook):
            return self._playbooks.answer(line, request)
        if isinstance(line, parser.ShowQueue):
            return await self._queue(line, request)
        if isinstance(line, parser.ShowCase):
            return await self._case(line, request)
        if isinstance(line, parser.ShowRelated):
            return await self._subjects.related(line, request)
        return await self._subjects.show(line.subject, request)

    async def _team(self, line: parser.TeamLine, request: Request) -> Said:
        if isinstance(line, parser.ShowOnCall):
            return team.page(await self._services.team.on_call(request.now), request.texts)
        return await team.answer(self._services.team, line.window, request.now, request.texts)

    async def _queue(self, line: parser.ShowQueue, request: Request) -> Said:
        found = await self._services.ledger.queue()
        lines = chosen(found, line.which, request.source.person, request.now)
        base = await self._links.base()
        above = await halts(self._services, request.now, request.texts)
        return pages.queue_page(lines, line.which, request.texts, base, request.now, above)

    async def _case(self, line: parser.ShowCase, request: Request) -> Said:
        await record_look_up(self._services, request, "case", line.case)
        story, texts = await self._services.ledger.story(line.case), request.texts
        if story is None:
            near = await self._services.finding.near(line.case)
            return pages.no_case_page(line.case, near, texts)
        tally = await self._services.bulk_decisions.progress(line.case)
        allowed, decided = self._allows_bulk(story), tally is not None
        person = request.source.person
        buttons = case_buttons(story, person, request.roles, texts, allowed, decided)
        base = await self._links.base()
        return pages.case_page(story, texts, base, request.now, buttons, tally)

    def _allows_bulk(self, story: Story) -> bool:
        _, _, rest = story.line.workflow_id.partition("/")
        playbook = self._services.policies.playbook(rest.partition("/")[0])
        return playbook is not None and playbook.bulk


def _source(body: dict[str, Any]) -> Source:
    channel = body.get("channel_id")
    return Source(
        person=str(body.get("user_id") or ""),
        place=Place(channel=str(channel)) if channel else None,
        response_url=body.get("response_url"),
        trigger_id=str(body.get("trigger_id") or ""),
    )
