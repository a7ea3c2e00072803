"""What stands on a button is read in Japanese and in English, and Slack cuts nothing for us."""

import re
from collections.abc import Iterator

from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings, Place
from workflows.domain.text import Text

BUTTON = 75
"""Characters on a button (Slack, block kit reference: button element)."""
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def check(bundle: Bundle) -> Findings:
    """Titles of actions, playbooks and presets have both languages and fit a button."""
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        yield from _check_one(ACTIONS, ("actions", name, "title"), spec.title)
    for file, place, title in _titles(bundle):
        yield from _check_one(file, place, title)


def _titles(bundle: Bundle) -> Iterator[tuple[str, Place, Text]]:
    for file, playbook in bundle.playbooks.items():
        yield file, ("title",), playbook.title
        for number, preset in enumerate(playbook.presets):
            yield file, ("presets", number, "title"), preset.title


def _check_one(file: str, place: Place, title: Text) -> Findings:
    if _JAPANESE.search(title.en) or not title.en.strip():
        yield Finding(file, place, "the title has no English", "write `{ja: …, en: …}`")
    if not title.ja.strip():
        yield Finding(file, place, "the title has no Japanese", "write `{ja: …, en: …}`")
    if max(len(title.ja), len(title.en)) > BUTTON:
        yield Finding(file, place, "the title does not fit on a button", "write 75 characters")
