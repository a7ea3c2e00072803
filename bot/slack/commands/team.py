"""Commands `oncall` and `stats`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from activities.slack import report_message as words
from activities.slack.i18n.catalog import Catalog
from bot.services.team import Duty, OnCall
from bot.slack.commands.base import Answer, Request
from bot.slack.commands.cover import cover_words
from bot.slack.commands.detectors import gap_blocks
from bot.slack.commands.parser import Lookups, Unknown, Verb, plainly
from bot.slack.rendering import Block, moment, person, safe, section
from bot.slack.replies import Said
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.people import WORKING_ROLES
from workflows.domain.values import Text, Value

_MOST_NAMED = 20


def on_call_page(on_call: OnCall, texts: Catalog) -> Said:
    """The answer to `oncall`."""
    title = texts.say("bot.oncall.title")
    return Said(text=title, blocks=tuple(blocks(on_call, texts)))


def blocks(on_call: OnCall, texts: Catalog) -> Iterator[Block]:
    """A paragraph each: now, next, covers."""
    if not on_call.roster:
        yield section("\n".join(now(on_call, texts)))
    else:
        yield _titled("bot.oncall.now", now(on_call, texts), texts)
        coming = [_duty("bot.oncall.upcoming", each, texts) for each in on_call.next]
        yield _titled("bot.oncall.next", coming or [texts.say("bot.oncall.no_next")], texts)
    if on_call.covers:
        rows = [f"• {cover_words(each, texts)}" for each in on_call.covers]
        yield _titled("bot.oncall.covers", rows, texts)


def now(on_call: OnCall, texts: Catalog) -> list[str]:
    """The current shifts, one line each; a sentence without any."""
    if not on_call.roster:
        return [texts.say("bot.oncall.no_roster"), *_holders(on_call, texts)]
    on = [_duty("bot.oncall.on", each, texts) for each in on_call.now]
    return on or [texts.say("bot.oncall.nobody")]


def _titled(key: str, rows: Sequence[str], texts: Catalog) -> Block:
    return section("\n".join([f"*{texts.say(key)}*", *rows]))


def _duty(key: str, duty: Duty, texts: Catalog) -> str:
    turn = duty.turn
    at = turn.ends if key == "bot.oncall.on" else turn.starts
    row = texts.say(
        key,
        shift=safe(turn.title.in_(texts.language), 60),
        at=moment(at),
        people=_named(duty.people, texts),
    )
    leads = texts.say("bot.oncall.leads", people=_named(duty.leads, texts))
    return f"{row} · {leads}"


def _holders(on_call: OnCall, texts: Catalog) -> Iterator[str]:
    for role in sorted(WORKING_ROLES, reverse=True):
        people = _named(on_call.holders.get(role), texts)
        yield texts.say("bot.oncall.role", role=texts.say(f"role.{role}"), people=people)


def _named(people: Sequence[str] | None, texts: Catalog) -> str:
    if people is None:
        return texts.say("bot.oncall.unknown")
    if not people:
        return texts.say("words.nobody")
    return texts.say("words.comma").join(person(each, texts) for each in people[:_MOST_NAMED])


def rows(numbers: Numbers, texts: Catalog) -> list[str]:
    """Every number, one line each."""
    return [
        words.flow(numbers, texts),
        words.now(numbers, texts),
        words.age(numbers, texts),
        words.decisions(numbers, texts),
        *words.in_time(numbers, texts),
        *words.speed(numbers, texts),
        words.approvals(numbers, texts),
        words.protections(numbers, texts),
        *words.without_case(numbers, texts),
    ]


class Window(StrEnum):
    """The period of the numbers."""

    DAY = "24h"
    WEEK = "7d"


LASTS = {Window.DAY: timedelta(hours=24), Window.WEEK: timedelta(days=7)}


class ShowStats(Value):
    """`stats [24h|7d]`."""

    window: Window = Window.DAY


class ShowOnCall(Value):
    """`oncall`."""


def _stats(rest: str, lookups: Lookups) -> Value:
    word = plainly(rest)
    if not word:
        return ShowStats()
    if word in set(Window):
        return ShowStats(window=Window(word))
    return Unknown(typed=f"stats {rest}")


class TeamAnswer(Answer):
    """The answers to `oncall` and `stats`."""

    verbs = (
        Verb("oncall", lambda rest, _: ShowOnCall(), (("oncall", "oncall"),)),
        Verb("stats", _stats, (("stats 7d", "stats"),)),
    )
    lines = (ShowOnCall, ShowStats)

    async def answer(self, line: ShowOnCall | ShowStats, request: Request) -> Said:
        """The people on call, or the numbers of a period. Raises `Unavailable`."""
        team, now = self._services.team, request.now
        if isinstance(line, ShowOnCall):
            return on_call_page(await team.on_call(now), request.texts)
        numbers = await team.numbers(now - LASTS[line.window], now)
        gaps = await gap_blocks(self._services, now, request.texts)
        return stats_page(numbers, line.window, team.titles(), request.texts, gaps)


def stats_page(
    numbers: Numbers,
    window: Window,
    titles: Mapping[str, Text],
    texts: Catalog,
    above: Sequence[Block] = (),
) -> Said:
    """The numbers of a period, below the gaps in detection now."""
    title = texts.say(f"bot.stats.{window}")
    period = texts.say("bot.stats.period", since=moment(numbers.since), until=moment(numbers.until))
    lines = [f"*{title}*", period, *rows(numbers, texts)]
    playbooks = [*words.playbooks(numbers, titles, texts), *words.trials(numbers, titles, texts)]
    rest = (section("\n".join(playbooks)),) if playbooks else ()
    return Said(text=title, blocks=(*above, section("\n".join(lines)), *rest))
