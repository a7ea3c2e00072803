"""Why a command was not carried out: a value that is put into words for the person."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.model import Value
from workflows.domain.people import Role


class Reason(StrEnum):
    """The reasons; `Refusal` carries what the sentence needs."""

    ROLE_NEEDED = "role_needed"
    CLAIMED_BY_OTHER = "claimed_by_other"
    NOT_YOURS = "not_yours"
    ALREADY_DECIDED = "already_decided"
    CLOSED = "closed"
    CHANGED = "changed"
    OWN_DECISION = "own_decision"
    ALREADY_APPROVED = "already_approved"
    NOT_WAITING = "not_waiting"
    EXPIRED = "expired"
    UNKNOWN_PRESET = "unknown_preset"
    UNKNOWN_ACTION = "unknown_action"
    NO_TARGET = "no_target"
    TOO_LONG = "too_long"
    ACTIONS_NEEDED = "actions_needed"
    REASON_NEEDED = "reason_needed"
    NOTHING_TO_UNDO = "nothing_to_undo"
    NOTHING_FAILED = "nothing_failed"
    UNKNOWN_CASE = "unknown_case"
    ROLES_UNKNOWN = "roles_unknown"
    OWN_APPEAL = "own_appeal"
    APPEAL_OVER = "appeal_over"


class Refusal(Value):
    """A command that was not carried out. `by` did `what` (an event kind) at `at`."""

    reason: Reason
    by: str | None = None
    at: datetime | None = None
    what: str | None = None
    name: str | None = None
    roles: tuple[Role, ...] = ()
