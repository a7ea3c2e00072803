"""Erasure of personal data: what leaves alerts, events and snapshots, while their facts stay.

A decision's facts stay: who decided what about which subject, when, by which rule and with which
result. All functions work on the JSON of the ledger, and leave it valid for its models.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from workflows.domain.alerts import Subject
from workflows.domain.case.event_base import QUESTIONS, EventBase, kind_of
from workflows.domain.case.events import EVENTS
from workflows.domain.policy.reports import Kept

Json = dict[str, Any]

LEFT_OUT = "[erased]"
"""Replaces the id of an erased subject in a text."""
LEAST_ID = 4
"""Characters of an id that is searched in texts: a shorter one could be any word or number."""

_IN_BRIEF = {
    Kept.EVIDENCE: ("title", "excerpt"),
    Kept.ATTRIBUTES: ("viewers", "manual.note", "manual.link"),
}
_IN_BODY = {Kept.EVIDENCE: ("title", "evidence"), Kept.ATTRIBUTES: ("attributes",)}
_BRIEFS = ("case.first", "case.latest")
_WORDS = (
    *(f"case.{path}" for path in QUESTIONS),
    *("case.decisions.*.reason", "case.rejection", "case.hold.note"),
    "case.actions.*.would",
)
_ANSWERS = ("case.appeal",)
_SIGHTINGS = "case.sightings"
_KINDS = {kind_of(each): each for each in EVENTS}


class Eraser(Protocol):
    """Selection of what is erased. Each method returns what stays."""

    def body(self, body: Json) -> Json:
        """The body of an alert."""

    def brief(self, brief: Json) -> Json:
        """A case's summary of an alert."""

    def words(self, text: str) -> str:
        """A text that a person typed."""

    def answer(self, answer: Json) -> Json:
        """An answer to an appeal."""

    def sightings(self, sightings: list[Any]) -> list[Any]:
        """The related subjects that a case remembers."""


@dataclass(frozen=True)
class OfKinds:
    """Erases kinds of data whose time is over, about anybody."""

    kinds: frozenset[Kept]

    def body(self, body: Json) -> Json:
        """Empties the fields of the kinds."""
        return _blanked(body, _IN_BODY, self.kinds)

    def brief(self, brief: Json) -> Json:
        """Empties the fields of the kinds."""
        return _blanked(brief, _IN_BRIEF, self.kinds)

    def words(self, text: str) -> str:
        """Empty once the time of notes is over."""
        return "" if Kept.NOTES in self.kinds else text

    def answer(self, answer: Json) -> Json:
        """Without its reason once the time of notes is over."""
        return {**answer, "reason": self.words(answer["reason"])}

    def sightings(self, sightings: list[Any]) -> list[Any]:
        """Ids stay."""
        return sightings


@dataclass(frozen=True)
class OfSubject:
    """Erases a person's data: everything in their own cases and alerts, elsewhere their id.

    `own`: the case is about the person. `alerts` are the keys of alerts about them, `appeals` the
    ids of their appeals.
    """

    subject: Subject
    own: bool = False
    alerts: frozenset[str] = frozenset()
    appeals: frozenset[str] = frozenset()

    def body(self, body: Json) -> Json:
        """Empty where the alert is about the person, else without their id."""
        if self.own or body.get("subject") == self._json:
            return {**OfKinds(frozenset(Kept)).body(body), "related": []}
        searched = ("title", "attributes", "related")
        left = {key: self._without(x) if key in searched else x for key, x in body.items()}
        found: Json = _changed(left, ("evidence", "*"), self._piece)
        return found

    def brief(self, brief: Json) -> Json:
        """Empty where the alert is about the person, else without their id."""
        if self.own or brief.get("key") in self.alerts:
            return {**OfKinds(frozenset(Kept)).brief(brief), "related": []}
        searched = ("title", "excerpt", "manual", "related")
        return {key: self._without(x) if key in searched else x for key, x in brief.items()}

    def words(self, text: str) -> str:
        """Empty in the person's own case, else without their id."""
        return "" if self.own else str(self._without(text))

    def answer(self, answer: Json) -> Json:
        """Without its reason where the appeal is the person's, else without their id."""
        is_theirs = answer.get("appeal") in self.appeals
        return {**answer, "reason": "" if is_theirs else self.words(answer["reason"])}

    def sightings(self, sightings: list[Any]) -> list[Any]:
        """None in the person's own case, else all others."""
        return [] if self.own else list(self._without(sightings))

    @property
    def _json(self) -> Json:
        return {"type": self.subject.type, "id": self.subject.id}

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """The id as a word of its own; Japanese has no spaces around it."""
        if len(self.subject.id) < LEAST_ID:
            return None
        return re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(self.subject.id)}(?![A-Za-z0-9_-])")

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._pattern.sub(LEFT_OUT, value) if self._pattern else value
        if isinstance(value, list):
            return [self._without(each) for each in value if not self._is_theirs(each)]
        if isinstance(value, dict):
            return {self._without(key): self._without(each) for key, each in value.items()}
        return value

    def _piece(self, piece: Json) -> Json:
        """A piece of evidence at its place; an image at an address with the id is left out."""
        left: Json = self._without(piece)
        if piece.get("kind") == "image" and left != piece:
            return {"kind": "text", "text": LEFT_OUT, "sensitive": False}
        return left

    def _is_theirs(self, item: Any) -> bool:
        """Whether an item of a list is the person, or when a case saw them."""
        return item == self._json or (isinstance(item, dict) and item.get("subject") == self._json)


def event_left(kind: type[EventBase], data: Json, eraser: Eraser) -> Json:
    """What stays of an event's data."""
    for path in kind.alert_fields:
        data = _changed(data, path.split("."), eraser.brief)
    for path in (*kind.words, *kind.copies):
        data = _changed(data, path.split("."), eraser.words)
    for path in kind.answer_fields:
        data = _changed(data, path.split("."), eraser.answer)
    return data


def snapshot_left(snapshot: Json, eraser: Eraser) -> Json:
    """What stays of the snapshot of a case."""
    for path in _BRIEFS:
        snapshot = _changed(snapshot, path.split("."), eraser.brief)
    for path in _WORDS:
        snapshot = _changed(snapshot, path.split("."), eraser.words)
    for path in _ANSWERS:
        snapshot = _changed(snapshot, path.split("."), eraser.answer)
    snapshot = _changed(snapshot, _SIGHTINGS.split("."), eraser.sightings)

    def line(event: Json) -> Json:
        kind = _KINDS.get(str(event.get("kind")))
        return event if kind is None else event_left(kind, event, eraser)

    left: Json = _changed(snapshot, ("unposted", "*", "event"), line)
    return left


def _blanked(data: Json, fields: Mapping[Kept, Sequence[str]], kinds: frozenset[Kept]) -> Json:
    for kind in sorted(kinds & fields.keys()):
        for path in fields[kind]:
            data = _changed(data, path.split("."), _blank)
    return data


def _blank(value: Any) -> Any:
    """The empty value of the same type; None for a bilingual text and a number."""
    is_text = isinstance(value, dict) and "ja" in value
    return type(value)() if isinstance(value, str | list | dict) and not is_text else None


def _changed(data: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """A copy in which the values at `path` are changed; those that are missing stay missing."""
    if not path:
        return change(data)
    head, *rest = path
    if head == "*":
        return [_changed(each, rest, change) for each in data] if isinstance(data, list) else data
    if not isinstance(data, dict) or data.get(head) is None:
        return data
    return {**data, head: _changed(data[head], rest, change)}
