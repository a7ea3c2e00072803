"""Assessment of alerts by a policy folder, without cases: playbook, severity, band and group.

It calls the functions of live operation. Two shortcuts make it fast: an alert of the usual form is
not validated field by field, and conditions are evaluated once for equal values of the fields that
they use.
"""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Generic, NamedTuple, TypeGuard, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import from_json

from activities.policy.loader import PolicyFolder
from workflows.conditions import holds
from workflows.domain.alerts import MOST_RELATED, Alert
from workflows.domain.detection import outside
from workflows.domain.policy.bands import Band, Mode, Placement, drawn
from workflows.domain.policy.matching import Assessment, Facts, assess, facts_of, group_of
from workflows.domain.policy.playbook import Playbook, Severity
from workflows.domain.values import Text, visible


class Handling(StrEnum):
    """The handling of an alert. An assessment knows no cases, which can silence it."""

    CASE = "case"
    LOGGED = "log"
    SILENCED = "silenced"
    UNMATCHED = "unmatched"
    REFUSED = "refused"


class Rules(NamedTuple):
    """The automatic rules that hold in a case of a severity, as indexes."""

    protect: tuple[int, ...] = ()
    auto: int | None = None


class Assessed(NamedTuple):
    """An alert's assessment; equal ones are one object.

    `rules` has an entry for each severity that a case of the alert can have; empty if none holds.
    `shadows` are the playbooks in shadow mode that match.
    """

    handling: Handling
    detector: str
    playbook: str = ""
    severity: Severity = Severity.LOW
    sampled: bool = False
    rules: tuple[tuple[Severity, Rules], ...] = ()
    shadows: tuple[str, ...] = ()

    def rules_in(self, severity: Severity) -> Rules:
        """The rules that hold in a case of this severity."""
        return next((rules for own, rules in self.rules if own is severity), _NO_RULES)


_NO_RULES = Rules()


class Placed(NamedTuple):
    """An assessed alert with the name of its group, empty without a playbook."""

    assessed: Assessed
    group: str


_Field = tuple[str, str]
"""A field of alerts that conditions use: its place in two steps, the second empty for `score`."""


class Assessor:
    """Assesses alerts by one folder."""

    def __init__(self, folder: PolicyFolder) -> None:
        self._folder = folder
        playbooks = folder.playbooks.values()
        self._match = _Fields(each.match for each in playbooks)
        self._own = {each.playbook: _Fields(_conditions(each)) for each in playbooks}
        self._automatic = {each.playbook: _Fields(_automatic(each)) for each in playbooks}
        self._matches = _Known[_Matched]()
        self._bases = _Known[_Base]()
        self._acting = _Known[Assessed]()

    def place(self, alert: Alert) -> Placed | None:
        """Assesses an alert; None if its detector may not send it."""
        if self._is_refused(alert):
            return None
        matched = self._matches.get((), self._match, alert, lambda facts: self._find(alert, facts))
        playbook, shadows = matched
        if playbook is None:
            return Placed(
                _shared(Assessed(Handling.UNMATCHED, alert.detector, shadows=shadows)), ""
            )
        base = self._bases.get(
            (playbook.playbook, shadows),
            self._own[playbook.playbook],
            alert,
            lambda facts: _base_of(playbook, assess(playbook, alert, holds, facts), shadows),
        )
        assessed = base.plain
        if base.drawn is not None and drawn("log", alert.key, playbook.sample.log):
            assessed = base.drawn
        elif base.acts:
            assessed = self._acting.get(
                (playbook.playbook, shadows, assessed.severity),
                self._automatic[playbook.playbook],
                alert,
                lambda facts: _with_rules(playbook, base.plain, alert, facts),
            )
        return Placed(assessed, _group(playbook, alert))

    def _is_refused(self, alert: Alert) -> bool:
        known = self._folder.detectors.get(alert.detector)
        return known is not None and outside(known.accepts, alert) is not None

    def _find(self, alert: Alert, facts: Facts) -> "_Matched":
        """The playbook and the shadows that match, as for a live alert."""
        shadows = self._folder.shadows(facts) if self._folder.has_shadows else ()
        names = tuple(each.playbook for each in shadows)
        try:
            found = self._folder.find(alert, facts)
        except LookupError:
            return None, names
        return (None if found.catch_all and shadows else found), names


_Matched = tuple[Playbook | None, tuple[str, ...]]
T = TypeVar("T")


class _Known(Generic[T]):
    """Results by the values of the fields that they depend on."""

    def __init__(self) -> None:
        self._results: dict[tuple[Any, ...], T] = {}

    def get(
        self,
        name: tuple[Any, ...],
        fields: "_Fields",
        alert: Alert,
        made: Callable[[Facts], T],
    ) -> T:
        """The result for an alert, `made` from the facts with these fields."""
        if fields.names is None or _is_deep(alert):
            return made(facts_of(_whole(alert)))
        values = (name, alert.detector, alert.kind, fields.read(alert))
        try:
            found = self._results.get(values)
        except TypeError:  # an attribute that is a list or an object
            return made(_facts(alert, fields.names))
        if found is None:
            found = made(_facts(alert, fields.names))
            if len(self._results) < _MOST_KNOWN:
                self._results[values] = found
        return found


class _Fields:
    """The fields that conditions use; `names` is None if they can use the whole alert."""

    def __init__(self, conditions: Iterable[str]) -> None:
        self.names = _fields(conditions)
        self._getters = [_getter(each) for each in self.names or ()]

    def read(self, alert: Alert) -> Hashable:
        """The values of the fields."""
        getters = self._getters
        if len(getters) == 1:
            return getters[0](alert)
        return tuple([each(alert) for each in getters]) if getters else None


def _getter(field: _Field) -> Callable[[Alert], Hashable]:
    head, name = field
    if head == "attributes":
        return lambda alert: _typed(alert.attributes.get(name, _MISSING))
    if head == "subject":
        return lambda alert: getattr(alert.subject, name)
    return lambda alert: alert.score


def _typed(value: Any) -> tuple[Any, type]:
    """`1`, `1.0` and `true` are equal keys, but different values."""
    return value, type(value)


def _is_deep(alert: Alert) -> bool:
    """Whether it has many levels: conditions read nothing of facts that are too deep."""
    return isinstance(alert, Alert) and not _is_flat(alert.attributes)


def _is_flat(attributes: Mapping[str, Any]) -> bool:
    values = attributes.values()
    return _NESTING.isdisjoint(map(type, values)) or all(_levels(v, _FLAT) <= _FLAT for v in values)


_FLAT = 20
_NESTING = frozenset({list, dict})


def _levels(value: Any, most: int) -> int:
    """The number of lists and objects around the innermost value, `most` + 1 if there are more."""
    kind = type(value)
    if most < 0 or kind not in _NESTING:
        return 0
    inner = value if kind is list else value.values()
    return 1 + max((_levels(each, most - 1) for each in inner), default=0)


def _facts(alert: Alert, fields: tuple[_Field, ...]) -> Facts:
    attributes = {name: alert.attributes[name] for _, name in fields if name in alert.attributes}
    found: dict[str, Any] = {
        "kind": alert.kind,
        "detector": alert.detector,
        "subject": {"type": alert.subject.type, "id": alert.subject.id},
        "attributes": attributes,
    }
    if alert.score is not None:
        found["score"] = alert.score
    return Facts({"alert": found})


@dataclass(frozen=True, slots=True)
class _Base:
    """An assessment without automatic rules, which are looked up if it `acts`.

    `drawn` is that of a sample of recorded alerts.
    """

    plain: Assessed
    drawn: Assessed | None = None
    acts: bool = False


_MOST_KNOWN = 200_000
_MISSING = object()


def _base_of(playbook: Playbook, found: Assessment, shadows: tuple[str, ...]) -> _Base:
    alert, placement = found.alert, found.placement
    own = (alert.detector, playbook.playbook, found.severity)
    if placement.band is not Band.LOG and not placement.sampled:
        acts = placement.band is Band.ACT and bool(playbook.protect or playbook.auto)
        return _Base(_shared(Assessed(Handling.CASE, *own, False, (), shadows)), acts=acts)
    plain = _shared(Assessed(Handling.LOGGED, *own, False, (), shadows))
    if playbook.mode is Mode.OFF or playbook.sample.log == 0:
        return _Base(plain)
    return _Base(plain, _shared(Assessed(Handling.CASE, *own, True, (), shadows)))


def _with_rules(playbook: Playbook, plain: Assessed, alert: Alert, facts: Facts) -> Assessed:
    """The assessment with the automatic rules of each severity that a case of it can have."""
    found = Assessment(alert, plain.severity, facts, Placement(band=Band.ACT))
    worse = [each for each in playbook.severity if each.rank <= plain.severity.rank]
    rules = tuple((each, _rules(playbook, found, each)) for each in worse)
    return _shared(plain._replace(rules=rules)) if any(r != _NO_RULES for _, r in rules) else plain


def _rules(playbook: Playbook, found: Assessment, severity: Severity) -> Rules:
    protect = found.protections(playbook, severity, holds)
    return Rules(protect, found.decides(playbook, severity, holds))


@lru_cache(maxsize=100_000)
def _shared(assessed: Assessed) -> Assessed:
    return assessed


def _group(playbook: Playbook, alert: Alert) -> str:
    terms = group_of(playbook, alert)
    text = "\n".join((playbook.playbook, *terms))
    if "\\" in text or text.count("\n") > len(terms):
        escaped = (each.replace("\\", r"\\").replace("\n", r"\n") for each in terms)
        return "\n".join((playbook.playbook, *escaped))
    return text


def identity_of(key: str) -> int:
    """A hash of 64 bits of an alert's key: two of 4,000,000 collide once in two million runs."""
    return int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def related_types(alert: Alert) -> tuple[str, ...]:
    """The types of the related subjects that a case keeps, each once."""
    related = alert.related[:MOST_RELATED]
    if len(related) == 1:
        return (related[0].type,)
    return tuple(dict.fromkeys(each.type for each in related))


# -- fields of conditions -------------------------------------------------------------------

_SKIPPED = re.compile(
    r"""
    //[^\n]*
    | \b[bB]?[rR][bB]?(?:\'{3}.*?\'{3}|"{3}.*?"{3}|'[^']*'|"[^"]*")
    | \'{3}(?:[^\\]|\\.)*?\'{3} | "{3}(?:[^\\]|\\.)*?"{3}
    | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*"
    """,
    re.DOTALL | re.VERBOSE,
)
"""Comments and literals of CEL, the raw ones first: a backslash in them is one."""
_ALERT = re.compile(r"(?<![\w.])alert\b((?:\s*\.\s*[A-Za-z_]\w*)*)(\s*\()?")


def _automatic(playbook: Playbook) -> Iterable[str]:
    yield from (each.when for each in playbook.protect)
    yield from (each.when for each in playbook.auto)


def _conditions(playbook: Playbook) -> Iterable[str]:
    yield from playbook.severity.values()
    for band in playbook.bands:
        yield from (each for each in (band.act, band.review) if each is not None)


def _fields(conditions: Iterable[str]) -> tuple[_Field, ...] | None:
    """The fields that conditions use besides kind and detector; None if they use others."""
    names: dict[_Field, None] = {}
    for condition in conditions:
        for found in _ALERT.finditer(_SKIPPED.sub(" '' ", condition)):
            path = [part.strip() for part in found[1].split(".")[1:]]
            path = path[:-1] if found[2] else path  # a method of the value
            head, name = (path[0] if path else ""), (path[1] if len(path) > 1 else "")
            if head == "score" or (head == "subject" and name in ("type", "id")):
                names[head, name if head == "subject" else ""] = None
            elif head == "attributes" and name:
                names[head, name] = None
            elif head not in ("kind", "detector"):
                return None
    return tuple(names)


# -- alerts of the usual form ---------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TIME = re.compile(
    r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?:\.\d{1,6})?(?:[Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)",
    re.ASCII,
)
_FIELDS = frozenset(Alert.model_fields)


class _Subject(NamedTuple):
    type: str
    id: str

    @property
    def key(self) -> str:
        return f"{self.type}:{self.id}"


class _Usual(NamedTuple):
    """An alert whose fields were checked one by one; it has what an assessment needs."""

    body: str
    id: str
    detector: str
    kind: str
    subject: _Subject
    related: tuple[_Subject, ...]
    score: float | None
    attributes: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.detector}/{self.id}"


def read(body: str) -> Alert | None:
    """The alert in a JSON text; None if it is none.

    One of the usual form has only the fields that an assessment needs.
    """
    try:
        # Takes two thirds of the time; what it refuses may still be JSON for Koban.
        usual = _usual(body, from_json(body))
    except ValueError:
        return whole(body)
    return whole(body) if usual is None else cast(Alert, usual)


def whole(body: str) -> Alert | None:
    """The validated alert in a JSON text; None if it is none."""
    try:
        return Alert.model_validate(json.loads(body))
    except (ValidationError, ValueError, RecursionError):
        return None


def fault_of(body: str) -> str | None:
    """The first reason why a JSON text is no alert, with its field; None if it is one."""
    try:
        Alert.model_validate(json.loads(body))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        return visible(f"{place}: {first['msg']}")[:_LONGEST_FAULT]
    except (ValueError, RecursionError):
        return "no JSON"
    return None


_LONGEST_FAULT = 200


def _whole(alert: Alert) -> Alert:
    if isinstance(alert, Alert):
        return alert
    found = whole(cast(_Usual, alert).body)
    assert found is not None, "the usual form is valid"
    return found


def _usual(body: str, raw: Any) -> _Usual | None:
    """An alert of the usual form; None for any other, which may be valid as well."""
    if type(raw) is not dict or not _FIELDS.issuperset(raw):
        return None
    get = raw.get
    id_, kind, detector = get("id"), get("kind"), get("detector", "default")
    subject, score = _subject(get("subject")), get("score")
    related = _related(get("related", ()))
    attributes = get("attributes", _NOTHING)
    if subject is None or related is None or type(attributes) is not dict:
        return None
    if not _is_flat(attributes):
        return None  # more levels are limited
    if not (_is_name(kind) and _is_name(detector) and _is_id(id_)):
        return None
    if score is not None and not (type(score) in (float, int) and 0 <= score <= 1):
        return None
    at = get("occurred_at")
    if type(at) is not str or not _TIME.fullmatch(at):
        return None
    if not (_is_title(get("title")) and _is_evidence(get("evidence", ()))):
        return None
    number = None if score is None else float(score)
    return _Usual(body, id_, detector, kind, subject, related, number, attributes)


_NOTHING: dict[str, Any] = {}


@lru_cache(maxsize=10_000)
def _is_known_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _is_name(given: Any) -> TypeGuard[str]:
    return type(given) is str and _is_known_name(given)


def _is_id(given: Any) -> TypeGuard[str]:
    if type(given) is not str or not 0 < len(given) <= 256:
        return False
    return given.isascii() and given.isprintable() and given[0] != " " and given[-1] != " "


def _subject(given: Any) -> _Subject | None:
    if type(given) is not dict or len(given) != 2:
        return None
    type_, id_ = given.get("type"), given.get("id")
    return _Subject(type_, id_) if _is_name(type_) and _is_id(id_) else None


def _related(given: Any) -> tuple[_Subject, ...] | None:
    if not given and type(given) in (list, tuple):
        return ()
    if type(given) is not list or len(given) > 100:
        return None
    found = []
    for each in given:
        subject = _subject(each)
        if subject is None:
            return None
        found.append(subject)
    return tuple(found)


@lru_cache(maxsize=10_000)
def _is_known_title(ja: str, en: str) -> bool:
    try:
        Text(ja=ja, en=en)
    except ValidationError:
        return False
    return True


def _is_title(given: Any) -> bool:
    if given is None:
        return True
    if type(given) is not dict or len(given) != 2:
        return False
    ja, en = given.get("ja"), given.get("en")
    return type(ja) is str and type(en) is str and _is_known_title(ja, en)


def _is_evidence(given: Sequence[Any]) -> bool:
    if type(given) not in (list, tuple) or len(given) > 100:
        return False
    for each in given:
        if type(each) is not dict or not _TEXT_FIELDS.issuperset(each):
            return False
        get = each.get
        if get("kind") != "text" or type(get("text")) is not str:
            return False
        if type(get("sensitive", False)) is not bool:
            return False
    return True


_TEXT_FIELDS = frozenset({"kind", "text", "sensitive"})
