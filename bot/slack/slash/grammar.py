"""What a person may type after `/koban`, and the nearest valid form of anything else."""

import difflib
from collections.abc import Callable

from pydantic import ValidationError

from bot.slack.slash.cover_grammar import cover
from bot.slack.slash.hand_grammar import opening, pausing, resuming
from bot.slack.slash.lines import (
    COVER_FORM,
    FIND_FORM,
    OPEN_FORM,
    PAUSE_FORM,
    RELATED_FORM,
    RESUME_FORM,
    CoverLine,
    EndCovers,
    Find,
    Help,
    Incomplete,
    LetCover,
    Line,
    OpenCase,
    PauseAutomation,
    ResumeAutomation,
    ShowCase,
    ShowCovers,
    ShowOnCall,
    ShowPlaybook,
    ShowQueue,
    ShowRelated,
    ShowStats,
    ShowSubject,
    TeamLine,
    Told,
    Unknown,
    Which,
    Window,
)
from bot.slack.slash.typed import as_typed
from bot.slack.slash.wording import case_named, case_without_its_letter, plainly, split
from workflows.domain.alert import Subject

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
