"""What news of a ring changes."""

from collections.abc import Callable
from typing import Any

from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.changes.base import Changes, turn
from workflows.domain.enforcement import ActionState, ActionStatus
from workflows.domain.ring import RingState


def began(case: Case, event: ev.Decided) -> Changes:
    """A decision's ring has got nowhere yet."""
    ring = event.decision.ring
    if ring is None:
        return {}
    return {"rings": {**case.rings, event.decision.id: RingState.of(ring)}}


def given_up(case: Case, action: ActionState) -> ActionStatus:
    """What a failed action becomes: of a ring stands what was done."""
    ring = case.rings.get(action.decision)
    done = ring is not None and ring.tally.done > 0
    return ActionStatus.DONE if done else ActionStatus.GIVEN_UP


def _progressed(case: Case, event: ev.RingProgressed) -> Changes:
    return _with(case, event.decision, tally=event.tally)


def _stopped(case: Case, event: ev.RingStopped) -> Changes:
    return {**_with(case, event.decision, stopped_by=event.by), **turn(case, event)}


def _with(case: Case, decision: str, **update: Any) -> Changes:
    ring = case.rings[decision].model_copy(update=update)
    return {"rings": {**case.rings, decision: ring}}


CHANGES: dict[type[Any], Callable[[Case, Any], Changes]] = {
    ev.RingProgressed: _progressed,
    ev.RingStopped: _stopped,
}
