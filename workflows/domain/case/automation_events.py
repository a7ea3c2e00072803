"""Events of automation: protections, automatic decisions, samples, and what prevents them.

Snoozed detectors are among them: their alerts make Koban do nothing.
"""

from datetime import datetime
from typing import Literal

from workflows.domain.automation import AutomationPause
from workflows.domain.case.enforcement import ActionState
from workflows.domain.case.event_base import (
    ActionEvent,
    DecisionEvent,
    EventBase,
    ProtectionEvent,
)
from workflows.domain.policy.bands import Band
from workflows.domain.policy.limits import Exempt, Full
from workflows.domain.policy.playbook import Severity


class AutoDecided(EventBase):
    """Koban decides with `preset` because of an alert (its key); the decision follows."""

    in_thread = False  # the decision has a line
    redraws_card = False
    counted = True
    kind: Literal["auto_decided"] = "auto_decided"
    preset: str
    alert_key: str


class Sampled(EventBase):
    """The case is a sample: of recorded alerts (`log`), or of decisions by `preset` (`act`).

    People who work on the case must not see it: no list or timeline has it.
    """

    in_thread = False
    redraws_card = False
    counted = True
    kind: Literal["sampled"] = "sampled"
    of: Band
    alert_key: str
    preset: str | None = None


class ReopeningRequested(EventBase):
    """`by` takes an automatic decision back; the case is reopened once its actions are undone."""

    counted = True
    kind: Literal["reopening_requested"] = "reopening_requested"


class ProtectionStarted(ProtectionEvent):
    """Koban protects, and will lift it again. `rule` or `step` is the index in the playbook.

    `detectors` sent the alerts for it.
    """

    counted = True
    copies = ("action.would",)
    kind: Literal["protection_started"] = "protection_started"
    action: ActionState
    rule: int | None = None
    step: int | None = None
    detectors: tuple[str, ...] = ()


class ProtectionWithheld(EventBase):
    """A pause, a limit, an exempt or a trusted subject: nothing automatic.

    It was due by `rules`, `step` or `auto`, which are indexes in the playbook.
    """

    people = ("pause.by",)
    kind: Literal["protection_withheld"] = "protection_withheld"
    pause: AutomationPause | None = None
    limit: Full | None = None
    exempt: Exempt | None = None
    rules: tuple[int, ...] = ()
    step: int | None = None
    trusted: bool = False
    auto: int | None = None


class LimitReached(EventBase):
    """A command of `by` was refused: a limit is reached. It had no other effect."""

    in_thread = False  # a person at a limit could fill the thread
    redraws_card = False
    kind: Literal["limit_reached"] = "limit_reached"
    limit: Full


class ProtectionHeld(ProtectionEvent):
    """The protection stays while the decision based on it waits for approval."""

    kind: Literal["protection_held"] = "protection_held"


class ProtectionResumed(ProtectionEvent):
    """The protection ends at its own time again."""

    kind: Literal["protection_resumed"] = "protection_resumed"


class ProtectionConfirmed(ProtectionEvent, DecisionEvent):
    """A decision replaces the protection, which is not lifted any more."""

    counted = True
    kind: Literal["protection_confirmed"] = "protection_confirmed"


class ProtectionDismissed(ProtectionEvent):
    """The protection is lifted at once.

    `after_failure`: because the platform failed before; it says nothing about the protection.
    """

    kind: Literal["protection_dismissed"] = "protection_dismissed"
    after_failure: bool = False


class ProtectionLifted(ActionEvent):
    """The protection ended; `decision` is its id."""

    counted = True
    kind: Literal["protection_lifted"] = "protection_lifted"


class ProtectionKept(ActionEvent):
    """The decision took over the change that the protection made; `decision` is the protection."""

    kind: Literal["protection_kept"] = "protection_kept"


class DetectorSnoozed(EventBase):
    """Alerts of `detector` about the case's subject open and join no case until `until`.

    `severity` is the case's: a worse alert opens one. A longer snooze replaces a shorter one.
    """

    words = ("reason",)
    kind: Literal["detector_snoozed"] = "detector_snoozed"
    detector: str
    until: datetime
    severity: Severity
    reason: str


class SnoozeEnded(EventBase):
    """`by` ended the snooze of `detector` before its time."""

    kind: Literal["snooze_ended"] = "snooze_ended"
    detector: str
