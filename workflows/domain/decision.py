"""What a person decided, and what is to be done because of it."""

from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.alert import Subject
from workflows.domain.model import Value
from workflows.domain.notice import DecisionNotice
from workflows.domain.playbook.conduct import Conduct
from workflows.domain.ring import Ring
from workflows.domain.text import Text


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
    rehearse: bool = False
    ring: Ring | None = None
    template: str | None = None
    notice: DecisionNotice | None = None
