"""Request validation: alerts and appeals from JSON, with a JSON pointer to an invalid field."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.http.models import MAX_ALERTS, RequestRefused
from workflows.conditions import value_of
from workflows.domain.alerts import MANUAL_DETECTORS, MOST_VALUES, Alert, values_in
from workflows.domain.appeal.model import AppealRequest
from workflows.domain.detection import alert_from, outside, place_of
from workflows.domain.policy.detectors import Accepts, AlertMap, Detector
from workflows.domain.policy.matching import Facts
from workflows.domain.values import is_blank, visible

DEFAULT_DETECTOR = "default"

MAX_DEPTH = 32
"""Levels of nesting. pydantic reads 200, and an alert is stored inside other JSON."""

MAX_ALERT = 256 * 1024
"""Bytes of one alert as Temporal stores it: 256 KiB.

Temporal refuses a signal of 2 MB and terminates a workflow whose history exceeds 50 MB. All alerts
of a group share one history while no worker runs: 190 of the largest, or 10,000 of 5 KB.
"""

MAX_TEXT = 50_000
"""Characters of one text in an alert."""

MAX_BODY_VALUES = 50_000
"""Values in one body: 1000 alerts of fifty, which take 0.2 s to read."""

MAX_MAPPED_VALUES = MOST_VALUES
"""Values of a body that is mapped, as many as conditions have of an alert."""

MAX_DIGITS = 20
"""Characters of an integer that is worth reading."""

MAX_NUMBER = 2**63 - 1
"""Largest magnitude of a number: what CEL's and PostgreSQL's 64-bit integers hold."""

_SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "Unknown field.",
    "tuple_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
    "timezone_aware": "This time needs a UTC offset, such as Z or +09:00.",
    "union_tag_invalid": "The kind of evidence must be text or image.",
    "union_tag_not_found": "The kind of evidence (text or image) is required.",
}

_TOO_LARGE = "This number is too large."
_LONG_TEXT = f"A text may have at most {MAX_TEXT} characters."

Path = tuple[str | int, ...]
"""Keys and indexes from the item down to a value."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Window:
    """Times that are accepted: from `oldest` before now to `newest` after it."""

    oldest: timedelta
    newest: timedelta

    def problem(self, at: datetime) -> str | None:
        """The sentence that refuses `at`, or None."""
        now = datetime.now(UTC)
        # Such a time has no equivalent in UTC near the years 1 and 9999.
        if at.year <= 1 or at.year >= 9999 or at < now - self.oldest:
            return f"This time is not within the last {_days(self.oldest)}."
        if at > now + self.newest:
            return "This time is in the future."
        return None


def _days(length: timedelta) -> str:
    return f"{length.days} days" if length.days else f"{int(length.total_seconds())} seconds"


@dataclass(frozen=True)
class Unusable:
    """Placeholder for a JSON value that can't be used; `sentence` says why."""

    sentence: str


@dataclass(frozen=True)
class Invalid:
    """Invalid alert or appeal; `pointer` is a JSON pointer into it."""

    id: str | None
    pointer: str
    error: str


AcceptsOf = Callable[[str], Accepts | None]
"""Returns the `accepts` of a detector; None for an unknown one."""


def read_alerts(
    body: bytes,
    speaker: str | None,
    own: frozenset[str],
    window: Window,
    accepts: AcceptsOf = lambda _detector: None,
) -> list[Alert | Invalid]:
    """Returns the alerts of `body` in their order.

    `speaker` is the detector whose own secret signed. With the common secret (None), the first
    detector named in an alert is assumed for the others; it can't be one of `own`, the detectors
    with a secret of their own.

    Raises:
        RequestRefused: the body is not JSON, or not one alert or a list of alerts.
    """
    items = _items(_parse(body))
    detector = speaker or _first_named(items)
    protected = frozenset() if speaker else own
    allowed = accepts(detector)
    read = (_read_alert(item, detector, protected, window) for item in items)
    return [_accepted(each, allowed) for each in read]


def read_mapped(body: bytes, detector: Detector, window: Window) -> list[Alert | Invalid]:
    """Returns the alerts that the mapping of a detector makes of its own JSON, in their order.

    Raises:
        RequestRefused: the body is not JSON, or not an object or a list of objects.
    """
    assert detector.map is not None
    parsed = _parse(body)
    items = _listed(parsed, "The list", "") if isinstance(parsed, list) else [parsed]
    return [_accepted(_mapped(item, detector, window), detector.accepts) for item in items]


def _mapped(item: Any, detector: Detector, window: Window) -> Alert | Invalid:
    if not isinstance(item, dict):
        return Invalid(None, "", "This must be an object.")
    body = _mappable(item)
    for path, sentence in _unstorable(body, (), as_they_are=()):
        return Invalid(None, _pointer(path), f"In the body: {sentence}")
    for path in _long_texts(body, ()):
        return Invalid(None, _pointer(path), f"In the body: {_LONG_TEXT}")
    if values_in(body) > MAX_MAPPED_VALUES:
        return Invalid(None, "", f"A body may have at most {MAX_MAPPED_VALUES} values.")
    return _alert_of(Facts({"body": body}), detector, window)


def _alert_of(facts: Facts, detector: Detector, window: Window) -> Alert | Invalid:
    assert detector.map is not None
    made = alert_from(detector.map, detector.detector, facts, value_of)
    read = _read_alert(made, detector.detector, frozenset(), window)
    if isinstance(read, Alert):
        return read
    place = place_of(read.pointer, detector.map, facts, value_of)
    return _without_value(Invalid(read.id, place, read.error), detector.map)


def _mappable(value: Any, depth: int = 0) -> Any:
    """A body without what CEL can't hold, such as an id of 64 bits that no expression uses."""
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, dict):
        kept = (each for each in value.items() if not any(map(_is_too_much, each)))
        return {key: _mappable(inner, depth + 1) for key, inner in kept}
    if isinstance(value, list):  # the others keep their places
        return [None if _is_too_much(each) else _mappable(each, depth + 1) for each in value]
    return value


def _is_too_much(value: Any) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    return _is_too_large(value) or value == Unusable(_TOO_LARGE)


def _without_value(invalid: Invalid, written: AlertMap) -> Invalid:
    """Names the expression of a field that the mapping gave no value."""
    if invalid.error != _SENTENCES["missing"]:
        return invalid
    expressions = {_pointer(place): text for place, text in written.expressions()}
    expression = expressions.get(invalid.pointer)
    if expression is None:
        return invalid
    return Invalid(invalid.id, invalid.pointer, f"`{expression}` has no value in this body.")


def _accepted(read: Alert | Invalid, accepts: Accepts | None) -> Alert | Invalid:
    """Refuses an alert that its detector may not send."""
    refused = outside(accepts, read) if isinstance(read, Alert) else None
    return read if refused is None else Invalid(read.id, _pointer(refused[0]), refused[1])


def read_row(item: dict[str, Any], detector: str, window: Window) -> Alert | Invalid:
    """Returns the alert that a row of `detector` makes."""
    return _read_alert(item, detector, frozenset(), window)


def read_appeal(
    body: bytes, speaker: str | None, own: frozenset[str], window: Window
) -> AppealRequest | Invalid:
    """Returns the appeal of `body`; arguments and errors as in `read_alerts`."""
    item = _parse(body)
    if not isinstance(item, dict):
        raise RequestRefused("The body must be one appeal.")
    for path, sentence in _unstorable(item, ()):
        return _invalid(item, path, sentence)
    source = item.setdefault("source", speaker or DEFAULT_DETECTOR)
    if speaker is not None and source != speaker:
        return _invalid(item, ("source",), f"This secret is for {speaker[:64]!r} only.")
    if speaker is None and isinstance(source, str) and source in own:
        return _invalid(item, ("source",), "This source requires its own secret.")
    request = _validated(AppealRequest, item)
    if isinstance(request, Invalid):
        return request
    problem = window.problem(request.submitted_at)
    if problem is not None:
        return _invalid(item, ("submitted_at",), problem)
    if request.withdrawn or not is_blank(request.statement):
        return request
    return _invalid(item, ("statement",), _SENTENCES["missing"])


def _parse(body: bytes) -> Any:
    """Reads JSON. What is wrong with one value becomes `Unusable` in its place."""
    if _values_at_least(body) > MAX_BODY_VALUES:
        sentence = f"A request may have at most {MAX_BODY_VALUES} values: send fewer alerts."
        raise RequestRefused(sentence, status=413)
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"{error.msg.removesuffix(' at')} at line {error.lineno} column {error.colno}"
        raise RequestRefused(f"The body is not valid JSON: {where}.") from error
    except RecursionError as error:
        sentence = f"The body is nested more than {MAX_DEPTH} levels deep."
        raise RequestRefused(sentence) from error


def _values_at_least(body: bytes) -> int:
    """The number of commas and closed brackets outside of texts, in linear time."""
    if len(body) <= MAX_BODY_VALUES:
        return 0
    structure = _TEXT.sub(b"", body)
    return sum(structure.count(mark) for mark in (b",", b"]", b"}"))


_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                found[key] = Unusable("This field is there twice.")
            seen.add(key)
    return found


def _integer(digits: str) -> Any:
    return int(digits) if len(digits) <= MAX_DIGITS else Unusable(_TOO_LARGE)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_constant=lambda name: Unusable(f"{name} is not a number in JSON."),
)


def _items(parsed: Any) -> list[Any]:
    if not isinstance(parsed, dict):
        raise RequestRefused('The body must be one alert or {"alerts": [...]}.', "")
    if "alerts" not in parsed:
        return [parsed]
    unknown = next((key for key in parsed if key != "alerts"), None)
    if unknown is not None:
        raise RequestRefused("Unknown field beside alerts.", _pointer((unknown,)))
    alerts = parsed["alerts"]
    if isinstance(alerts, Unusable):
        raise RequestRefused(alerts.sentence, "/alerts")
    if not isinstance(alerts, list):
        raise RequestRefused("alerts must be a list.", "/alerts")
    return _listed(alerts, "The list of alerts", "/alerts")


def _listed(items: list[Any], name: str, pointer: str) -> list[Any]:
    if not items:
        raise RequestRefused(f"{name} is empty.", pointer)
    if len(items) > MAX_ALERTS:
        raise RequestRefused(f"At most {MAX_ALERTS} alerts are allowed per request.", pointer)
    return items


def _first_named(items: list[Any]) -> str:
    names = (item.get("detector") for item in items if isinstance(item, dict))
    return next((name for name in names if isinstance(name, str)), DEFAULT_DETECTOR)


def _read_alert(
    item: Any, detector: str, protected: frozenset[str], window: Window
) -> Alert | Invalid:
    if not isinstance(item, dict):
        return Invalid(None, "", "An alert must be an object.")
    for path, sentence in _unstorable(item, ()):
        return _invalid(item, path, sentence)
    given = item.setdefault("detector", detector)
    if given != detector:
        return _invalid(item, ("detector",), f"This secret is for {detector[:64]!r} only.")
    if given in MANUAL_DETECTORS:
        return _invalid(item, ("detector",), "Reserved for manual alerts in Slack.")
    if given in protected:
        return _invalid(item, ("detector",), "This detector requires its own secret.")
    alert = _validated(Alert, item)
    if isinstance(alert, Invalid):
        return alert
    problem = window.problem(alert.occurred_at)
    if problem is not None:
        return _invalid(item, ("occurred_at",), problem)
    size = len(alert.model_dump_json().encode())
    if size > MAX_ALERT:
        sentence = f"An alert may have at most {MAX_ALERT} bytes; this one has {size}."
        return _invalid(item, (), sentence)
    for path, sentence in _excess(item, size):
        return _invalid(item, path, sentence)
    return alert


def _excess(item: dict[str, Any], size: int) -> Iterator[tuple[Path, str]]:
    """Attributes and texts that are too much work for conditions, with a sentence."""
    attributes = item.get("attributes", {})
    if size > MOST_VALUES and values_in(attributes) - 1 > MOST_VALUES:
        yield ("attributes",), f"Attributes may have at most {MOST_VALUES} values in all."
    if size > MAX_TEXT:
        for path in _long_texts(item, ()):
            yield path, _LONG_TEXT


def _long_texts(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _long_texts(key, path)
            yield from _long_texts(inner, (*path, key))
    elif isinstance(value, str) and len(value) > MAX_TEXT:
        yield path


_KEPT_AS_THEY_ARE = ("attributes", "title")
"""Fields whose texts are stored unchanged; the control characters of others are made visible."""


def _unstorable(
    value: Any, path: Path, as_they_are: Sequence[str] = _KEPT_AS_THEY_ARE
) -> Iterator[tuple[Path, str]]:
    """Values that JSON, CEL (64-bit integers) or PostgreSQL's text can't hold, with a sentence."""
    if isinstance(value, dict | list):
        if len(path) > MAX_DEPTH:
            yield path[:2], f"This is nested more than {MAX_DEPTH} levels deep."
            return
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unstorable(key, path, as_they_are)
            yield from _unstorable(inner, (*path, key), as_they_are)
    elif isinstance(value, str):
        if "\x00" in value and path and path[0] in as_they_are:
            yield path, "U+0000 is not allowed in text."
        if _SURROGATE.search(value):
            yield path, "This text has half of a surrogate pair."
    elif isinstance(value, Unusable):
        yield path, value.sentence
    elif _is_too_large(value):
        yield path, _TOO_LARGE


def _is_too_large(value: Any) -> bool:
    is_number = isinstance(value, int | float)
    return is_number and not (math.isfinite(value) and abs(value) <= MAX_NUMBER)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _validated(model: type[M], item: dict[str, Any]) -> M | Invalid:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return _invalid(item, _path(first), _sentence(first))


def _invalid(item: dict[str, Any], path: Path, error: str) -> Invalid:
    id_ = item.get("id")
    return Invalid(visible(id_[:256]) if isinstance(id_, str) else None, _pointer(path), error)


def _path(error: ErrorDetails) -> Path:
    loc = error["loc"]
    if loc[:1] == ("evidence",) and len(loc) > 2:
        # pydantic adds the kind of evidence as a step that is not in the JSON.
        return (*loc[:2], *loc[3:])
    return loc


def _sentence(error: ErrorDetails) -> str:
    known = _SENTENCES.get(error["type"])
    if known is not None:
        return known
    text = error["msg"].removeprefix("Value error, ").replace("Input", "This", 1)
    return f"{text[:1].upper()}{text[1:]}."


def _pointer(path: Path) -> str:
    steps = (visible(str(step)[:200]).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)
