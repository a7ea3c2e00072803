"""Checks of texts: both languages, and the length of button labels."""

import re
from collections.abc import Iterator

from workflows.domain.policy.appeals import AppealRules, NoticeKind
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
from workflows.domain.policy.playbook import Automation, Playbook
from workflows.domain.values import Text

BUTTON = 75
"""Characters on a button (Slack, block kit reference: button element)."""
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_ENGLISH = re.compile(r"[a-z]{2}")
WRITE = "write `{ja: …, en: …}`"


def titles_fit_and_speak_both_languages(bundle: Bundle) -> Findings:
    """Titles and reasons have both languages; titles fit on a button.

    Slack refuses longer labels.
    """
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


def _chosen(file: str, playbook: Playbook) -> Iterator[tuple[str, Place, Text]]:
    for number, template in enumerate(playbook.reasons):
        place = ("reasons", number)
        yield file, (*place, "title"), template.title
        yield file, (*place, "reason"), template.reason
        if template.notice is not None:
            yield file, (*place, "notice"), template.notice
    for number, clause in enumerate(playbook.clauses):
        if clause.title is not None:
            yield file, ("clauses", number, "title"), clause.title
    if playbook.policy is not None and playbook.policy.title is not None:
        yield file, ("policy", "title"), playbook.policy.title


def _notices(rules: AppealRules | None) -> Iterator[tuple[str, Place, Text]]:
    if rules is None:
        return
    for notice in NoticeKind:
        said = rules.notices.text(notice)
        if said is not None:
            yield APPEALS, ("notices", notice.value), said
    for name in Automation.model_fields:
        said = getattr(rules.notices.automation, name)
        if said is not None:
            yield APPEALS, ("notices", "automation", name), said


def _texts(bundle: Bundle) -> Iterator[tuple[str, Place, Text]]:
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        yield ACTIONS, ("actions", name, "title"), spec.title
    for file, playbook in bundle.playbooks.items():
        yield file, ("title",), playbook.title
        for number, preset in enumerate(playbook.presets):
            yield file, ("presets", number, "title"), preset.title
            if preset.reason is not None:
                yield file, ("presets", number, "reason"), preset.reason
        yield from _chosen(file, playbook)
    yield from _notices(bundle.appeals)
    for kind, spec_ in (bundle.lookups.lookups if bundle.lookups else {}).items():
        yield PLATFORM, ("lookups", kind, "title"), spec_.title
        for number, field in enumerate(spec_.fields):
            yield PLATFORM, ("lookups", kind, "fields", number, "title"), field.title
    yield from _shifts(bundle)
    for name, related in (bundle.lookups.related if bundle.lookups else {}).items():
        yield PLATFORM, ("related", name, "title"), related.title


def _shifts(bundle: Bundle) -> Iterator[tuple[str, Place, Text]]:
    for name, shift in (bundle.roster.shifts if bundle.roster else {}).items():
        yield ROSTER, ("shifts", name, "title"), shift.title


RULES = (titles_fit_and_speak_both_languages,)
