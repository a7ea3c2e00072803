"""Command `cover`: who holds a role in somebody's stead."""

from datetime import datetime, timedelta, tzinfo

from activities.ledger.team import ActiveCover
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands.parser import CoverLine, LetCover, ShowCovers
from bot.slack.context import Listener, SlackContext
from bot.slack.permissions import holder_words
from bot.slack.rendering import moment, person, section
from bot.slack.replies import Said
from workflows.domain.people import WORKING_ROLES, Cover, Role

# They are decided here and nowhere else, so rights are asked for here.

LONGEST = timedelta(hours=24)
"""Who is away for longer needs somebody else in roles.yaml, which is reviewed."""

LEADS_ONLY = "leads_only"
MAY_END = frozenset({Role.LEAD, Role.ADMIN})
"""Whoever gave a cover may be away when it has to end."""


class CoverAnswer(Listener):
    """Answers the forms of `/koban cover`, and tells whoever covers."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._covers = context.services.covers

    async def answer(self, line: CoverLine, me: str, now: datetime, texts: Catalog) -> Said:
        """Begins, ends or lists covers. Raises `Unavailable`."""
        if isinstance(line, ShowCovers):
            return _listed(await self._shown(me, now), me, texts)
        if isinstance(line, LetCover):
            return await self._begin(line, me, now, texts)
        if line.person in (None, me):
            ended = await self._covers.end(me, now)
            return _said(texts, "ended" if ended else "none_to_end", count=ended)
        return await self._end_of(line.person or "", me, now, texts)

    async def _shown(self, me: str, now: datetime) -> tuple[ActiveCover, ...]:
        """Who may end any cover, or reads everything, sees all of them."""
        if (MAY_END | {Role.AUDITOR}) & await self._services.people.roles(me):
            return await self._covers.all(now)
        return await self._covers.around(me, now)

    async def _end_of(self, who: str, me: str, now: datetime, texts: Catalog) -> Said:
        if not MAY_END & await self._services.people.roles(me):
            return await self._not_theirs("not_yours_to_end", (Role.LEAD, Role.ADMIN), texts)
        ended = await self._covers.end_around(who, me, now)
        for each in ended:
            self._after.start(self._tell_end(each, me))
        key = "ended_for" if ended else "none_to_end_for"
        return _said(texts, key, count=len(ended), person=person(who, texts))

    async def _tell_end(self, cover: ActiveCover, by: str) -> None:
        """Whoever gave it, and whoever has it, must not believe that it goes on."""
        for who in {cover.covers_for, cover.person} - {by}:
            texts = await self._texts(who)
            names = {
                "by": person(by, texts),
                "person": person(cover.person, texts),
                "covers_for": person(cover.covers_for, texts),
            }
            await self._replies.directly(who, _said(texts, "told_end", **names))

    async def _begin(self, line: LetCover, me: str, now: datetime, texts: Catalog) -> Said:
        until = moment_meant(line, now, self._services.zone)
        refused = await self._refused(line, me, until - now)
        if refused == LEADS_ONLY:
            return await self._not_theirs(refused, (Role.LEAD,), texts)
        if refused is not None:
            return _said(texts, refused, person=person(line.person, texts))
        cover = Cover(role=Role.LEAD, person=me, until=until)
        await self._covers.begin(line.person, cover, now)
        self._after.start(self._tell(line.person, cover))
        return _said(texts, "begun", person=person(line.person, texts), at=moment(until))

    async def _tell(self, who: str, cover: Cover) -> None:
        texts = await self._texts(who)
        told = _said(texts, "told", person=person(cover.person, texts), at=moment(cover.until))
        await self._replies.directly(who, told)

    async def _not_theirs(self, key: str, roles: tuple[Role, ...], texts: Catalog) -> Said:
        holders = await holder_words(self._services.people, roles, texts)
        return _said(texts, key, holders=holders)

    async def _refused(self, line: LetCover, me: str, lasts: timedelta) -> str | None:
        """What keeps `line` from being done."""
        if line.person == me:
            return "yourself"
        if lasts <= timedelta():
            return "past"
        if lasts > LONGEST:
            return "too_long"
        if Role.LEAD not in await self._services.people.roles(me):
            return LEADS_ONLY
        if not await self._services.people.roles(line.person) & WORKING_ROLES:
            return "not_a_colleague"
        return None


def moment_meant(line: LetCover, now: datetime, zone: tzinfo) -> datetime:
    """The time on the day that was named, or the next such time."""
    today = now.astimezone(zone).date()
    meant = datetime.combine(line.day or today, line.at, zone)
    if line.day is None and meant <= now:
        return datetime.combine(today + timedelta(days=1), line.at, zone)
    return meant


def _said(texts: Catalog, key: str, **values: object) -> Said:
    text = texts.say(f"bot.cover.{key}", **values)
    return Said(text=text, blocks=(section(text),))


def _listed(covers: tuple[ActiveCover, ...], me: str, texts: Catalog) -> Said:
    if not covers:
        return _said(texts, "none")
    title = texts.say("bot.cover.title")
    rows = [f"• {_row(each, me, texts)}" for each in covers]
    return Said(text=title, blocks=(section("\n".join([f"*{title}*", *rows])),))


def _row(cover: ActiveCover, me: str, texts: Catalog) -> str:
    if me not in (cover.person, cover.covers_for):
        who, of = person(cover.person, texts), person(cover.covers_for, texts)
        return texts.say("bot.cover.row", person=who, covers_for=of, at=moment(cover.until))
    mine = cover.covers_for == me
    other = cover.person if mine else cover.covers_for
    key = "bot.cover.for_me" if mine else "bot.cover.by_me"
    return texts.say(key, person=person(other, texts), at=moment(cover.until))
