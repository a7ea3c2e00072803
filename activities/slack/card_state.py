"""Where a case stands, in a word and in colour."""

from activities.slack.reader import Reader
from workflows.domain.approval import Approval, Purpose
from workflows.domain.case_state import UNDECIDED, Phase
from workflows.domain.enforcement import ActionStatus
from workflows.domain.happened.decisions import CaseReopened
from workflows.domain.hold import HoldKind
from workflows.domain.protection import Intent
from workflows.domain.view import CardView, ProtectionView

STATE_COLOUR = {
    "open": "🔴",
    "claimed": "🔵",
    "reopened": "🔵",
    "on_hold": "⏸️",
    "awaiting_approval": "🟡",
    "reviewing": "🟡",
    "undo_asked": "🟡",
    "enforcing": "🟣",
    "undoing": "🟣",
    "failed": "🔴",
    "closed": "⚪",
    "undone": "⚪",
    "rehearsed": "⚪",
    "merged": "⚪",
}
_REOPENED = CaseReopened.model_fields["kind"].default
_LEAVING = (Intent.LIFT_NOW, Intent.HAND_OVER)
_BEGINNING = (ActionStatus.PENDING, ActionStatus.RETRYING)


def state_word(view: CardView, reader: Reader) -> str:
    """Where the case stands, in a word."""
    return reader.say(f"card.state.{standing(view)}")


def standing(view: CardView) -> str:
    """The phase, or what says more than it: `on_hold`, `failed`, `reviewing`, `undone` …"""
    if view.merged_into is not None:
        return "merged"
    if view.undoing:
        return "undoing"
    if view.phase in UNDECIDED:
        return _undecided(view)
    if view.phase is Phase.ENFORCING:
        return _enforcing(view)
    return _closed(view) if view.phase is Phase.CLOSED else view.phase.value


def _undecided(view: CardView) -> str:
    if view.hold is not None:
        return "on_hold"
    again = view.turn is not None and view.turn.kind == _REOPENED
    return "reopened" if again and view.owner is not None else view.phase.value


def _enforcing(view: CardView) -> str:
    if view.failed:
        return "failed"
    reviewed = pending(view, Purpose.REVIEW) is not None and not view.acting
    return "reviewing" if reviewed else view.phase.value


def _closed(view: CardView) -> str:
    if pending(view, Purpose.UNDO) is not None:
        return "undo_asked"
    statuses = {action.status for action in view.actions}
    if statuses == {ActionStatus.UNDONE}:
        return "undone"
    return "rehearsed" if statuses == {ActionStatus.REHEARSED} else view.phase.value


def pending(view: CardView, *purposes: Purpose) -> Approval | None:
    """The approval that is waited for, where it has one of these purposes (none: any)."""
    approval = view.approval
    if approval is None or not approval.pending:
        return None
    return approval if not purposes or approval.purpose in purposes else None


def protecting(view: CardView) -> tuple[ProtectionView, ...]:
    """The protections that act or stand, and are not on their way out: a decision can keep them."""
    return tuple(
        each
        for each in view.protections
        if each.intent not in _LEAVING and (each.state.standing or each.state.status in _BEGINNING)
    )


def hold_kind(view: CardView) -> str:
    """How a case is on hold: `waiting`, `paused` (snoozed, its clock stands), or `snoozed`."""
    hold = view.hold
    if hold is not None and hold.kind is HoldKind.WAITING:
        return "waiting"
    return "paused" if hold is not None and hold.pauses else "snoozed"
