"""Pauses of automation: one person or a breaker pauses it, two people resume it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.alerts import MANUAL_DETECTORS
from workflows.domain.brakes import Trip
from workflows.domain.people import WORKING_ROLES, Actor, Role
from workflows.domain.policy.playbook import Playbook
from workflows.domain.policy.strictness import automatic
from workflows.domain.values import Value

LONGEST = timedelta(days=7)
"""Longest pause; a longer one belongs into the playbook."""
ASK_LASTS = timedelta(minutes=30)
"""Time in which a request to resume can be confirmed."""


class PauseChange(StrEnum):
    """A change of the automation by a person, or a breaker that tripped."""

    PAUSED = "paused"
    RESUME_ASKED = "resume_asked"
    RESUMED = "resumed"
    BREAKER_TRIPPED = "breaker_tripped"
    BREAKER_ARMED = "breaker_armed"


ENDS = frozenset({PauseChange.RESUMED, PauseChange.BREAKER_ARMED})
"""Changes that end a pause."""
BEGINS = frozenset({PauseChange.PAUSED, PauseChange.BREAKER_TRIPPED})
"""Changes that begin a pause."""


class Scope(Value):
    """The automation of one playbook, detector or action, or of one action of one detector.

    Without a name it is that of everything.
    """

    playbook: str | None = None
    detector: str | None = None
    action: str | None = None

    @property
    def key(self) -> str:
        """`all`, or kinds and names, as `detector/shill` or `detector/shill+action/mute_user`."""
        names = {"playbook": self.playbook, "detector": self.detector, "action": self.action}
        return "+".join(f"{kind}/{name}" for kind, name in names.items() if name is not None) or ALL

    @property
    def scope(self) -> "Scope":
        """The scope alone."""
        return Scope(playbook=self.playbook, detector=self.detector, action=self.action)


ALL = "all"
EVERYTHING = Scope()


def scope_of(key: str) -> Scope | None:
    """The scope with this key; None for another text."""
    if key == ALL:
        return EVERYTHING
    named = {kind: name for kind, _, name in (part.partition("/") for part in key.split("+"))}
    known = all(kind in Scope.model_fields and name for kind, name in named.items())
    return Scope(**named) if known else None


class AutomationChange(Scope):
    """A change of a scope. `until` is the end of a pause, None: no end.

    A breaker has a `trip`, and the `case` in which it tripped.
    """

    kind: PauseChange
    by: str
    at: datetime
    until: datetime | None = None
    trip: Trip | None = None
    case: str | None = None


class AutomationPause(Scope):
    """A current pause. Without `until`, two people end it.

    A breaker has a `trip`, and the `case` in which it tripped.
    """

    by: str
    at: datetime
    until: datetime | None = None
    trip: Trip | None = None
    case: str | None = None


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
    """The pauses at `now`, that of everything first; `changes` are in their order."""
    pauses: dict[str, PauseState] = {}
    for change in changes:
        before = pauses.get(change.key)
        if change.kind in ENDS:
            pauses.pop(change.key, None)
        elif change.kind in BEGINS:
            pauses[change.key] = PauseState(pause=pause_of(change, before))
        elif before is not None:
            asked = {"asked_by": change.by, "asked_at": change.at}
            pauses[change.key] = before.model_copy(update=asked)
    found = (_asked_in_time(each, now) for each in pauses.values() if not _over(each.pause, now))
    return tuple(sorted(found, key=lambda each: (each.pause.key != ALL, each.pause.key)))


def pause_of(change: AutomationChange, before: PauseState | None = None) -> AutomationPause:
    """The pause of a change.

    That of a person neither hides nor ends that a breaker tripped before.
    """
    own = AutomationPause.model_validate(change.model_dump(exclude={"kind"}))
    if before is None or before.pause.trip is None or change.trip is not None:
        return own
    tripped = before.pause
    kept = {"at": tripped.at, "trip": tripped.trip, "case": tripped.case}
    return own.model_copy(update={**kept, "until": _later(tripped.until, change.until)})


def pause_over(
    pauses: Iterable[AutomationPause], playbook: str, detectors: Iterable[str], action: str
) -> AutomationPause | None:
    """The pause that prevents an automatic `action` in a case of `playbook`, or None.

    `detectors` sent the alerts; one that is not paused is reason enough for the action.
    """
    # In an order of their own: a workflow gives a set, and every process has to find the same.
    known, sent = tuple(pauses), sorted(set(detectors))
    for each in known:
        if each.scope in (EVERYTHING, Scope(playbook=playbook), Scope(action=action)):
            return each
    paused = {
        each.detector: each
        for each in known
        if each.detector is not None and each.action in (None, action)
    }
    if sent and all(name in paused for name in sent):
        return paused[sent[0]]
    return None


def is_concerned(playbook: Playbook, scope: Scope) -> bool:
    """Whether people of a playbook's channel see cases that a pause of `scope` changes."""
    if scope == EVERYTHING or scope.playbook == playbook.playbook:
        return True
    started = automatic(playbook)
    if scope.detector is not None:
        started &= _started_by(playbook, scope.detector)
    return bool(started) if scope.action is None else scope.action in started


def _started_by(playbook: Playbook, detector: str) -> frozenset[str]:
    """The actions that alerts of a detector start without a person."""
    own = {each.action for each in playbook.protections if each.is_started_by(detector)}
    presets = () if detector in MANUAL_DETECTORS else (each.preset for each in playbook.auto)
    decided = (playbook.preset(each) for each in presets)
    return frozenset(
        own.union(each.action for preset in decided if preset for each in preset.actions)
    )


def pause(
    changes: Sequence[AutomationChange],
    by: Actor,
    scope: Scope,
    lasts: timedelta | None,
    now: datetime,
) -> AutomationChange | Unchanged:
    """Pauses at once. A second pause never ends sooner than the current one."""
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    if lasts is not None and lasts > LONGEST:
        return Unchanged.TOO_LONG
    until = None if lasts is None else now + lasts
    before = _of(current_pauses(changes, now), scope)
    if before is not None:
        until = _later(before.pause.until, until)
    return AutomationChange(
        kind=PauseChange.PAUSED, by=by.id, at=now, until=until, **dict(scope.scope)
    )


def resume(
    changes: Sequence[AutomationChange], by: Actor, scope: Scope, now: datetime
) -> AutomationChange | Unchanged:
    """Requests to resume, or resumes if a lead confirms the request of somebody else.

    Without a name it is about the pause of everything, or the only pause.
    """
    meant = _resumable(changes, by, scope, now)
    if isinstance(meant, Unchanged):
        return meant
    if meant.asked_by is None:
        return _change(PauseChange.RESUME_ASKED, meant, by, now)
    return _resumed(meant, by, now)


def request_resume(
    changes: Sequence[AutomationChange], by: Actor, scope: Scope, now: datetime
) -> AutomationChange | Unchanged:
    """Requests to resume and never resumes: for a place that can't authenticate `by`.

    It is `ALREADY_ASKED` while anybody's request is open.
    """
    meant = _resumable(changes, by, scope, now)
    if isinstance(meant, Unchanged):
        return meant
    if meant.asked_by is not None:
        return Unchanged.ALREADY_ASKED
    return _change(PauseChange.RESUME_ASKED, meant, by, now)


def approve(
    changes: Sequence[AutomationChange], by: Actor, scope: Scope, now: datetime
) -> AutomationChange | Unchanged:
    """Resumes if a lead approves the request of somebody else; never makes a request."""
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    meant = _of(current_pauses(changes, now), scope)
    if meant is None or meant.asked_by is None:
        return Unchanged.ASK_OVER
    return _resumed(meant, by, now)


def _resumed(asked: PauseState, by: Actor, now: datetime) -> AutomationChange | Unchanged:
    if asked.asked_by == by.id:
        return Unchanged.ALREADY_ASKED
    if not by.may(frozenset({Role.LEAD})):
        return Unchanged.LEAD_NEEDED
    tripped = asked.pause.trip is not None
    return _change(PauseChange.BREAKER_ARMED if tripped else PauseChange.RESUMED, asked, by, now)


def tripped(
    detector: str, action: str, cause: Trip, by: str, case: str | None, now: datetime
) -> AutomationChange:
    """The change of a breaker that trips: the action of the detector is paused."""
    return AutomationChange(
        kind=PauseChange.BREAKER_TRIPPED,
        detector=detector,
        action=action,
        by=by,
        at=now,
        trip=cause,
        case=case,
    )


def _change(kind: PauseChange, of: PauseState, by: Actor, now: datetime) -> AutomationChange:
    return AutomationChange(kind=kind, by=by.id, at=now, **dict(of.pause.scope))


def _resumable(
    changes: Sequence[AutomationChange], by: Actor, scope: Scope, now: datetime
) -> PauseState | Unchanged:
    """The pause that `by` means and may request to resume."""
    if not by.may(WORKING_ROLES):
        return Unchanged.ROLE_NEEDED
    return _meant(current_pauses(changes, now), scope)


def _meant(found: Sequence[PauseState], scope: Scope) -> PauseState | Unchanged:
    if named := _of(found, scope):
        return named
    unnamed = scope.scope == EVERYTHING
    if unnamed and len(found) == 1:
        return found[0]
    if not found:
        return Unchanged.NOT_PAUSED
    if unnamed:
        return Unchanged.WHICH
    return Unchanged.ALL_PAUSED if found[0].pause.key == ALL else Unchanged.NOT_PAUSED


def _of(found: Iterable[PauseState], scope: Scope) -> PauseState | None:
    return next((each for each in found if each.pause.key == scope.key), None)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _over(pause: AutomationPause, now: datetime) -> bool:
    return pause.until is not None and pause.until <= now


def _asked_in_time(each: PauseState, now: datetime) -> PauseState:
    if each.asked_at is None or now - each.asked_at < ASK_LASTS:
        return each
    return PauseState(pause=each.pause)
