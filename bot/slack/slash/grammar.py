"""What a person may type after `/koban`, and the nearest valid form of anything else."""

import difflib
import re
import unicodedata
from datetime import date, time
from enum import StrEnum

from pydantic import ValidationError

from bot.slack.slash.typed import as_typed, mentioned
from workflows.domain.alert import Subject
from workflows.domain.model import Value

MOST_CHARACTERS = 1_000
_CASE = re.compile(r"K[0-9A-HJKMNP-TV-Z]{8}")
# Crockford's alphabet leaves these out because they are misread; so they are read as meant.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_COVER = ("cover", "代理")
_END = ("end", "stop", "終了", "解除")
_UNTIL = re.compile(
    r"(?:に|が|を)?\s*(?:until|till)?\s*"
    r"(?:(\d{4})[-/](\d{1,2})[-/](\d{1,2})\s+)?"
    r"(\d{1,2})(?::(\d{2})|時(?:(\d{1,2})分)?)\s*(?:まで)?"
)
COVER_FORM = "cover @name until 18:00"


class Which(StrEnum):
    """Which part of the queue."""

    ALL = "all"
    MINE = "mine"
    OVERDUE = "overdue"
    APPROVALS = "approvals"


class Help(Value):
    """`help`, or nothing at all."""


class ShowCase(Value):
    """`case ID`."""

    case: str


class ShowSubject(Value):
    """`user ID`, `listing ID` …"""

    subject: Subject


class ShowQueue(Value):
    """`queue [mine|overdue|approvals]`."""

    which: Which


class Window(StrEnum):
    """Which time the numbers are of."""

    DAY = "24h"
    WEEK = "7d"


class ShowStats(Value):
    """`stats [24h|7d]`."""

    window: Window = Window.DAY


class ShowOnCall(Value):
    """`oncall`."""


class LetCover(Value):
    """`cover @person until 18:00`; without a day the next such time."""

    person: str
    day: date | None = None
    at: time


class ShowCovers(Value):
    """`cover`."""


class EndCovers(Value):
    """`cover end`: what I gave; `cover end @person`: what that person gives or has."""

    person: str | None = None


class Unknown(Value):
    """Anything else; `nearest` is what may have been meant, ready to be typed."""

    typed: str
    nearest: str | None = None


class Incomplete(Value):
    """A known command with an id missing or impossible; `form` shows how it is written.

    `wants_time`: what can't be read is a person or a time rather than an id.
    """

    form: str
    wants_time: bool = False


CoverLine = LetCover | ShowCovers | EndCovers
TeamLine = ShowStats | ShowOnCall
Line = Help | ShowCase | ShowSubject | ShowQueue | TeamLine | CoverLine | Unknown | Incomplete


def read(text: str, lookups: tuple[str, ...]) -> Line:
    """What `text` asks for; `lookups` are the types of subject that can be looked up."""
    sent = text[:MOST_CHARACTERS]
    verb, rest = _split(sent)
    if verb in _COVER:
        return _cover(rest)
    typed = as_typed(sent)
    verb, rest = _split(typed)
    if verb in ("", "help", "?"):
        return Help()
    if verb == "case":
        return _case(rest)
    if verb == "queue":
        return _queue(rest)
    if verb == "oncall":
        return ShowOnCall()
    if verb == "stats":
        return _stats(rest)
    if verb in lookups:
        return _subject(verb, rest)
    return Unknown(typed=typed.strip(), nearest=_nearest(verb, rest, lookups))


def _split(text: str) -> tuple[str, str]:
    words = text.split(maxsplit=1)
    if not words:
        return "", ""
    return _plainly(words[0]), words[1].strip() if len(words) > 1 else ""


def _plainly(word: str) -> str:
    """Full-width letters of a Japanese keyboard, and capitals, mean the same."""
    return unicodedata.normalize("NFKC", word).casefold()


def case_named(word: str) -> str | None:
    """The case id in `word`, however it was typed; None where it is none."""
    folded = unicodedata.normalize("NFKC", word).upper()
    folded = folded[:1] + folded[1:].translate(_MISREAD)
    return folded if _CASE.fullmatch(folded) else None


def _case(rest: str) -> Line:
    case = case_named(rest)
    return ShowCase(case=case) if case else Incomplete(form="case K7Q2F9XM0")


def _subject(kind: str, rest: str) -> Line:
    try:
        return ShowSubject(subject=Subject(type=kind, id=rest))
    except ValidationError:
        return Incomplete(form=f"{kind} {'u_123' if kind == 'user' else 'ID'}")


def _cover(rest: str) -> Line:
    if not rest:
        return ShowCovers()
    if _plainly(rest) in _END:
        return EndCovers()
    person, said = mentioned(rest)
    if person is not None and _plainly(said) in _END:
        return EndCovers(person=person)
    until = _UNTIL.fullmatch(_plainly(said))
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


def _queue(rest: str) -> Line:
    word = _plainly(rest)
    if not word:
        return ShowQueue(which=Which.ALL)
    if word in set(Which):
        return ShowQueue(which=Which(word))
    near = difflib.get_close_matches(word, [each for each in Which if each != Which.ALL], n=1)
    return Unknown(typed=f"queue {rest}", nearest=f"queue {near[0]}" if near else "queue")


def _stats(rest: str) -> Line:
    word = _plainly(rest)
    if not word:
        return ShowStats()
    if word in set(Window):
        return ShowStats(window=Window(word))
    return Unknown(typed=f"stats {rest}", nearest=f"stats {Window.DAY}")


def _nearest(verb: str, rest: str, lookups: tuple[str, ...]) -> str | None:
    if case := case_named(verb):
        return f"case {case}"
    if verb in (Which.MINE, Which.OVERDUE, Which.APPROVALS):
        return f"queue {verb}"
    # Nearer than the others have to be: a look-up (`stream`) is not far from `stats`.
    near = difflib.get_close_matches(
        verb, ["stats", "oncall"], n=1, cutoff=0.75
    ) or difflib.get_close_matches(
        verb, ["help", "case", "queue", "cover", *lookups], n=1, cutoff=0.5
    )
    if not near:
        return None
    # Only a line that would be understood is worth proposing.
    meant = read(f"{near[0]} {rest}", lookups)
    if isinstance(meant, Unknown):
        return meant.nearest
    return meant.form if isinstance(meant, Incomplete) else f"{near[0]} {rest}".strip()
