"""Validation of alerts: each is valid, or invalid with the field that is wrong."""

import math
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from bot.http.models import MAX_ALERTS
from workflows.domain.alerts import MANUAL_DETECTORS, Alert

MAX_DEPTH = 32
"""Readers of JSON give up somewhere (pydantic at 200), and an alert travels inside of more JSON."""

_INT64 = range(-(2**63), 2**63)


class NotKept(ValueError):
    """A value that some reader down the line could not take; `pointer` says where it stands."""

    def __init__(self, pointer: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.pointer = pointer
        self.sentence = sentence


def check_lasting(value: Any, pointer: tuple[str | int, ...]) -> None:
    """Makes sure that `value` survives JSON, expressions (64-bit integers) and PostgreSQL's text.

    Raises:
        NotKept: for the first value that does not.
    """
    if isinstance(value, dict | list):
        if len(pointer) > MAX_DEPTH:
            raise NotKept(pointer[:2], f"This is nested more than {MAX_DEPTH} levels deep.")
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            check_lasting(key, pointer)
            check_lasting(inner, (*pointer, key))
        return
    problem = _problem(value)
    if problem is not None:
        raise NotKept(pointer, problem)


def _problem(value: Any) -> str | None:
    if isinstance(value, str):
        return "U+0000 can't be kept in a text." if "\x00" in value else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "This number is too large."
    if isinstance(value, int) and value not in _INT64:
        return "This number is too large."
    return None


DEFAULT_DETECTOR = "default"

MAX_ALERT = 256 * 1024
"""Bytes of one alert as Temporal stores it: 256 KiB.

Temporal refuses a signal of 2 MB and ends a workflow whose history passes 50 MB; all alerts of a
group wait in one history while no worker runs: 190 of the largest, or 10,000 of 5 KB.
"""

_SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "tuple_type": "This has to be a list.",
    "dict_type": "This has to be an object.",
    "model_type": "This has to be an object.",
    "model_attributes_type": "This has to be an object.",
    "timezone_aware": "This time needs its offset, such as Z or +09:00.",
    "union_tag_invalid": "The kind of evidence is text or image.",
    "union_tag_not_found": "The kind of evidence (text or image) is required.",
}


class NotAlerts(Exception):
    """The body as a whole is unusable; the message is a sentence, `pointer` may say where."""

    def __init__(self, sentence: str, pointer: str | None = None) -> None:
        super().__init__(sentence)
        self.pointer = pointer


@dataclass(frozen=True)
class Invalid:
    """One alert that can't be taken: `pointer` is a JSON pointer into it."""

    id: str | None
    pointer: str
    error: str


def read_alerts(body: bytes, speaker: str | None, taken: frozenset[str]) -> list[Alert | Invalid]:
    """The alerts of `body` in their order.

    `speaker` is the detector whose own secret signed; with the common secret (None) the first
    alert that names a detector speaks for all, and it may not be one of `taken`, which sign
    with their own.

    Raises:
        NotAlerts: where there is no single alert to look at.
    """
    items = _items(body)
    named = speaker or _first_named(items)
    forbidden = frozenset() if speaker else taken
    return [_read_one(item, named, forbidden) for item in items]


def _items(body: bytes) -> list[Any]:
    try:
        parsed = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as broken:
        raise NotAlerts(f"The body is not JSON that can be used: {broken}.") from broken
    if not isinstance(parsed, dict):
        raise NotAlerts('The body has to be one alert or {"alerts": [...]}.', "")
    if "alerts" not in parsed:
        return [parsed]
    unknown = next((key for key in parsed if key != "alerts"), None)
    if unknown is not None:
        raise NotAlerts("There is no such field beside alerts.", _pointer((unknown,)))
    return _listed(parsed["alerts"])


def _listed(alerts: Any) -> list[Any]:
    if not isinstance(alerts, list):
        raise NotAlerts("alerts has to be a list.", "/alerts")
    if not alerts:
        raise NotAlerts("There is no alert in the list.", "/alerts")
    if len(alerts) > MAX_ALERTS:
        raise NotAlerts(f"At most {MAX_ALERTS} alerts fit in a request.", "/alerts")
    return alerts


def _first_named(items: list[Any]) -> str:
    names = (item.get("detector") for item in items if isinstance(item, dict))
    return next((name for name in names if isinstance(name, str)), DEFAULT_DETECTOR)


def _read_one(item: Any, detector: str, forbidden: frozenset[str]) -> Alert | Invalid:
    if not isinstance(item, dict):
        return Invalid(None, "", "An alert has to be an object.")
    given = item.setdefault("detector", detector)
    if given != detector:
        return invalid(item, ("detector",), f"This request speaks for {detector[:64]!r} only.")
    if given in MANUAL_DETECTORS:
        return invalid(item, ("detector",), "Only people in Slack speak for this detector.")
    if given in forbidden:
        return invalid(item, ("detector",), "This detector signs with a secret of its own.")
    try:
        for field in ("attributes", "title"):
            check_lasting(item.get(field), (field,))
        return _bounded(Alert.model_validate(item))
    except NotKept as lost:
        return invalid(item, lost.pointer, lost.sentence)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        return invalid(item, location(first), sentence(first))


def _bounded(alert: Alert) -> Alert:
    size = len(alert.model_dump_json().encode())
    if size > MAX_ALERT:
        raise NotKept((), f"An alert may have at most {MAX_ALERT} bytes; this one has {size}.")
    return alert


def invalid(item: dict[str, Any], place: tuple[str | int, ...], error: str) -> Invalid:
    """One item that can't be taken, by its id where it has one."""
    given = item.get("id")
    return Invalid(given[:256] if isinstance(given, str) else None, _pointer(place), error)


def location(error: ErrorDetails) -> tuple[str | int, ...]:
    """Where in the JSON a complaint of pydantic stands."""
    loc = error["loc"]
    if loc[:1] == ("evidence",) and len(loc) > 2:
        # pydantic names the kind of evidence as a step of its own: it is not in the JSON.
        return (*loc[:2], *loc[3:])
    return loc


def sentence(error: ErrorDetails) -> str:
    """A complaint of pydantic in words."""
    known = _SENTENCES.get(error["type"])
    if known is not None:
        return known
    text = error["msg"].removeprefix("Value error, ").replace("Input", "This", 1)
    return f"{text[:1].upper()}{text[1:]}."


def _pointer(location: tuple[str | int, ...]) -> str:
    steps = (str(step)[:200].replace("~", "~0").replace("/", "~1") for step in location)
    return "".join(f"/{step}" for step in steps)
