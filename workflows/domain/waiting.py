"""Whether somebody waits to see an event: what a person caused goes before what is only counted."""

from workflows.domain import events as ev
from workflows.domain.case_state import Case

_NEVER = ev.RingProgressed
"""It comes every few seconds, and its end closes the case."""


def is_waited_for(case: Case, event: ev.Event) -> bool:
    """Whether a person did it, or decided what it is the outcome of."""
    if isinstance(event, _NEVER):
        return False
    if event.by is not None or isinstance(event, ev.CaseClosed):
        return True
    decision = getattr(event, "decision", None)
    return any(decision == each.id for each in case.decisions)
