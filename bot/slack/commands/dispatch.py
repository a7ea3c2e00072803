"""Slash command `/koban`: acknowledged at once, answered by the command of its first word."""

import difflib
from collections.abc import Iterable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.i18n.catalog import Catalog
from bot.slack.commands import pages
from bot.slack.commands.automation import AutomationAnswer
from bot.slack.commands.base import Answer, Request, no_role, said_or_failed
from bot.slack.commands.cases import CasesAnswer
from bot.slack.commands.cover import CoverAnswer
from bot.slack.commands.detectors import DetectorAnswer
from bot.slack.commands.find import FindAnswer
from bot.slack.commands.open import OpenAnswer
from bot.slack.commands.parser import (
    HELP,
    MOST_CHARACTERS,
    Help,
    Incomplete,
    Lookups,
    Unknown,
    as_typed,
    case_named,
    split,
)
from bot.slack.commands.playbook import PlaybookAnswer
from bot.slack.commands.subject import SubjectAnswer, read_subject
from bot.slack.commands.team import TeamAnswer
from bot.slack.interactions import Source
from bot.slack.listener import Listener, SlackContext
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
    DetectorAnswer,
    TeamAnswer,
    CoverAnswer,
)
"""Every command, in the order of `help`."""

VERBS = tuple(verb for answer in ANSWERS for verb in answer.verbs)
FORMS = (*(form for verb in VERBS for form in verb.forms), ("help", "help"))
"""Every form with one example, and the last part of the key `bot.help.{key}`."""


_KNOWN = {word: verb for verb in VERBS for word in (verb.name, verb.japanese) if word}


def read(text: str, lookups: Lookups) -> Value:
    """The command in `text`: `Help`, `Unknown`, `Incomplete` or the value of a verb."""
    sent = text[:MOST_CHARACTERS]
    word, rest = split(sent)
    if word in _KNOWN and _KNOWN[word].raw:
        return _KNOWN[word].read(rest, lookups)
    typed = as_typed(sent)
    word, rest = split(typed)
    if word in HELP:
        return Help()
    if word in _KNOWN:
        return _KNOWN[word].read(rest, lookups)
    if word in lookups:
        return read_subject(word, rest)
    return Unknown(typed=typed.strip(), nearest=_nearest(word, rest, lookups))


def _nearest(word: str, rest: str, lookups: Lookups) -> str | None:
    if case := case_named(word):
        return f"case {case}"
    if form := next((form for form, _ in FORMS if form.split()[1:] == [word]), None):
        return form
    words = ["help", *(each.name for each in VERBS), *lookups]
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if not near:
        return None
    # Only a line that can be read is worth proposing.
    meant = read(f"{near[0]} {rest}", lookups)
    return meant.nearest if isinstance(meant, Unknown) else f"{near[0]} {rest}".strip()


def help_page(texts: Catalog, lookups: Iterable[str]) -> Said:
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
        asking = self._said(source, text, texts)
        said, _ = await said_or_failed(asking, texts, "command", person=source.person)
        await self._replies.privately(source, said)

    async def _said(self, source: Source, text: str, texts: Catalog) -> Said:
        lookups = tuple(self._services.policies.look_ups().lookups)
        line = read(text, lookups)
        if isinstance(line, Help):
            return help_page(texts, lookups)
        if isinstance(line, Unknown):
            return pages.unknown_page(texts, line.typed, line.nearest)
        if isinstance(line, Incomplete):
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
