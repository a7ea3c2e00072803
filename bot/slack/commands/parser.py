"""Parser of `/koban` lines: words in both languages, and the command that they name."""

import difflib
import re
import unicodedata
from collections.abc import Callable
from datetime import date, time, timedelta
from enum import StrEnum

from pydantic import ValidationError

from workflows.domain.alerts import Subject
from workflows.domain.values import Value

# Mentions arrive as `<@U0SATO|sato>`, channels as `<#C0LIVE|ts-live>`, links as `<https://…>` or
# `<mailto:…|…>`; every other &, < and > is an entity.
# https://docs.slack.dev/interactivity/implementing-slash-commands

_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^<>]*)?>")
_MARK = re.compile(r"<([@#]|!subteam\^|https?:|mailto:|tel:)([^<>|]*)(?:\|([^<>]*))?>")


def as_typed(text: str) -> str:
    """`text` without Slack's marks: an id of the platform may look like a mention or a link."""
    plain = _MARK.sub(_written, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _written(mark: re.Match[str]) -> str:
    kind, target, label = mark[1], mark[2], mark[3]
    if kind in ("@", "#"):
        return f"{kind}{label or target}"
    if label:
        return label
    return f"{kind}{target}" if kind.startswith("http") else target


def mentioned(text: str) -> tuple[str | None, str]:
    """The one person that `text` mentions, and what is left of it; None for none or several."""
    people = _MENTION.findall(text)
    rest = _MENTION.sub(" ", text).strip()
    return (people[0] if len(people) == 1 else None), rest


_CASE = re.compile(r"K[0-9A-HJKMNP-TV-Z]{8}")
_CASE_BEGINS = re.compile(r"K[0-9A-HJKMNP-TV-Z]{2,8}")
_REST = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}")
# Crockford's alphabet leaves these out because they are misread; so they are read as meant.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN = str.maketrans({"-": None, "#": None, "`": None})


def plainly(word: str) -> str:
    """Full-width letters of a Japanese keyboard, and capitals, mean the same."""
    return unicodedata.normalize("NFKC", word).casefold()


def split(text: str) -> tuple[str, str]:
    """The first word, plainly, and the rest as it was written."""
    words = text.split(maxsplit=1)
    if not words:
        return "", ""
    return plainly(words[0]), words[1].strip() if len(words) > 1 else ""


def case_named(word: str) -> str | None:
    """The case id in `word`, however it was typed; None where it is none."""
    folded = _as_id(word)
    return folded if _CASE.fullmatch(folded) else None


def case_begun(word: str) -> str | None:
    """How a case id begins, where `word` may be that: `K` and at least two characters."""
    folded = _as_id(word)
    return folded if _CASE_BEGINS.fullmatch(folded) else None


def case_without_its_letter(word: str) -> str | None:
    """The case id that `word` is but for the K at its beginning."""
    folded = _as_id(word, "").translate(_MISREAD)
    return f"K{folded}" if _REST.fullmatch(folded) else None


def _as_id(word: str, first: str = "K") -> str:
    folded = unicodedata.normalize("NFKC", word).upper().translate(_BETWEEN).strip()
    kept = len(first)
    return folded[:kept] + folded[kept:].translate(_MISREAD)


COVER_FORM = "cover @name until 18:00"
FIND_FORM = "find LINE ID"
OPEN_FORM = "open off_platform user:u_123 note"
PAUSE_FORM = "pause off_platform for 2h"
RESUME_FORM = "resume off_platform"
RELATED_FORM = "related user u_123"


class Which(StrEnum):
    """Which part of the queue."""

    ALL = "all"
    MINE = "mine"
    OVERDUE = "overdue"
    APPROVALS = "approvals"


class Window(StrEnum):
    """Which time the numbers are of."""

    DAY = "24h"
    WEEK = "7d"


class Help(Value):
    """`help`, or nothing at all."""


class ShowCase(Value):
    """`case ID`."""

    case: str


class ShowSubject(Value):
    """`user ID`, `listing ID` …"""

    subject: Subject


class ShowRelated(Value):
    """`related TYPE ID`, from the `first` one on."""

    subject: Subject
    first: int = 0


class ShowQueue(Value):
    """`queue [mine|overdue|approvals]`."""

    which: Which


class Find(Value):
    """`find TEXT`, from the `first` case on."""

    text: str
    first: int = 0


class ShowPlaybook(Value):
    """`playbook [NAME]`: one as it was typed, or all of them."""

    name: str | None = None


class OpenCase(Value):
    """`open KIND SUBJECT [note]`, as it was typed: what exists is found out by its desk."""

    kind: str
    subject: str
    note: str = ""


class PauseAutomation(Value):
    """`pause [PLAYBOOK] [for 2h]`."""

    playbook: str | None = None
    lasts: timedelta | None = None


class ResumeAutomation(Value):
    """`resume [PLAYBOOK]`."""

    playbook: str | None = None


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

    `wants_time`: what can't be read is a person or a time rather than an id; `wants_words`: it is
    something else.
    """

    form: str
    wants_time: bool = False
    wants_words: bool = False


CoverLine = LetCover | ShowCovers | EndCovers
TeamLine = ShowStats | ShowOnCall
Told = (
    ShowCase
    | ShowSubject
    | ShowRelated
    | ShowQueue
    | Find
    | ShowPlaybook
    | OpenCase
    | PauseAutomation
    | ResumeAutomation
    | TeamLine
    | CoverLine
)
"""What only somebody with a role is told."""
Line = Help | Told | Unknown | Incomplete


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


_LASTS = re.compile(
    r"(?:(?:^|\s)for\s+|(?:^|\s))(?P<many>[1-9]\d{0,3})\s*"
    r"(?P<unit>m|min|minutes?|h|hours?|d|days?|分間?|時間|日間?)$"
)
_UNITS = {"m": "minutes", "分": "minutes", "h": "hours", "時": "hours", "d": "days", "日": "days"}
_ALL = ("", "all", "すべて", "全部")
_NAME = re.compile(r"\S+")


def opening(rest: str) -> Line:
    """Kind, subject, and a note as long as one likes."""
    words = rest.split(maxsplit=2)
    if len(words) < 2:
        return Incomplete(form=OPEN_FORM, wants_words=True)
    note = words[2].strip() if len(words) > 2 else ""
    return OpenCase(kind=plainly(words[0]), subject=words[1], note=note)


def pausing(rest: str) -> Line:
    """A playbook or none, and a time or none."""
    said = plainly(rest)
    found = _LASTS.search(said)
    named = said[: found.start()].strip() if found else said
    lasts = _lasts(found) if found else None
    playbook = _playbook_named(named)
    if playbook is not None and not _NAME.fullmatch(playbook):
        return Incomplete(form=PAUSE_FORM, wants_words=True)
    return PauseAutomation(playbook=playbook, lasts=lasts)


def resuming(rest: str) -> Line:
    """A playbook or none."""
    playbook = _playbook_named(plainly(rest))
    if playbook is not None and not _NAME.fullmatch(playbook):
        return Incomplete(form=RESUME_FORM, wants_words=True)
    return ResumeAutomation(playbook=playbook)


def _playbook_named(named: str) -> str | None:
    return None if named in _ALL else named


def _lasts(found: re.Match[str]) -> timedelta:
    unit = _UNITS[found["unit"][0]]
    return timedelta(**{unit: int(found["many"])})


__all__ = [
    "COVER_FORM",
    "FIND_FORM",
    "OPEN_FORM",
    "PAUSE_FORM",
    "RELATED_FORM",
    "RESUME_FORM",
    "CoverLine",
    "EndCovers",
    "Find",
    "Help",
    "Incomplete",
    "LetCover",
    "Line",
    "OpenCase",
    "PauseAutomation",
    "ResumeAutomation",
    "ShowCase",
    "ShowCovers",
    "ShowOnCall",
    "ShowPlaybook",
    "ShowQueue",
    "ShowRelated",
    "ShowStats",
    "ShowSubject",
    "TeamLine",
    "Told",
    "Unknown",
    "Which",
    "Window",
    "case_named",
    "read",
]

MOST_CHARACTERS = 4_000
MOST_FOUND = 200
"""Characters of what is looked for."""
LEAST_FOUND = 2
_JAPANESE = {
    "代理": "cover",
    "検索": "find",
    "手順書": "playbook",
    "作成": "open",
    "停止": "pause",
    "再開": "resume",
    "関連": "related",
    "使い方": "help",
}
"""The words of both languages mean the same."""


def read(text: str, lookups: tuple[str, ...]) -> Line:
    """What `text` asks for; `lookups` are the types of subject that can be looked up."""
    sent = text[:MOST_CHARACTERS]
    verb, rest = _verb(sent)
    if verb == "cover":
        return cover(rest)
    typed = as_typed(sent)
    verb, rest = _verb(typed)
    if verb in ("", "help", "?"):
        return Help()
    if verb == "related":
        return _related(rest, lookups)
    if verb in _VERBS:
        return _VERBS[verb](rest)
    if verb in lookups:
        return _subject(verb, rest)
    return Unknown(typed=typed.strip(), nearest=_nearest(verb, rest, lookups))


def _verb(text: str) -> tuple[str, str]:
    verb, rest = split(text)
    return _JAPANESE.get(verb, verb), rest


def _case(rest: str) -> Line:
    case = case_named(rest)
    if case is not None:
        return ShowCase(case=case)
    whole = case_without_its_letter(rest)
    if whole is not None:
        return Unknown(typed=f"case {rest}", nearest=f"case {whole}")
    return Incomplete(form="case K7Q2F9XM0")


def _subject(kind: str, rest: str) -> Line:
    try:
        return ShowSubject(subject=Subject(type=kind, id=rest))
    except ValidationError:
        return Incomplete(form=f"{kind} {'u_123' if kind == 'user' else 'ID'}")


def _related(rest: str, lookups: tuple[str, ...]) -> Line:
    kind, id_ = split(rest)
    if kind and id_ and kind not in lookups:
        near = difflib.get_close_matches(kind, lookups, n=1)
        return Unknown(
            typed=f"related {rest}", nearest=f"related {near[0]} {id_}" if near else None
        )
    try:
        return ShowRelated(subject=Subject(type=kind, id=id_))
    except ValidationError:
        return Incomplete(form=RELATED_FORM)


def _find(rest: str) -> Line:
    text = rest.strip()[:MOST_FOUND].strip()
    if len(text) < LEAST_FOUND:
        return Incomplete(form=FIND_FORM, wants_words=True)
    return Find(text=text)


def _playbook(rest: str) -> Line:
    return ShowPlaybook(name=plainly(rest) or None)


def _queue(rest: str) -> Line:
    word = plainly(rest)
    if not word:
        return ShowQueue(which=Which.ALL)
    if word in set(Which):
        return ShowQueue(which=Which(word))
    near = difflib.get_close_matches(word, [each for each in Which if each != Which.ALL], n=1)
    return Unknown(typed=f"queue {rest}", nearest=f"queue {near[0]}" if near else "queue")


def _oncall(rest: str) -> Line:
    return ShowOnCall()


def _stats(rest: str) -> Line:
    word = plainly(rest)
    if not word:
        return ShowStats()
    if word in set(Window):
        return ShowStats(window=Window(word))
    return Unknown(typed=f"stats {rest}", nearest=f"stats {Window.DAY}")


_VERBS: dict[str, Callable[[str], Line]] = {
    "case": _case,
    "queue": _queue,
    "find": _find,
    "oncall": _oncall,
    "stats": _stats,
    "playbook": _playbook,
    "open": opening,
    "pause": pausing,
    "resume": resuming,
}
"""What is read by its rest alone."""


def _nearest(verb: str, rest: str, lookups: tuple[str, ...]) -> str | None:
    if case := case_named(verb):
        return f"case {case}"
    if verb in (Which.MINE, Which.OVERDUE, Which.APPROVALS):
        return f"queue {verb}"
    known = ["help", "cover", "related", *_VERBS, *lookups]
    near = difflib.get_close_matches(verb, known, n=1, cutoff=0.6)
    if not near:
        return None
    # Only a line that would be understood is worth proposing.
    meant = read(f"{near[0]} {rest}", lookups)
    if isinstance(meant, Unknown):
        return meant.nearest
    return meant.form if isinstance(meant, Incomplete) else f"{near[0]} {rest}".strip()
