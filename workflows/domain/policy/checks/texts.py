"""Checks of texts: both languages, and the length of button labels."""

import re
from collections.abc import Iterator

from pydantic import BaseModel

from workflows.domain.policy.checks.finding import (
    ACTIONS,
    APPEALS,
    PLATFORM,
    ROSTER,
    Bundle,
    Finding,
    Findings,
    Place,
)
from workflows.domain.values import Text

BUTTON = 75
"""Characters on a button (Slack, block kit reference: button element)."""
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_ENGLISH = re.compile(r"[a-z]{2}")
WRITE = "write `{ja: …, en: …}`"


def titles_fit_and_speak_both_languages(bundle: Bundle) -> Findings:
    """Titles and reasons have both languages; titles fit on a button."""
    for file, place, text in _texts(bundle):
        yield from _both(file, place, text)
        if place[-1] == "title" and max(len(text.ja), len(text.en)) > BUTTON:
            what = f"the title has {max(len(text.ja), len(text.en))} characters"
            yield Finding(file, place, what, f"write at most {BUTTON}, as a button holds")


def _both(file: str, place: Place, text: Text) -> Findings:
    name = f"notice {place[-1]}" if file == APPEALS else place[-1]
    if _JAPANESE.search(text.en) or not text.en.strip():
        yield Finding(file, place, f"the {name} has no English", WRITE)
    # A name such as LINE reads the same in both languages; a word does not.
    if not text.ja.strip() or (text.ja == text.en and _ENGLISH.search(text.ja)):
        yield Finding(file, place, f"the {name} has no Japanese", WRITE)


def _texts(bundle: Bundle) -> Iterator[tuple[str, Place, Text]]:
    """All texts of these files, with file and place."""
    files = {
        ACTIONS: bundle.catalog,
        APPEALS: bundle.appeals,
        PLATFORM: bundle.lookups,
        ROSTER: bundle.roster,
        **bundle.playbooks,
    }
    return ((file, *each) for file, content in files.items() for each in _within((), content))


def _within(place: Place, content: object) -> Iterator[tuple[Place, Text]]:
    if isinstance(content, Text):
        yield place, content
    elif isinstance(content, BaseModel | dict | tuple):
        parts = enumerate(content) if isinstance(content, tuple) else dict(content).items()
        for key, part in parts:
            yield from _within((*place, key), part)
