"""What the other case hears when one is merged into it."""

from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.commands import Absorb
from workflows.ports import Delivery


def merged(case: Case, event: ev.CaseMerged) -> Delivery:
    """The delivery to the case that goes on."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, route=event.route, absorb=absorb)
