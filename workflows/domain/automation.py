"""Pauses of automation: one person pauses it, two people resume it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.people import WORKING_ROLES, Actor, Role
from workflows.domain.values import Value

LONGEST = timedelta(days=7)
"""Longest pause; a longer one belongs into the playbook."""
ASK_LASTS = timedelta(minutes=30)
"""Time in which a request to resume can be confirmed."""


class PauseChange(StrEnum):
    """A change of the automation by a person."""

    PAUSED = "paused"
    RESUME_ASKED = "resume_asked"
    RESUMED = "resumed"


class AutomationChange(Value):
    """A change; `playbook` None: all playbooks. `until` is the end of a pause, None: no end."""

    kind: PauseChange
    by: str
    at: datetime
    playbook: str | None = None
    until: datetime | None = None


class AutomationPause(Value):
    """A current pause of one playbook or (None) all. Without `until`, two people end it."""

    playbook: str | None = None
    by: str
    at: datetime
    until: datetime | None = None


class PauseState(Value):
    """A pause, with the pending request to resume."""

    pause: AutomationPause
    asked_by: str | None = None
    asked_at: datetime | None = None


class Unchanged(StrEnum):
    """The reason why a change was refused."""

    ROLE_NEEDED = "role_needed"
    TOO_LONG = "too_long"
    NOT_PAUSED = "not_paused"
    ALL_PAUSED = "all_paused"
    WHICH = "which"
    ALREADY_ASKED = "already_asked"
    LEAD_NEEDED = "lead_needed"
    ASK_OVER = "ask_over"


def current_pauses(changes: Iterable[AutomationChange], now: datetime) -> tuple[PauseState, ...]:
    """The pauses at `now`, that of all playbooks first; `changes` are in their order."""
    pauses: dict[str | None, PauseState] = {}
    for change in changes:
        before = pauses.get(change.playbook)
        if change.kind is PauseChange.RESUMED:
            pauses.pop(change.playbook, None)
        elif change.kind is PauseChange.PAUSED:
            pause = AutomationPause(
                playbook=change.playbook, by=change.by, at=change.at, until=change.until
            )
            pauses[change.playbook] = PauseState(pause=pause)
        elif before is not None:
            asked = {"asked_by": change.by, "asked_at": change.at}
            pauses[change.playbook] = before.model_copy(update=asked)
    found = (_asked_in_time(each, now) for each in pauses.values() if not _over(each.pause, now))
    return tuple(sorted(found, key=lambda each: each.pause.playbook or ""))


def pause_of(
    changes: Iterable[AutomationChange], playbook: str, now: datetime
) -> AutomationPause | None:
    """The pause that applies to cases of `playbook`, or None."""
    meant = (None, playbook)
    return next(
        (each.pause for each in current_pauses(changes, now) if each.pause.playbook in meant), None
    )


def pause(
    changes: Sequence[AutomationChange],
    by: Actor,
    playbook: str | None,
    lasts: timedelta | None,
    now: datetime,
) -> AutomationChange | Unchanged:
    """Pauses at once. A second pause never ends sooner than the current one."""
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    if lasts is not None and lasts > LONGEST:
        return Unchanged.TOO_LONG
    until = None if lasts is None else now + lasts
    before = _of(current_pauses(changes, now), playbook)
    if before is not None:
        until = _later(before.pause.until, until)
    return AutomationChange(
        kind=PauseChange.PAUSED, by=by.id, at=now, playbook=playbook, until=until
    )


def resume(
    changes: Sequence[AutomationChange], by: Actor, playbook: str | None, now: datetime
) -> AutomationChange | Unchanged:
    """Requests to resume, or resumes if a lead confirms the request of somebody else.

    Without `playbook` it is about the pause of all playbooks, or the only pause.
    """
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    meant = _meant(current_pauses(changes, now), playbook)
    if isinstance(meant, Unchanged):
        return meant
    scope = meant.pause.playbook
    if meant.asked_by is None:
        return AutomationChange(kind=PauseChange.RESUME_ASKED, by=by.id, at=now, playbook=scope)
    return _resumed(meant, by, now)


def approve(
    changes: Sequence[AutomationChange], by: Actor, playbook: str | None, now: datetime
) -> AutomationChange | Unchanged:
    """Resumes if a lead approves the request of somebody else; never makes a request."""
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    meant = _of(current_pauses(changes, now), playbook)
    if meant is None or meant.asked_by is None:
        return Unchanged.ASK_OVER
    return _resumed(meant, by, now)


def _resumed(asked: PauseState, by: Actor, now: datetime) -> AutomationChange | Unchanged:
    if asked.asked_by == by.id:
        return Unchanged.ALREADY_ASKED
    if not by.may(frozenset({Role.LEAD})):
        return Unchanged.LEAD_NEEDED
    scope = asked.pause.playbook
    return AutomationChange(kind=PauseChange.RESUMED, by=by.id, at=now, playbook=scope)


def _meant(found: Sequence[PauseState], playbook: str | None) -> PauseState | Unchanged:
    if named := _of(found, playbook):
        return named
    if playbook is None and len(found) == 1:
        return found[0]
    if not found:
        return Unchanged.NOT_PAUSED
    if playbook is None:
        return Unchanged.WHICH
    everything = found[0].pause.playbook is None
    return Unchanged.ALL_PAUSED if everything else Unchanged.NOT_PAUSED


def _of(found: Iterable[PauseState], playbook: str | None) -> PauseState | None:
    return next((each for each in found if each.pause.playbook == playbook), None)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _over(pause: AutomationPause, now: datetime) -> bool:
    return pause.until is not None and pause.until <= now


def _asked_in_time(each: PauseState, now: datetime) -> PauseState:
    if each.asked_at is None or now - each.asked_at < ASK_LASTS:
        return each
    return PauseState(pause=each.pause)
