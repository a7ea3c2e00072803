"""Differences between two states of the policy folder, field by field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field

from workflows.domain.people import RoleBook
from workflows.domain.policy.actions import (
    ActionCatalog,
    Call,
)
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.bands import AutoRule, BandRule, Trusted
from workflows.domain.policy.detectors import Accepts, Detector, Sources
from workflows.domain.policy.limits import (
    Exempt,
    FolderLimits,
)
from workflows.domain.policy.platform import (
    LookupCatalog,
    LookupField,
)
from workflows.domain.policy.playbook import (
    Playbook,
    Preset,
    PresetAction,
    Protect,
    ReasonTemplate,
    Rule,
    Step,
)
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Override, Roster, Rotation
from workflows.domain.values import Text, Value, format_duration

MOST_NAMES = 5
"""Names of a list that are added or removed each by itself."""
LONGEST_VALUE = 300
"""Characters of a value in a change; the stored versions have all of it."""


class PolicySet(Value):
    """The content of a policy folder. `queries` are the SQL texts by detector."""

    catalog: ActionCatalog
    roles: RoleBook
    lookups: LookupCatalog
    playbooks: dict[str, Playbook]
    detectors: dict[str, Detector] = Field(default_factory=dict)
    limits: FolderLimits | None = None
    appeals: AppealRules | None = None
    roster: Roster | None = None
    reports: ReportRules | None = None
    retention: Retention | None = None
    sources: Sources | None = None
    trusted: Trusted | None = None
    queries: dict[str, str] = Field(default_factory=dict)


class ChangeKind(StrEnum):
    """The kind of a change."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    ORDERED = "ordered"
    REWORDED = "reworded"


@dataclass(frozen=True)
class Versions:
    """The two states of the folder."""

    old: PolicySet
    new: PolicySet

    @property
    def books(self) -> tuple[Playbook, ...]:
        return (*self.new.playbooks.values(), *self.old.playbooks.values())


# -- differences --------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A field of a model, with its path; `owners` are the models around it before and after."""

    path: tuple[str, ...] = ()
    field: tuple[type, str] = (PolicySet, "")
    owners: tuple[tuple[Any, Any], ...] = ()

    def inside(self, name: str) -> "Place":
        """The place of an entry of a list or mapping."""
        return replace(self, path=(*self.path, name))


@dataclass(frozen=True)
class Difference(Place):
    """A difference of one value."""

    kind: ChangeKind = ChangeKind.CHANGED
    before: Any = None
    after: Any = None

    def owner(self, model: type[BaseModel]) -> tuple[Any, Any]:
        """The innermost model of this type around it, before and after; None without one."""
        found = (each for each in reversed(self.owners) if isinstance(each[1], model))
        return next(found, (None, None))


def differences(both: Versions) -> Iterator[Difference]:
    """Every field that differs."""
    return _of_model(both.old, both.new, Place())


def _of_model(before: BaseModel, after: BaseModel, at: Place) -> Iterator[Difference]:
    for name in type(after).model_fields:
        place = Place(
            (*at.path, name.rstrip("_")),
            (_declaring(type(after), name), name),
            (*at.owners, (before, after)),
        )
        yield from _of_value(getattr(before, name), getattr(after, name), place)


@lru_cache(maxsize=1_000)
def _declaring(model: type[BaseModel], name: str) -> type[BaseModel]:
    """The base model that has the field, so that a rule about it is written once."""
    return [each for each in model.__mro__ if name in getattr(each, "model_fields", {})][-1]


def _of_value(before: Any, after: Any, at: Place) -> Iterator[Difference]:
    whole = at.field in _WHOLE
    if isinstance(before, Text) and isinstance(after, Text):
        yield from _leaf(before, after, at, ChangeKind.REWORDED)
    elif isinstance(after, BaseModel) and type(before) is type(after):
        yield from _of_model(before, after, at)
    elif isinstance(before, dict) and isinstance(after, dict) and not whole:
        yield from _of_entries(_by_name(before), _by_name(after), at)
    elif isinstance(before, tuple) and isinstance(after, tuple) and not whole:
        yield from _of_list(before, after, at)
    else:
        yield from _leaf(before, after, at, _kind(before, after))


def _leaf(before: Any, after: Any, at: Place, kind: ChangeKind) -> Iterator[Difference]:
    # `1 == True`: values of a request differ by their form.
    if repr(before) != repr(after):
        yield Difference(at.path, at.field, at.owners, kind, before, after)


def _kind(before: Any, after: Any) -> ChangeKind:
    if before is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if after is None else ChangeKind.CHANGED


def _of_entries(
    before: Mapping[str, Any], after: Mapping[str, Any], at: Place
) -> Iterator[Difference]:
    for name, value in before.items():
        place = at.inside(name)
        if name in after:
            yield from _of_value(value, after[name], place)
        else:
            yield from _leaf(value, None, place, ChangeKind.REMOVED)
    for name, value in after.items():
        if name not in before:
            yield from _leaf(None, value, at.inside(name), ChangeKind.ADDED)


def _of_list(before: Sequence[Any], after: Sequence[Any], at: Place) -> Iterator[Difference]:
    old, new = _named(before), _named(after)
    if all(isinstance(each, str) for each in (*before, *after)):
        yield from _of_names(old, new, at)
    else:
        yield from _of_entries(old, new, at)
    kept, now = [n for n in old if n in new], [n for n in new if n in old]
    if kept != now:
        was, now_is = ", ".join(kept), ", ".join(now)
        yield Difference(at.path, at.field, at.owners, ChangeKind.ORDERED, was, now_is)


def _of_names(old: Mapping[str, Any], new: Mapping[str, Any], at: Place) -> Iterator[Difference]:
    """One difference for each name, or for many names together."""
    removed = tuple(each for each in old if each not in new)
    added = tuple(each for each in new if each not in old)
    if len(removed) > MOST_NAMES:
        yield from _leaf(Names(removed), None, at, ChangeKind.REMOVED)
    else:
        yield from _of_entries({each: old[each] for each in removed}, {}, at)
    if len(added) > MOST_NAMES:
        yield from _leaf(None, Names(added), at, ChangeKind.ADDED)
    else:
        yield from _of_entries({}, {each: new[each] for each in added}, at)


class Names(tuple[str, ...]):
    """Many names that were added or removed together."""


def _by_name(entries: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): each for name, each in entries.items()}


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """The items by what identifies them in a list; equal ones are numbered."""
    found: dict[str, Any] = {}
    for position, item in enumerate(items, 1):
        name, number = _identity(item) or str(position), 2
        shown = name
        while shown in found:
            shown, number = f"{name} {number}", number + 1
        found[shown] = item
    return found


def _identity(item: Any) -> str:
    match item:
        case Protect() | PresetAction():
            return item.action
        case Preset() | ReasonTemplate() | Rule():
            return item.id
        case BandRule():
            return item.detector
        case AutoRule():
            return item.preset
        case Step():
            named = (item.notify, item.role, item.person, "unless", item.unless)
            return " ".join(str(each) for each in named if each is not None)
        case Exempt():
            return f"{item.type}/{item.id}"
        case LookupField():
            return item.name
        case Override():
            return f"{item.shift} {item.date}"
        case BaseModel():
            return ""
    return written(item)


_WHOLE: frozenset[tuple[type, str]] = frozenset(
    {
        *((Step, "severity"), (Protect, "manual"), (Call, "json_"), (Rotation, "teams")),
        *((Accepts, "kinds"), (Accepts, "subjects")),
    }
)
"""Fields that are one value, although they have several: missing entries mean something else."""


# -- written values -----------------------------------------------------------------------

_AROUND = 60
"""Characters before the first difference of two long values."""


def written(value: Any) -> str:
    """The value as text, at most `LONGEST_VALUE` long; both ends of a longer one."""
    text = _one_line(value)
    if len(text) <= LONGEST_VALUE:
        return text
    half = (LONGEST_VALUE - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def contrasted(before: Any, after: Any) -> tuple[str | None, str | None]:
    """Both values as text; of long ones, the parts that differ."""
    if before is None or after is None:
        was, now = (None if each is None else written(each) for each in (before, after))
        return was, now
    texts = _one_line(before), _one_line(after)
    if max(map(len, texts)) <= LONGEST_VALUE:
        return texts
    pairs = enumerate(zip(*texts, strict=False))
    same = next((place for place, (was, now) in pairs if was != now), min(map(len, texts)))
    start = max(same - _AROUND, 0)
    return _window(texts[0], start), _window(texts[1], start)


def _window(text: str, start: int) -> str:
    begin, room = "…" if start else "", LONGEST_VALUE - 2
    rest = text[start:]
    if len(rest) <= room:
        return begin + rest
    tail = room // 3
    return f"{begin}{rest[: room - tail - 1]}…{rest[-tail:]}"


def _one_line(value: Any) -> str:
    return " ".join(_plain(value).split())


def _plain(value: Any) -> str:
    match value:
        case Names():
            return f"{', '.join(value[:3])}, … ({len(value):,})"
        case bool():
            return str(value).lower()
        case timedelta():
            return format_duration(value)
        case Text():
            return value.ja if value.ja == value.en else f"{value.ja} / {value.en}"
        case BaseModel():
            return _plain(dict(set_fields(value)))
        case dict():
            return "{" + ", ".join(f"{key}: {_plain(each)}" for key, each in value.items()) + "}"
        case tuple() | list():
            return f"[{', '.join(_plain(each) for each in value)}]"
    return "–" if value is None else str(value)


def set_fields(model: BaseModel) -> Iterator[tuple[str, Any]]:
    """The fields that are not as they are by default."""
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if info.is_required() or repr(value) != repr(info.get_default(call_default_factory=True)):
            yield info.alias or name, value
