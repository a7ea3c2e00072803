"""Decisions of people and of Koban, their planned actions and their notices."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Bulk
from workflows.domain.policy.limits import Exempt
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Conduct
from workflows.domain.values import Text, Value

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")


class NoticeStatus(StrEnum):
    """The status of a notice."""

    PENDING = "pending"
    RETRYING = "retrying"
    SENT = "sent"
    FAILED = "failed"


KOBAN = "koban"
"""The decider of an automatic decision."""


class DecisionNotice(Value):
    """The notice of a decision to `person`, with the `facts` of its reason's template.

    Without them it has a sentence of the catalog: typed reasons are for colleagues. The `person`
    of a bulk decision represents all its subjects.
    """

    person: Subject
    facts: Text | None = None


class Measure(Value):
    """An action in a notice."""

    title: Text
    lasts: timedelta | None = None


class Automated(StrEnum):
    """The automation before the decision; `DECIDED`: no person took it."""

    PROTECTED = "protected"
    DETECTED = "detected"
    PERSON = "person"
    DECIDED = "decided"


class PersonNotice(Value):
    """A notice to send; `automated` selects its sentence for `{automation}` if policy has none."""

    person: Subject
    call: NoticeCall
    frame: Text
    values: dict[str, Text] = Field(default_factory=dict)
    automated: Automated = Automated.PERSON
    done: tuple[Measure, ...] = ()


class NoticeWords(Protocol):
    """Texts of a notice that are not in policy; the Slack layer has them."""

    def facts(self) -> Text:
        """The sentence for `{facts}` of a decision without a template."""

    def automated(self, how: Automated) -> Text:
        """The sentence for `{automation}`."""

    def lasting(self, duration: timedelta) -> Text:
        """`24時間`, `24 hours`."""


def person_notice_text(letter: PersonNotice, wording: NoticeWords) -> Text:
    """The whole text. Inserted values are not expanded: an id may look like a placeholder."""
    usual = {"automation": wording.automated(letter.automated), "facts": wording.facts()}
    values = {**usual, **letter.values, "actions": measures(letter.done, wording)}
    return Text(
        ja=_filled(letter.frame.ja, values, "ja"), en=_filled(letter.frame.en, values, "en")
    )


def measures(each: Iterable[Measure], wording: NoticeWords) -> Text:
    """`コメント制限（24時間）、警告`."""
    named = [_measure(one, wording) for one in each]
    return Text(ja="、".join(one.ja for one in named), en=", ".join(one.en for one in named))


def _measure(one: Measure, wording: NoticeWords) -> Text:
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
    """The verdict of a decision."""

    VIOLATION = "violation"
    NO_VIOLATION = "no_violation"
    FALSE_POSITIVE = "false_positive"


class PlannedAction(Value):
    """An action on a subject; `lasts` None: without end."""

    action: str
    subject: Subject
    lasts: timedelta | None = None

    @property
    def key(self) -> str:
        """`action/type:id`, unique within a decision."""
        return f"{self.action}/{self.subject.key}"


class Decision(Value):
    """A decision. `id` counts within the case: D1, D2, …

    - `reason` is typed by the person, `preset_reason` is the policy's for the preset
    - `confirms`: protections that it takes over; `leaves`: protections that began after the
      card was drawn, and continue
    - `keeps`: protections of `confirms` that nobody chose as an action
    - `exempt`: it needs a lead's approval because a subject is exempt
    - `over_limit`: it needs an approval because of the person's budget or the number of subjects
    - `template`: the chosen reason of policy; `notice`: sent to the person acted upon, or
      `no_notice`: the policy's reason why none is
    - `bulk`: each action is for all its subjects
    - `detectors`: those whose alert Koban decided by
    - `paused`: automation was paused, so the review comes before the actions
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
    keeps: tuple[str, ...] = ()
    over_limit: bool = False
    exempt: Exempt | None = None
    dry_run: bool = False
    bulk: Bulk | None = None
    template: str | None = None
    notice: DecisionNotice | None = None
    no_notice: Text | None = None
    detectors: tuple[str, ...] = ()
    paused: bool = False

    @property
    def automatic(self) -> bool:
        """Whether Koban took it."""
        return self.by == KOBAN

    @property
    def person(self) -> str | None:
        """The person who took it; None for an automatic one."""
        return None if self.automatic else self.by

    @property
    def subjects(self) -> int:
        """The number of its subjects, at least one."""
        if self.bulk is not None:
            return max(self.bulk.count, 1)
        return max(len({each.subject.key for each in self.actions}), 1)
