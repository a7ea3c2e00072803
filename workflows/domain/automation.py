"""The emergency stop of what Koban does by itself: one person trips it, two people arm it again."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.people import WORKING_ROLES, Actor, Role
from workflows.domain.values import Value

LONGEST = timedelta(days=7)
"""What stands still for longer is no emergency any more: it belongs into the playbook."""
ASK_LASTS = timedelta(minutes=30)
"""How long a request to go on can be agreed to; the situation may be another one after that."""


class Turn(StrEnum):
    """What somebody did about the automation."""

    PAUSED = "paused"
    RESUME_ASKED = "resume_asked"
    RESUMED = "resumed"


class AutomationChange(Value):
    """One turn; `playbook` None stands for all. `until` is when a pause ends by itself, if ever."""

    kind: Turn
    by: str
    at: datetime
    playbook: str | None = None
    until: datetime | None = None


class Halt(Value):
    """What stands still now: one playbook, or (None) all. Without `until` two people end it."""

    playbook: str | None = None
    by: str
    at: datetime
    until: datetime | None = None


class Standing(Value):
    """A halt, and who asked to go on while that can be agreed to."""

    halt: Halt
    asked_by: str | None = None
    asked_at: datetime | None = None


class Unchanged(StrEnum):
    """Why a turn was not taken."""

    ROLE_NEEDED = "role_needed"
    TOO_LONG = "too_long"
    NOT_PAUSED = "not_paused"
    ALL_PAUSED = "all_paused"
    WHICH = "which"
    ALREADY_ASKED = "already_asked"
    LEAD_NEEDED = "lead_needed"


def standing(changes: Iterable[AutomationChange], now: datetime) -> tuple[Standing, ...]:
    """The halts at `now`, that of everything first; `changes` come in their order."""
    halts: dict[str | None, Standing] = {}
    for change in changes:
        before = halts.get(change.playbook)
        if change.kind is Turn.RESUMED:
            halts.pop(change.playbook, None)
        elif change.kind is Turn.PAUSED:
            halt = Halt(playbook=change.playbook, by=change.by, at=change.at, until=change.until)
            halts[change.playbook] = Standing(halt=halt)
        elif before is not None:
            asked = {"asked_by": change.by, "asked_at": change.at}
            halts[change.playbook] = before.model_copy(update=asked)
    found = (_asked_in_time(each, now) for each in halts.values() if not _over(each.halt, now))
    return tuple(sorted(found, key=lambda each: each.halt.playbook or ""))


def halt_of(changes: Iterable[AutomationChange], playbook: str, now: datetime) -> Halt | None:
    """What keeps Koban from acting by itself in cases of `playbook`."""
    meant = (None, playbook)
    return next((each.halt for each in standing(changes, now) if each.halt.playbook in meant), None)


def pause(
    changes: Sequence[AutomationChange],
    by: Actor,
    playbook: str | None,
    lasts: timedelta | None,
    now: datetime,
) -> AutomationChange | Unchanged:
    """Stops it at once. A second pause never ends sooner than the one that stands."""
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    if lasts is not None and lasts > LONGEST:
        return Unchanged.TOO_LONG
    until = None if lasts is None else now + lasts
    before = _of(changes, playbook, now)
    if before is not None:
        until = _later(before.halt.until, until)
    return AutomationChange(kind=Turn.PAUSED, by=by.id, at=now, playbook=playbook, until=until)


def resume(
    changes: Sequence[AutomationChange], by: Actor, playbook: str | None, now: datetime
) -> AutomationChange | Unchanged:
    """Asks to go on; said by a lead after somebody else asked, it goes on.

    Without a `playbook` the halt of everything is meant, or the only one that there is.
    """
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    meant = _meant(standing(changes, now), playbook)
    if isinstance(meant, Unchanged):
        return meant
    scope = meant.halt.playbook
    if meant.asked_by is None:
        return AutomationChange(kind=Turn.RESUME_ASKED, by=by.id, at=now, playbook=scope)
    if meant.asked_by == by.id:
        return Unchanged.ALREADY_ASKED
    if not by.may(frozenset({Role.LEAD})):
        return Unchanged.LEAD_NEEDED
    return AutomationChange(kind=Turn.RESUMED, by=by.id, at=now, playbook=scope)


def _meant(found: Sequence[Standing], playbook: str | None) -> Standing | Unchanged:
    named = next((each for each in found if each.halt.playbook == playbook), None)
    if named is not None:
        return named
    if playbook is None and len(found) == 1:
        return found[0]
    if not found:
        return Unchanged.NOT_PAUSED
    if playbook is None:
        return Unchanged.WHICH
    everything = found[0].halt.playbook is None
    return Unchanged.ALL_PAUSED if everything else Unchanged.NOT_PAUSED


def _of(
    changes: Iterable[AutomationChange], playbook: str | None, now: datetime
) -> Standing | None:
    return next((s for s in standing(changes, now) if s.halt.playbook == playbook), None)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _over(halt: Halt, now: datetime) -> bool:
    return halt.until is not None and halt.until <= now


def _asked_in_time(each: Standing, now: datetime) -> Standing:
    if each.asked_at is None or now - each.asked_at < ASK_LASTS:
        return each
    return Standing(halt=each.halt)
