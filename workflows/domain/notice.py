"""What the person acted upon is told of a decision, once it took effect."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from workflows.domain.alert import Subject
from workflows.domain.model import Value
from workflows.domain.playbook.lookups import NoticeCall
from workflows.domain.text import Text

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
_UNITS = (
    (timedelta(days=1), Text(ja="日", en="day")),
    (timedelta(hours=1), Text(ja="時間", en="hour")),
    (timedelta(minutes=1), Text(ja="分", en="minute")),
    (timedelta(seconds=1), Text(ja="秒", en="second")),
)
_NOTHING = Text(ja="", en="")


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


class Letter(Value):
    """A notice on its way: `frame` with its `values`, and what was `done` before it set out.

    `{actions}` is filled in last, with what took effect.
    """

    person: Subject
    call: NoticeCall
    frame: Text
    values: dict[str, Text] = Field(default_factory=dict)
    done: tuple[Measure, ...] = ()


def letter_text(letter: Letter, took_effect: Iterable[Measure]) -> Text:
    """The whole text. What is put in is not read again: an id may look like a placeholder."""
    values = {**letter.values, "actions": measures((*letter.done, *took_effect))}
    return Text(
        ja=_filled(letter.frame.ja, values, "ja"), en=_filled(letter.frame.en, values, "en")
    )


def measures(each: Iterable[Measure]) -> Text:
    """`コメント制限（24時間）、警告`."""
    named = [_measure(one) for one in each]
    return Text(ja="、".join(one.ja for one in named), en=", ".join(one.en for one in named))


def _measure(one: Measure) -> Text:
    if one.lasts is None:
        return one.title
    lasts = lasting(one.lasts)
    return Text(ja=f"{one.title.ja}（{lasts.ja}）", en=f"{one.title.en} ({lasts.en})")


def lasting(duration: timedelta) -> Text:
    """`24時間`, `24 hours`: whole days from two on."""
    for size, unit in _UNITS:
        count, rest = divmod(duration, size)
        if rest or count < (2 if unit.en == "day" else 1):
            continue
        return Text(ja=f"{count}{unit.ja}", en=f"{count} {unit.en}{'' if count == 1 else 's'}")
    return _NOTHING


def _filled(frame: str, values: Mapping[str, Text], language: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        return match[0] if found is None else str(getattr(found, language))

    return _PLACEHOLDER.sub(value, frame)
