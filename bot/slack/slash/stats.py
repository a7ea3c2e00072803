"""`/koban stats`: the team's numbers, each with its denominator, and none about a person."""

from datetime import datetime, timedelta

from activities.slack import report_message as words
from activities.slack.text.texts import Catalog
from bot.services.team import TeamDesk
from bot.slack.drawing import moment, section
from bot.slack.replies import Said
from bot.slack.slash.grammar import Window
from workflows.domain.numbers.model import Numbers

LASTS = {Window.DAY: timedelta(hours=24), Window.WEEK: timedelta(days=7)}


async def answer(team: TeamDesk, window: Window, now: datetime, texts: Catalog) -> Said:
    """The page of a window. Raises `Unavailable`."""
    numbers = await team.numbers(now - LASTS[window], now)
    title = texts.say(f"bot.stats.{window}")
    period = texts.say("bot.stats.period", since=moment(numbers.since), until=moment(numbers.until))
    lines = [f"*{title}*", period, *rows(numbers, texts)]
    playbooks = list(words.playbooks(numbers, team.titles(), texts))
    rest = (section("\n".join(playbooks)),) if playbooks else ()
    return Said(text=title, blocks=(section("\n".join(lines)), *rest))


def rows(numbers: Numbers, texts: Catalog) -> list[str]:
    """Every number, a line each."""
    return [
        words.flow(numbers, texts),
        words.now(numbers, texts),
        words.age(numbers, texts),
        words.decisions(numbers, texts),
        words.in_time(numbers, texts),
        *words.speed(numbers, texts),
        words.approvals(numbers, texts),
        words.protections(numbers, texts),
    ]
