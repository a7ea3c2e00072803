"""When a case is over."""

from datetime import datetime

from workflows.domain import events as ev
from workflows.domain.approval import Purpose
from workflows.domain.case_state import Case, Phase


def closing(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Closes a case whose decision has been carried out as far as it ever will be."""
    if case.phase is not Phase.ENFORCING or case.unsettled or case.decision is None:
        return ()
    if case.pending(Purpose.REVIEW):
        return ()
    # The decider answers for the outcome, however long the platform took.
    return (ev.CaseClosed(at=now, by=case.decision.by, verdict=case.decision.verdict),)
