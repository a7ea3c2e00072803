"""A notice needs a call at the platform, and words whose placeholders somebody fills in."""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from workflows.domain.playbook.appeals import AppealRules, NoticeKind
from workflows.domain.playbook.lint.finding import (
    APPEALS,
    PLATFORM,
    Bundle,
    Finding,
    Findings,
    Place,
)
from workflows.domain.playbook.lookups import NoticeCall

FACTS = ("subject.id", "subject.type", "case.id", "decision.id", "appeal.id", "notice")
IN_TEXTS = (*FACTS, "reason")
IN_CALLS = (*FACTS, "text.ja", "text.en")
_WRITTEN = re.compile(r"\{([^{}]*)\}")


def notices_reach_their_person(bundle: Bundle) -> Findings:
    """appeals.yaml has a call in platform.yaml, and both use placeholders that exist.

    A notice needs a call at the platform, and words whose placeholders somebody fills in.
    """
    call = bundle.lookups.notice if bundle.lookups else None
    if bundle.appeals is not None:
        if bundle.lookups is not None and call is None:
            what = "there are notices, and platform.yaml does not say how to send them"
            yield Finding(APPEALS, ("notices",), what, "add `notice:` to platform.yaml")
        for kind, text in _texts(bundle.appeals):
            yield from unknown(APPEALS, ("notices", kind), text, IN_TEXTS)
    if call is not None:
        yield from _of_call(call)


def _of_call(call: NoticeCall) -> Findings:
    place: Place = ("notice", "path")
    yield from unknown(PLATFORM, place, call.path, FACTS)
    for segment in call.path.split("/"):
        if _WRITTEN.search(segment) and not _WRITTEN.fullmatch(segment):
            what = f"`{segment}` mixes a placeholder with text"
            yield Finding(PLATFORM, place, what, "give the placeholder a segment of its own")
    said = list(_strings(call.json_))
    for text in said:
        yield from unknown(PLATFORM, ("notice", "json"), text, IN_CALLS)
    if not any("{text." in text for text in said):
        what = "the notice does not carry its text"
        yield Finding(PLATFORM, ("notice",), what, "put {text.ja} and {text.en} into `json`")


def unknown(file: str, place: Place, text: str, known: tuple[str, ...]) -> Findings:
    """The placeholders of a text that nobody fills in."""
    for found in _WRITTEN.findall(text):
        if found not in known:
            write = "write one of " + ", ".join(f"{{{each}}}" for each in known)
            write = write if known else "write it out"
            yield Finding(file, place, f"`{{{found}}}` is not a placeholder", write)


def _texts(rules: AppealRules) -> Iterator[tuple[str, str]]:
    for kind in NoticeKind:
        if kind is NoticeKind.DECISION:
            continue  # it is put together from a reason, and checked with it
        text = rules.notices.text(kind)
        if text is not None:
            # A mistake that stands in both languages is told once.
            yield kind.value, text.ja
            if set(_WRITTEN.findall(text.en)) - set(_WRITTEN.findall(text.ja)):
                yield kind.value, text.en


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
