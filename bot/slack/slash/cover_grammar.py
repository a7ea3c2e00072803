"""`cover …`: a person and a time, in both languages."""

import re
from datetime import date, time

from bot.slack.slash.lines import COVER_FORM, EndCovers, Incomplete, LetCover, Line, ShowCovers
from bot.slack.slash.typed import mentioned
from bot.slack.slash.wording import plainly

_END = ("end", "stop", "終了", "解除")
_UNTIL = re.compile(
    r"(?:に|が|を)?\s*(?:until|till)?\s*"
    r"(?:(\d{4})[-/](\d{1,2})[-/](\d{1,2})\s+)?"
    r"(\d{1,2})(?::(\d{2})|時(?:(\d{1,2})分)?)\s*(?:まで)?"
)


def cover(rest: str) -> Line:
    """What stands behind `cover`, with Slack's marks for people."""
    if not rest:
        return ShowCovers()
    if plainly(rest) in _END:
        return EndCovers()
    person, said = mentioned(rest)
    if person is not None and plainly(said) in _END:
        return EndCovers(person=person)
    until = _UNTIL.fullmatch(plainly(said))
    try:
        if person is not None and until is not None:
            return LetCover(person=person, day=_day(until), at=_time(until))
    except ValueError:
        pass  # the 31st of June, or 25:00
    return Incomplete(form=COVER_FORM, wants_time=True)


def _day(until: re.Match[str]) -> date | None:
    return date(int(until[1]), int(until[2]), int(until[3])) if until[1] else None


def _time(until: re.Match[str]) -> time:
    return time(int(until[4]), int(until[5] or until[6] or 0))
