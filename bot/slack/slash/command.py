"""`/koban`: taken at once, answered to its person alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.text.texts import Catalog
from bot.slack.background import Background
from bot.slack.doors import Doors, Fact, LookedUp, Story, Unavailable
from bot.slack.languages import Languages
from bot.slack.links import Links
from bot.slack.press import Source
from bot.slack.queue import chosen
from bot.slack.replies import Replies, Said
from bot.slack.rights import holder_words
from bot.slack.slash import grammar, oncall, pages, stats
from bot.slack.slash.covering import CoverDesk
from bot.slack.slash.hands import hands_on
from workflows.domain.commands import Place
from workflows.domain.people import Role

_log = structlog.get_logger(__name__)


class Slash:
    """The listener of the slash command."""

    def __init__(
        self,
        doors: Doors,
        languages: Languages,
        replies: Replies,
        links: Links,
        after: Background,
        now: Callable[[], datetime],
    ) -> None:
        self._doors = doors
        self._languages = languages
        self._replies = replies
        self._links = links
        self._after = after
        self._now = now

    async def typed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a command; the answer follows by its response_url."""
        await ack()
        self._after.start(self._answer(_source(body), str(body.get("text") or "")))

    async def _answer(self, source: Source, text: str) -> None:
        texts = self._doors.texts(await self._languages.of(source.person))
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
        lookups = self._doors.policies.lookups()
        line = grammar.read(text, lookups)
        if isinstance(line, grammar.Help):
            return pages.help_page(texts, lookups)
        if isinstance(line, grammar.Unknown):
            return pages.unknown_page(texts, line.typed, line.nearest)
        if isinstance(line, grammar.Incomplete):
            return pages.incomplete_page(texts, line)
        roles = await self._doors.people.roles(source.person)
        if not roles:
            return await self._no_role(texts)
        if isinstance(line, grammar.CoverLine):
            return await self._covers(source, line, texts)
        if isinstance(line, grammar.TeamLine):
            return await self._team(line, texts)
        if isinstance(line, grammar.ShowQueue):
            return await self._queue(source, line, texts)
        if isinstance(line, grammar.ShowCase):
            return await self._case(source, line, roles, texts)
        return await self._subject(source, line, texts)

    async def _no_role(self, texts: Catalog) -> Said:
        leads = await holder_words(self._doors.people, (Role.LEAD,), texts)
        return pages.sentence(texts.say("bot.slash.no_role", holders=leads))

    async def _covers(self, source: Source, line: grammar.CoverLine, texts: Catalog) -> Said:
        desk = CoverDesk(self._doors, self._languages, self._replies, self._after)
        return await desk.answer(line, source.person, self._now(), texts)

    async def _team(self, line: grammar.TeamLine, texts: Catalog) -> Said:
        if isinstance(line, grammar.ShowOnCall):
            return oncall.page(await self._doors.team.on_call(self._now()), texts)
        return await stats.answer(self._doors.team, line.window, self._now(), texts)

    async def _queue(self, source: Source, line: grammar.ShowQueue, texts: Catalog) -> Said:
        now = self._now()
        lines = chosen(await self._doors.ledger.queue(), line.which, source.person, now)
        return pages.queue_page(lines, line.which, texts, await self._links.base(), now)

    async def _case(
        self, source: Source, line: grammar.ShowCase, roles: frozenset[Role], texts: Catalog
    ) -> Said:
        await self._note(source, "case", line.case)
        story = await self._doors.ledger.story(line.case)
        if story is None:
            return pages.sentence(texts.say("bot.case.unknown", case=line.case))
        door = self._doors.rings
        tally = await door.progress(line.case) if door is not None else None
        rings = door is not None and self._allows_rings(story)
        hands = hands_on(story, source.person, roles, texts, rings, tally is not None)
        base, now = await self._links.base(), self._now()
        return pages.case_page(story, texts, base, now, hands, tally)

    def _allows_rings(self, story: Story) -> bool:
        _, _, rest = story.line.route.partition("/")
        playbook = self._doors.policies.playbook(rest.partition("/")[0])
        return playbook is not None and playbook.ring

    async def _subject(self, source: Source, line: grammar.ShowSubject, texts: Catalog) -> Said:
        subject = line.subject
        await self._note(source, subject.type, subject.id)
        past = await self._doors.ledger.past(subject)
        facts: tuple[Fact, ...] | None = None
        away = False
        try:
            facts = await self._doors.platform.look_up(subject.type, subject.id)
        except Unavailable as error:
            # The team's own history is worth showing without the platform's fields.
            _log.warning("platform_unavailable", error=str(error))
            away = True
        base = await self._links.base()
        return pages.subject_page(subject, facts, past, texts, base, away)

    async def _note(self, source: Source, kind: str, id_: str) -> None:
        """Writes down who looks at whom, before anything is shown."""
        channel = source.place.channel if source.place else "?"
        note = LookedUp(
            by=source.person, kind=kind, id=id_, why=f"/koban {kind} in {channel}", at=self._now()
        )
        await self._doors.ledger.looked_up(note)


def _source(body: dict[str, Any]) -> Source:
    channel = body.get("channel_id")
    return Source(
        person=str(body.get("user_id") or ""),
        place=Place(channel=str(channel)) if channel else None,
        response_url=body.get("response_url"),
        trigger_id=str(body.get("trigger_id") or ""),
    )
