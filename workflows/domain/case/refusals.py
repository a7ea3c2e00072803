"""Refusals of commands: the reason as a value, which the Slack layer puts into words."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from workflows.domain.case import commands as cmd
from workflows.domain.case.event_base import EventBase, kind_of
from workflows.domain.case.events import CaseClaimed, Event
from workflows.domain.case.model import UNDECIDED, Case, EventSummary, Phase
from workflows.domain.people import Actor, Role
from workflows.domain.policy.limits import Full, Reached
from workflows.domain.values import Value


class Reason(StrEnum):
    """The reason of a refusal; `Refusal` has the facts for its sentence."""

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
    CASE_LOST = "case_lost"
    ROLES_UNKNOWN = "roles_unknown"
    OWN_APPEAL = "own_appeal"
    APPEAL_OVER = "appeal_over"
    NOT_ON_HOLD = "not_on_hold"
    PAST_DUE = "past_due"
    IN_THE_PAST = "in_the_past"
    TOO_LATE = "too_late"
    HELD_TOO_OFTEN = "held_too_often"
    NOT_A_COLLEAGUE = "not_a_colleague"
    NOTE_NEEDED = "note_needed"
    STILL_ACTING = "still_acting"
    NOT_YOUR_REQUEST = "not_your_request"
    ALREADY_ASKED = "already_asked"
    NOTHING_ASKED = "nothing_asked"
    NOTHING_PROTECTED = "nothing_protected"
    PROTECTED_SINCE = "protected_since"
    NOT_CLOSED = "not_closed"
    UNDO_FIRST = "undo_first"
    SAME_CASE = "same_case"
    OTHER_SUBJECT = "other_subject"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    POLICY_UNKNOWN = "policy_unknown"
    BULK_NOT_ALLOWED = "bulk_not_allowed"
    BULK_UNREAD = "bulk_unread"
    BULK_EMPTY = "bulk_empty"
    BULK_TOO_LARGE = "bulk_too_large"
    BULK_MIXED = "bulk_mixed"
    BULK_GREW = "bulk_grew"
    NOTHING_RUNNING = "nothing_running"
    NO_NOTICE_FAILED = "no_notice_failed"
    UNKNOWN_TEMPLATE = "unknown_template"
    UNKNOWN_RULE = "unknown_rule"
    NOT_OFFERED = "not_offered"
    REVEAL_LIMIT = "reveal_limit"
    NO_SUCH_EVIDENCE = "no_such_evidence"
    NOT_SHOWN = "not_shown"
    JUST_CLAIMED = "just_claimed"
    REVIEW_FIRST = "review_first"
    LIMIT_REACHED = "limit_reached"
    BULK_EXEMPT = "bulk_exempt"
    NOT_AUTOMATIC = "not_automatic"
    NO_SUCH_DETECTOR = "no_such_detector"
    SNOOZE_TOO_LONG = "snooze_too_long"
    ALREADY_SNOOZED = "already_snoozed"
    NOT_SNOOZED = "not_snoozed"


class Refusal(Value):
    """A command that was not carried out, because `by` did `what` (an event kind) at `at`.

    A missing right lists the `roles` that have it, except for the people in `barred`. `limit` is
    recorded, and the leads are alerted to it.
    """

    reason: Reason
    by: str | None = None
    at: datetime | None = None
    what: str | None = None
    name: str | None = None
    roles: tuple[Role, ...] = ()
    barred: tuple[str, ...] = ()
    cap: Reached | None = None
    limit: Full | None = None


Outcome = tuple[Event, ...] | Refusal
"""Events to apply (none: nothing changes), or the refusal."""
Rules = dict[type[Any], Callable[[Case, Any, datetime], Outcome]]
"""Rules by the class of their command."""


class Owned(Protocol):
    """A case or an appeal; `turn` is the last change of its decision."""

    @property
    def owner(self) -> str | None: ...
    @property
    def owned_since(self) -> datetime | None: ...
    @property
    def turn(self) -> EventSummary | None: ...


def refuse(case: Owned, reason: Reason) -> Refusal:
    """A refusal that names the last change of the decision."""
    mark = case.turn
    if mark is None:
        return Refusal(reason=reason)
    return Refusal(reason=reason, by=mark.by, at=mark.at, what=mark.kind)


def not_undecided(case: Case) -> Refusal | None:
    """Refuses a command for undecided cases."""
    if case.phase in UNDECIDED:
        return None
    closed = case.phase is Phase.CLOSED
    return refuse(case, Reason.CLOSED if closed else Reason.ALREADY_DECIDED)


def outdated(case: Case, command: cmd.PersonCommandBase) -> Refusal | None:
    """Refuses a press on a card that was drawn before the decision last changed."""
    mark = case.turn
    if mark is None or command.version is None or command.version >= mark.version:
        return None
    return refuse(case, Reason.CHANGED)


def held_by_other(
    case: Owned, person: Actor, claimed: type[EventBase] = CaseClaimed
) -> Refusal | None:
    """Refuses a command of the owner if there is another one, since the event `claimed`."""
    if case.owner in (None, person.id):
        return None
    return Refusal(
        reason=Reason.CLAIMED_BY_OTHER,
        by=case.owner,
        at=case.owned_since,
        what=kind_of(claimed),
    )


def not_yours(case: Owned, person: Actor) -> Refusal | None:
    """Refuses a command of the owner or a lead."""
    if case.owner in (None, person.id) or Role.LEAD in person.roles:
        return None
    return Refusal(reason=Reason.NOT_YOURS, by=case.owner, at=case.owned_since, roles=(Role.LEAD,))


def text_missing(text: str) -> Refusal | None:
    """Refuses an empty note, question or answer."""
    return None if text.strip() else Refusal(reason=Reason.NOTE_NEEDED)


LONGEST = 3000
"""Characters of a typed text that a case keeps."""


def trimmed(text: str) -> str:
    """A typed text without outer blanks, at most `LONGEST` characters."""
    return text.strip()[:LONGEST]
