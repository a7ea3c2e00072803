"""What the person acted upon is told of a decision, once it took effect."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from workflows.domain.alert import Subject
from workflows.domain.model import Value
from workflows.domain.playbook.lookups import NoticeCall
from workflows.domain.text import Text

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")


class NoticeStatus(StrEnum):
    """Where the notice of a decision stands."""

    PENDING = "pending"
    RETRYING = "retrying"
    SENT = "sent"
    FAILED = "failed"


class DecisionNotice(Value):
    """Whom a decision tells what: the `facts`, as its reason's template has them."""

    person: Subject
    facts: Text


class Measure(Value):
    """An action as the person reads it."""

    title: Text
    lasts: timedelta | None = None


class Automated(StrEnum):
    """What was done by itself before a person decided."""

    PROTECTED = "protected"
    DETECTED = "detected"
    PERSON = "person"


class Letter(Value):
    """A notice on its way: `frame` with its `values`, and what was `done`.

    `{automation}` is filled in by `automated`, where policy has no sentence of its own for it.
    """

    person: Subject
    call: NoticeCall
    frame: Text
    values: dict[str, Text] = Field(default_factory=dict)
    automated: Automated = Automated.PERSON
    done: tuple[Measure, ...] = ()


class Wording(Protocol):
    """Koban's own words in a letter, which whoever sends or shows it has; policy has the rest."""

    def automated(self, how: Automated) -> Text:
        """The sentence for `{automation}`."""

    def lasting(self, duration: timedelta) -> Text:
        """`24時間`, `24 hours`."""


def letter_text(letter: Letter, wording: Wording) -> Text:
    """The whole text. What is put in is not read again: an id may look like a placeholder."""
    automation = letter.values.get("automation") or wording.automated(letter.automated)
    actions = measures(letter.done, wording)
    values = {**letter.values, "automation": automation, "actions": actions}
    return Text(
        ja=_filled(letter.frame.ja, values, "ja"), en=_filled(letter.frame.en, values, "en")
    )


def measures(each: Iterable[Measure], wording: Wording) -> Text:
    """`コメント制限（24時間）、警告`."""
    named = [_measure(one, wording) for one in each]
    return Text(ja="、".join(one.ja for one in named), en=", ".join(one.en for one in named))


def _measure(one: Measure, wording: Wording) -> Text:
    if one.lasts is None:
        return one.title
    lasts = wording.lasting(one.lasts)
    return Text(ja=f"{one.title.ja}（{lasts.ja}）", en=f"{one.title.en} ({lasts.en})")


def _filled(frame: str, values: Mapping[str, Text], language: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        return match[0] if found is None else str(getattr(found, language))

    return _PLACEHOLDER.sub(value, frame)
