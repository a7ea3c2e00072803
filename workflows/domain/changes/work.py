"""What alerts, owners, calls, holds and notes change."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from workflows.domain import events as ev
from workflows.domain.case_state import Case, Phase
from workflows.domain.changes.base import Changes, active, turn
from workflows.domain.hold import Hold, HoldKind
from workflows.domain.sightings import seen_with


def _joined(case: Case, event: ev.AlertJoined) -> Changes:
    worse = event.severity is not case.severity
    return {
        "alerts": case.alerts + 1,
        "latest": event.alert,
        "last_alert_at": event.at,
        "severity": event.severity,
        "sightings": seen_with(case.sightings, event.alert.related, case.version + 1),
        **(_called_anew(case) if worse else {}),
    }


def _called_anew(case: Case) -> Changes:
    """Who has seen the milder case has not seen this one.

    A ladder that is written says itself which steps are for the worst. Without one the steps are
    the ends of the clocks, and these are others now.
    """
    anew: Changes = {"acknowledged_by": None}
    if not case.policy.playbook.escalation:
        anew |= {"steps_done": frozenset(), "repeats": {}, "told_at": {}}
    return anew


def _owned(case: Case, owner: str | None, event: ev.Event) -> Changes:
    at = None if owner is None else event.at
    since = {"owned_since": at, "owned_as_of": case.version + 1}
    return {"owner": owner, "active_at": at, "warned": False, **since}


def _claimed(case: Case, event: ev.CaseClaimed) -> Changes:
    return {"phase": Phase.CLAIMED, **_owned(case, event.by, event)}


def _handed_over(case: Case, event: ev.CaseHandedOver) -> Changes:
    return {"phase": Phase.CLAIMED, **_owned(case, event.to, event)}


def _left(case: Case, event: ev.CaseReleased | ev.ClaimExpired) -> Changes:
    gone = {"phase": Phase.OPEN, "back_at": None}
    return {**gone, **_owned(case, None, event), **_off_hold(case, event)}


def _warned(case: Case, event: ev.ClaimWarned) -> Changes:
    return {"warned": True, "warned_until": event.until}


def _escalated(case: Case, event: ev.CaseEscalated) -> Changes:
    if event.step is None:
        return {"called_at": event.at, **active(case, event)}
    done = case.steps_done | {event.step} if event.last else case.steps_done
    return {
        "steps_done": done,
        "repeats": {**case.repeats, event.step: event.round + 1},
        "told_at": {**case.told_at, event.step: event.at},
    }


def _acknowledged(case: Case, event: ev.CaseAcknowledged) -> Changes:
    return {"acknowledged_by": event.by, **active(case, event)}


def _snoozed(case: Case, event: ev.CaseSnoozed) -> Changes:
    hold = Hold(
        kind=HoldKind.SNOOZED,
        by=event.by or "",
        since=event.at,
        until=event.until,
        pauses=event.pauses,
    )
    return {"hold": hold, "holds": case.holds + 1, **active(case, event)}


def _waiting(case: Case, event: ev.CaseWaiting) -> Changes:
    hold = Hold(
        kind=HoldKind.WAITING,
        by=event.by or "",
        since=event.at,
        until=event.until,
        pauses=True,
        note=event.note,
    )
    return {"hold": hold, "holds": case.holds + 1, **active(case, event)}


def _off_hold(case: Case, event: ev.Event) -> Changes:
    if case.hold is None:
        return {}
    # Whoever looks late finds that the clocks run again since the hold's end.
    stood = min(event.at, case.hold.until) - case.hold.since
    stood = stood if case.hold.pauses else timedelta()
    return {"hold": None, "paused_for": case.paused_for + stood}


def _resumed(case: Case, event: ev.CaseResumed) -> Changes:
    # Whoever put it off is reckoned with again from now on.
    seen = {"active_at": event.at, "warned": False} if case.owner else {}
    return {**_off_hold(case, event), **seen}


def off_hold(case: Case, event: ev.Event) -> Changes:
    """A decision ends a hold."""
    return _off_hold(case, event)


def _watched(case: Case, event: ev.CaseWatched) -> Changes:
    assert event.by is not None
    return {"watchers": (*case.watchers, event.by)}


def _unwatched(case: Case, event: ev.CaseUnwatched) -> Changes:
    return {"watchers": tuple(each for each in case.watchers if each != event.by)}


def _noted(case: Case, event: ev.NoteAdded) -> Changes:
    return active(case, event)


def _merged(case: Case, event: ev.CaseMerged) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "closed_at": event.at,
        "merged_into": event.into,
        **_off_hold(case, event),
        **turn(case, event),
    }


def _absorbed(case: Case, event: ev.CaseAbsorbed) -> Changes:
    return {"absorbed": (*case.absorbed, event.case), "alerts": case.alerts + event.alerts}


CHANGES: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.AlertJoined: _joined,
    ev.CaseClaimed: _claimed,
    ev.CaseReleased: _left,
    ev.ClaimExpired: _left,
    ev.ClaimWarned: _warned,
    ev.CaseHandedOver: _handed_over,
    ev.CaseEscalated: _escalated,
    ev.CaseAcknowledged: _acknowledged,
    ev.CaseSnoozed: _snoozed,
    ev.CaseWaiting: _waiting,
    ev.CaseResumed: _resumed,
    ev.CaseWatched: _watched,
    ev.CaseUnwatched: _unwatched,
    ev.NoteAdded: _noted,
    ev.EvidenceRevealed: active,
    ev.CaseMerged: _merged,
    ev.CaseAbsorbed: _absorbed,
}
