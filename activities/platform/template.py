"""Filling the requests of actions.yaml: an id can never change the path that it stands in."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from pydantic import JsonValue

from activities.platform.errors import UnusableSubject

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
_DOTS = frozenset({".", ".."})


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """The path with every value percent-encoded, slashes and dots-only ids included.

    Raises:
        UnusableSubject: for `.` and `..`, which servers resolve even when encoded.
        KeyError: for a placeholder that `values` lacks (`koban check` finds these before).
    """
    return _PLACEHOLDER.sub(lambda match: _segment(values[match[1]]), template)


def _segment(value: str) -> str:
    if value in _DOTS or not value:
        raise UnusableSubject(f"{value!r} can't stand in a path")
    return quote(value, safe="")


def fill_json(template: JsonValue, values: Mapping[str, str | None]) -> JsonValue:
    """The body with every placeholder filled in; one that stands alone may become null."""
    if isinstance(template, dict):
        return {key: fill_json(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_json(value, values) for value in template]
    if not isinstance(template, str):
        return template
    alone = _PLACEHOLDER.fullmatch(template)
    if alone:
        return values[alone[1]]
    return _PLACEHOLDER.sub(lambda match: values[match[1]] or "", template)
