"""Command `cover`: a lead's role for a colleague, for a limited time."""

import re
from datetime import date, datetime, time, timedelta, tzinfo

from activities.ledger.team import ActiveCover
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands.base import Answer, Request
from bot.slack.commands.pages import sentence
from bot.slack.commands.parser import Incomplete, Lookups, Verb, mentioned, plainly
from bot.slack.listener import SlackContext
from bot.slack.permissions import holder_words
from bot.slack.rendering import moment, person, section
from bot.slack.replies import Said
from workflows.domain.people import WORKING_ROLES, Cover, Role
from workflows.domain.values import Value

# No case decides about covers, so roles are checked here.

FORM = "cover @name until 18:00"
LONGEST = timedelta(hours=24)
"""A longer absence needs a change of roles.yaml, which is reviewed."""

LEADS_ONLY = "leads_only"
MAY_END = frozenset({Role.LEAD, Role.ADMIN})
"""Roles that may end any cover: its giver may be absent."""


class LetCover(Value):
    """`cover @person until 18:00`; without a day the next such time."""

    person: str
    day: date | None = None
    at: time


class ShowCovers(Value):
    """`cover`."""


class EndCovers(Value):
    """`cover end`: my own covers; `cover end @person`: those that the person gives or has."""

    person: str | None = None


CoverLine = LetCover | ShowCovers | EndCovers

_END = ("end", "stop", "終了", "解除")
_UNTIL = re.compile(
    r"(?:に|が|を)? ?(?:until|till)? ?"
    r"(?:(\d{4})[-/](\d{1,2})[-/](\d{1,2}) )?"
    r"(\d{1,2})(?::(\d{2})|時(?:(\d{1,2})分)?) ?(?:まで)?"
)


def _cover(rest: str, lookups: Lookups) -> Value:
    if not rest:
        return ShowCovers()
    if plainly(rest) in _END:
        return EndCovers()
    person, said = mentioned(rest)
    if person is not None and plainly(said) in _END:
        return EndCovers(person=person)
    # Single spaces: several `\s*` in a row would take quadratic time.
    until = _UNTIL.fullmatch(" ".join(plainly(said).split()))
    try:
        if person is not None and until is not None:
            return LetCover(person=person, day=_day(until), at=_time(until))
    except ValueError:
        pass  # the 31st of June, or 25:00
    return Incomplete(form=FORM, wants_time=True)


def _day(until: re.Match[str]) -> date | None:
    return date(int(until[1]), int(until[2]), int(until[3])) if until[1] else None


def _time(until: re.Match[str]) -> time:
    return time(int(until[4]), int(until[5] or until[6] or 0))


class CoverAnswer(Answer):
    """The answers to `cover`; people who cover are notified."""

    verbs = (
        Verb(
            "cover",
            _cover,
            (
                (FORM, "cover"),
                ("cover", "covers"),
                ("cover end", "cover_end"),
                ("cover end @name", "cover_end_of"),
            ),
            "代理",
            raw=True,
        ),
    )
    lines = (LetCover, ShowCovers, EndCovers)

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._covers = context.services.covers

    async def answer(self, line: CoverLine, request: Request) -> Said:
        """Begins, ends or lists covers. Raises `Unavailable`."""
        me, now, texts = request.source.person, request.now, request.texts
        if isinstance(line, ShowCovers):
            return _listed(await self._shown(me, now), me, texts)
        if isinstance(line, LetCover):
            return await self._begin(line, me, now, texts)
        if line.person in (None, me):
            ended = await self._covers.end(me, now)
            return _said(texts, "ended" if ended else "none_to_end", count=ended)
        return await self._end_of(line.person or "", me, now, texts)

    async def _shown(self, me: str, now: datetime) -> tuple[ActiveCover, ...]:
        """All covers for roles that may end or read any; else the person's own."""
        if (MAY_END | {Role.AUDITOR}) & await self._services.people.roles(me):
            return await self._covers.all(now)
        return await self._covers.around(me, now)

    async def _end_of(self, who: str, me: str, now: datetime, texts: Catalog) -> Said:
        if not MAY_END & await self._services.people.roles(me):
            return await self._refusal("not_yours_to_end", (Role.LEAD, Role.ADMIN), texts)
        ended = await self._covers.end_around(who, me, now)
        for each in ended:
            self._after.start(self._notify_end(each, me))
        key = "ended_for" if ended else "none_to_end_for"
        return _said(texts, key, count=len(ended), person=person(who, texts))

    async def _notify_end(self, cover: ActiveCover, by: str) -> None:
        """Notifies both people of a cover that somebody else ended."""
        for who in {cover.covers_for, cover.person} - {by}:
            texts = await self._texts(who)
            names = {
                "by": person(by, texts),
                "person": person(cover.person, texts),
                "covers_for": person(cover.covers_for, texts),
            }
            await self._replies.directly(who, _said(texts, "end_notice", **names))

    async def _begin(self, line: LetCover, me: str, now: datetime, texts: Catalog) -> Said:
        until = moment_meant(line, now, self._services.zone)
        refused = await self._problem(line, me, until - now)
        if refused == LEADS_ONLY:
            return await self._refusal(refused, (Role.LEAD,), texts)
        if refused is not None:
            return _said(texts, refused, person=person(line.person, texts))
        cover = Cover(role=Role.LEAD, person=me, until=until)
        await self._covers.begin(line.person, cover, now)
        self._after.start(self._notify(line.person, cover))
        return _said(texts, "started", person=person(line.person, texts), at=moment(until))

    async def _notify(self, who: str, cover: Cover) -> None:
        texts = await self._texts(who)
        notice = _said(texts, "notice", person=person(cover.person, texts), at=moment(cover.until))
        await self._replies.directly(who, notice)

    async def _refusal(self, key: str, roles: tuple[Role, ...], texts: Catalog) -> Said:
        holders = await holder_words(self._services.people, roles, texts)
        return _said(texts, key, holders=holders)

    async def _problem(self, line: LetCover, me: str, lasts: timedelta) -> str | None:
        """The key of the error that forbids a cover; None if it may begin."""
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
    return sentence(texts.say(f"bot.cover.{key}", **values))


def _listed(covers: tuple[ActiveCover, ...], me: str, texts: Catalog) -> Said:
    if not covers:
        return _said(texts, "none")
    title = texts.say("bot.cover.title")
    rows = [f"• {_row(each, me, texts)}" for each in covers]
    return Said(text=title, blocks=(section("\n".join([f"*{title}*", *rows])),))


def cover_words(cover: ActiveCover, texts: Catalog) -> str:
    """The people of a cover, and its end."""
    who, of = person(cover.person, texts), person(cover.covers_for, texts)
    return texts.say("bot.cover.row", person=who, covers_for=of, at=moment(cover.until))


def _row(cover: ActiveCover, me: str, texts: Catalog) -> str:
    if me not in (cover.person, cover.covers_for):
        return cover_words(cover, texts)
    mine = cover.covers_for == me
    other = cover.person if mine else cover.covers_for
    key = "bot.cover.for_me" if mine else "bot.cover.by_me"
    return texts.say(key, person=person(other, texts), at=moment(cover.until))
