"""What each event changes: `apply(case, event) → case`, without rules and without refusal."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.changes import actions, decisions, notices, ring, work
from workflows.domain.sightings import seen_with

_CHANGES = {
    **work.CHANGES,
    **decisions.CHANGES,
    **actions.CHANGES,
    **ring.CHANGES,
    **notices.CHANGES,
}


def opened(route: str, policy: Any, event: ev.CaseOpened) -> Case:
    """The case that a `case_opened` begins."""
    return Case(
        id=event.case,
        route=route,
        policy=policy,
        subject=event.subject,
        severity=event.severity,
        opened_at=event.at,
        version=1,
        first=event.alert,
        latest=event.alert,
        last_alert_at=event.at,
        known=event.known,
        sightings=seen_with((), event.alert.related, 1),
    )


def apply(case: Case, event: ev.Event) -> Case:
    """The case after `event`."""
    change = _CHANGES[type(event)](case, event)
    return case.model_copy(update={"version": case.version + 1, **change})


def apply_all(case: Case, events: Iterable[ev.Event]) -> Case:
    """The case after all `events`, in their order."""
    return reduce(apply, events, case)


def numbered(case: Case, events: Iterable[ev.Event]) -> tuple[ev.Recorded, ...]:
    """The events with their places in the story of `case`, which has not applied them yet."""
    return tuple(
        ev.Recorded(seq=seq, event=event) for seq, event in enumerate(events, case.version + 1)
    )
