"""What became of actions at the platform: of decisions, and of protections."""

from datetime import datetime
from typing import Literal

from workflows.domain.automation import AutomationPause
from workflows.domain.case.enforcement import ActionState, Problem
from workflows.domain.case.event_base import EventBase


class ActionRetrying(EventBase):
    """The platform does not answer as it should; Koban keeps trying."""

    kind: Literal["action_retrying"] = "action_retrying"
    decision: str
    action: str
    problem: Problem | None = None


class ActionSucceeded(EventBase):
    """The platform took the change; there is nothing to read back, or not yet."""

    kind: Literal["action_succeeded"] = "action_succeeded"
    decision: str
    action: str
    until: datetime | None = None


class ActionVerified(EventBase):
    """The platform was read back; `matches` is False where it shows something else."""

    kind: Literal["action_verified"] = "action_verified"
    decision: str
    action: str
    matches: bool
    until: datetime | None = None


class ActionFailed(EventBase):
    """The change, or where `undo` its undo, was not made."""

    kind: Literal["action_failed"] = "action_failed"
    decision: str
    action: str
    problem: Problem
    undo: bool = False


class ActionRetried(EventBase):
    """A person asked to try the failed actions of a decision again."""

    kind: Literal["action_retried"] = "action_retried"
    decision: str


class ActionsGivenUp(EventBase):
    """A person gave up the failed actions of a decision."""

    kind: Literal["actions_given_up"] = "actions_given_up"
    decision: str


class UndoRequested(EventBase):
    """A person asked to take the standing actions of a decision back."""

    kind: Literal["undo_requested"] = "undo_requested"
    decision: str


class ActionUndone(EventBase):
    """The action was taken back because a person wanted it."""

    kind: Literal["action_undone"] = "action_undone"
    decision: str
    action: str


class ActionLifted(EventBase):
    """The action ended because its time was over."""

    kind: Literal["action_lifted"] = "action_lifted"
    decision: str
    action: str


class ActionSkipped(EventBase):
    """An action was not tried because one before it in its decision failed."""

    kind: Literal["action_skipped"] = "action_skipped"
    decision: str
    action: str


class ActionRolledBack(EventBase):
    """An action was taken back because another one of its decision failed."""

    kind: Literal["action_rolled_back"] = "action_rolled_back"
    decision: str
    action: str


class ActionDryRun(EventBase):
    """The action was only rehearsed: `would` is the request that would have been made."""

    kind: Literal["action_dry_run"] = "action_dry_run"
    decision: str
    action: str
    would: str


class EnforcementStarted(EventBase):
    """A decision that waited for a protection to be handed over is carried out now."""

    kind: Literal["enforcement_started"] = "enforcement_started"
    decision: str


class ProtectionStarted(EventBase):
    """Koban acts by itself and will lift it again. `rule` or `step` names the playbook's line."""

    kind: Literal["protection_started"] = "protection_started"
    protection: str
    action: ActionState
    rule: int | None = None
    step: int | None = None


class ProtectionWithheld(EventBase):
    """Koban would have acted by itself, and did not because of `halt`.

    `rules` or `step` name the playbook's lines.
    """

    kind: Literal["protection_withheld"] = "protection_withheld"
    halt: AutomationPause
    rules: tuple[int, ...] = ()
    step: int | None = None


class ProtectionHeld(EventBase):
    """The protection stays while a decision that follows from it waits for approval."""

    kind: Literal["protection_held"] = "protection_held"
    protection: str


class ProtectionResumed(EventBase):
    """The protection ends by its own clock again."""

    kind: Literal["protection_resumed"] = "protection_resumed"
    protection: str


class ProtectionConfirmed(EventBase):
    """A decision takes the protection over: it does not lift itself any more."""

    kind: Literal["protection_confirmed"] = "protection_confirmed"
    protection: str
    decision: str


class ProtectionDismissed(EventBase):
    """A decision does not need the protection: it is lifted at once."""

    kind: Literal["protection_dismissed"] = "protection_dismissed"
    protection: str


class ProtectionLifted(EventBase):
    """The protection ended. Contract name; the action is named as in `action_lifted`."""

    kind: Literal["protection_lifted"] = "protection_lifted"
    decision: str
    action: str


class ProtectionKept(EventBase):
    """The platform's part of the protection was handed over to the decision."""

    kind: Literal["protection_kept"] = "protection_kept"
    decision: str
    action: str
