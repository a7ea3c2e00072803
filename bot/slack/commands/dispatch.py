"""Slash command `/koban`: acknowledged at once, answered by the command of its first word."""

from collections.abc import Sequence
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands import pages, parser
from bot.slack.commands.automation import AutomationAnswer
from bot.slack.commands.cases import CasesAnswer
from bot.slack.commands.cover import CoverAnswer
from bot.slack.commands.find import FindAnswer
from bot.slack.commands.open import OpenAnswer
from bot.slack.commands.playbook import PlaybookAnswer
from bot.slack.commands.request import Answer, Request, no_role
from bot.slack.commands.subject import SubjectAnswer, read_subject
from bot.slack.commands.team import TeamAnswer
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Source
from bot.slack.rendering import safe, sections
from bot.slack.replies import Said
from workflows.domain.case.commands import Place
from workflows.domain.values import Value

ANSWERS: tuple[type[Answer], ...] = (
    CasesAnswer,
    FindAnswer,
    SubjectAnswer,
    OpenAnswer,
    PlaybookAnswer,
    AutomationAnswer,
    TeamAnswer,
    CoverAnswer,
)
"""Every command, in the order of `help`."""

VERBS = tuple(verb for answer in ANSWERS for verb in answer.verbs)
FORMS = (*(form for verb in VERBS for form in verb.forms), ("help", "help"))
"""Every form with one example, and the last part of the key `bot.help.{key}`."""

_log = structlog.get_logger(__name__)


def read(text: str, lookups: tuple[str, ...]) -> Value:
    """The command in `text`; see `parser.read`."""
    return parser.read(text, VERBS, read_subject, lookups)


def help_page(texts: Catalog, lookups: Sequence[str]) -> Said:
    """Every command with its explanation."""
    forms = [f"`/koban {form}` {texts.say(f'bot.help.{key}')}" for form, key in FORMS]
    lines = [
        f"*{texts.say('bot.help.title')}*",
        forms[0],
        *(f"`/koban {safe(kind, 40)} ID` {_help_of(kind, texts)}" for kind in lookups),
        *forms[1:],
        texts.say("bot.help.shortcuts"),
        texts.say("bot.help.logged"),
    ]
    return Said(text=texts.say("bot.help.title"), blocks=tuple(sections(lines)))


def _help_of(kind: str, texts: Catalog) -> str:
    word = f"subject.{kind}"
    named = texts.say(word) if word in texts.keys else safe(kind, 40)
    return texts.say("bot.help.user" if kind == "user" else "bot.help.subject", kind=named)


class Slash(Listener):
    """The listener of the slash command."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        answers = [make(context) for make in ANSWERS]
        self._answers = {line: each for each in answers for line in each.lines}

    async def typed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Acknowledges a command; the answer follows by its response_url."""
        await ack()
        self._after.start(self._answer(_source(body), str(body.get("text") or "")))

    async def _answer(self, source: Source, text: str) -> None:
        texts = await self._texts(source.person, self._services.timeouts.language_after_ack)
        try:
            said = await self._said(source, text, texts)
        except Unavailable as error:
            _log.warning("command_unavailable", person=source.person, error=str(error))
            said = pages.sentence(texts.say("bot.slash.unavailable"))
        except Exception:  # noqa: BLE001 -- the person needs an answer; the log has the trace
            _log.exception("command_failed", person=source.person)
            said = pages.sentence(texts.say("bot.slash.failed"))
        await self._replies.privately(source, said)

    async def _said(self, source: Source, text: str, texts: Catalog) -> Said:
        lookups = self._services.policies.lookups()
        line = read(text, lookups)
        if isinstance(line, parser.Help):
            return help_page(texts, lookups)
        if isinstance(line, parser.Unknown):
            return pages.unknown_page(texts, line.typed, line.nearest)
        if isinstance(line, parser.Incomplete):
            return pages.incomplete_page(texts, line)
        roles = await self._services.people.roles(source.person)
        if not roles:
            return await no_role(self._services.people, texts)
        request = Request(source=source, roles=roles, texts=texts, now=self._now())
        return await self._answers[type(line)].answer(line, request)


def _source(body: dict[str, Any]) -> Source:
    channel = body.get("channel_id")
    return Source(
        person=str(body.get("user_id") or ""),
        place=Place(channel=str(channel)) if channel else None,
        response_url=body.get("response_url"),
        trigger_id=str(body.get("trigger_id") or ""),
    )
