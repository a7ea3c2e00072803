"""What a person decided, and what is to be done because of it."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Bulk
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Conduct
from workflows.domain.values import Text, Value

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


class Verdict(StrEnum):
    """The outcome of looking at a case."""

    VIOLATION = "violation"
    NO_VIOLATION = "no_violation"
    FALSE_POSITIVE = "false_positive"


class PlannedAction(Value):
    """One action on one subject; `lasts` is None for an action without an end."""

    action: str
    subject: Subject
    lasts: timedelta | None = None

    @property
    def key(self) -> str:
        """`action/type:id`, unique within a decision."""
        return f"{self.action}/{self.subject.key}"


class Decision(Value):
    """A decision as it was taken. `id` counts within the case: D1, D2, …

    `reason` is its person's own; `preset_reason` what policy says for the preset.

    `confirms` names the protections that it takes over, `leaves` those that its person could not
    see yet: they go on as they were. `over_limit` where its person had done too much in too short
    a time, or it concerns too many subjects, to decide alone.

    `template` is the reason of policy that was chosen, `notice` what the person acted upon is told
    because of it.

    With a `ring` each action stands for all its subjects: the ring itself is their subject.
    """

    id: str
    by: str
    at: datetime
    verdict: Verdict
    actions: tuple[PlannedAction, ...] = ()
    preset: str | None = None
    policy: str | None = None
    reason: str = ""
    preset_reason: Text | None = None
    conduct: Conduct = Conduct()
    confirms: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    over_limit: bool = False
    dry_run: bool = False
    bulk: Bulk | None = None
    template: str | None = None
    notice: DecisionNotice | None = None
