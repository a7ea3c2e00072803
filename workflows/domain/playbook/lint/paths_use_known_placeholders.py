"""A placeholder that nobody fills in would reach the platform as it is written."""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from workflows.domain.playbook.actions import ActionSpec
from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings, Place

KNOWN = ("subject.id", "subject.type", "case.id", "decision.id", "until", "actor")
_WRITTEN = re.compile(r"\{([^{}]*)\}")


def paths_use_known_placeholders(bundle: Bundle) -> Findings:
    """Requests use placeholders that exist; in a path each one is a segment of its own.

    A placeholder that nobody fills in would reach the platform as it is written.
    """
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        for place, text, is_path in _texts(spec):
            where = ("actions", name, *place)
            yield from _unknown(where, text)
            if is_path:
                yield from _mixed(where, text)


def _unknown(where: Place, text: str) -> Findings:
    for found in _WRITTEN.findall(text):
        if found not in KNOWN:
            write = "write one of " + ", ".join(f"{{{each}}}" for each in KNOWN)
            yield Finding(ACTIONS, where, f"`{{{found}}}` is not a placeholder", write)


def _mixed(where: Place, path: str) -> Findings:
    for segment in path.split("/"):
        if _WRITTEN.search(segment) and not _WRITTEN.fullmatch(segment):
            what = f"`{segment}` mixes a placeholder with text"
            yield Finding(ACTIONS, where, what, "give the placeholder a segment of its own")


def _texts(spec: ActionSpec) -> Iterator[tuple[Place, str, bool]]:
    for part, call in (("request", spec.request), ("undo", spec.undo)):
        if call is not None:
            yield (part, "path"), call.path, True
            for text in _strings(call.json_):
                yield (part, "json"), text, False
    if spec.verify is not None:
        yield ("verify", "path"), spec.verify.path, True


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
