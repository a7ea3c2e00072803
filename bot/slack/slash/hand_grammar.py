"""`open …`, `pause …`, `resume …`: what people make happen by a line."""

import re
from datetime import timedelta

from bot.slack.slash.lines import (
    OPEN_FORM,
    PAUSE_FORM,
    RESUME_FORM,
    Incomplete,
    Line,
    OpenCase,
    PauseAutomation,
    ResumeAutomation,
)
from bot.slack.slash.wording import plainly

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
    playbook = _playbook(named)
    if playbook is not None and not _NAME.fullmatch(playbook):
        return Incomplete(form=PAUSE_FORM, wants_words=True)
    return PauseAutomation(playbook=playbook, lasts=lasts)


def resuming(rest: str) -> Line:
    """A playbook or none."""
    playbook = _playbook(plainly(rest))
    if playbook is not None and not _NAME.fullmatch(playbook):
        return Incomplete(form=RESUME_FORM, wants_words=True)
    return ResumeAutomation(playbook=playbook)


def _playbook(named: str) -> str | None:
    return None if named in _ALL else named


def _lasts(found: re.Match[str]) -> timedelta:
    unit = _UNITS[found["unit"][0]]
    return timedelta(**{unit: int(found["many"])})
