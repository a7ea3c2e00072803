"""What every change is made of."""

from typing import Any

from workflows.domain.case_state import Case, Mark, Phase
from workflows.domain.events import Event

Changes = dict[str, Any]
"""New values by the names of a case's fields."""


def turn(case: Case, event: Event) -> Changes:
    """The event is a step in the decision's life: presses on older cards may be outdated by it."""
    return {"turn": Mark(version=case.version + 1, kind=event.kind, at=event.at, by=event.by)}


def active(case: Case, event: Event) -> Changes:
    """The assignee was seen."""
    if event.by is None or event.by != case.owner:
        return {}
    return {"active_at": event.at, "warned": False}


def came_back(event: Event) -> Changes:
    """The case is undecided again; its assignee has just got it, and is left some time for it."""
    return {
        "phase": Phase.CLAIMED,
        "active_at": event.at,
        "warned": False,
        "back_at": event.at,
    }
