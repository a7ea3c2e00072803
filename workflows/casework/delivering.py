"""What one case sends to another: what arrived at the wrong place, and a merge."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.commands import Absorb
from workflows.ports import Delivery

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))


async def deliver(delivery: Delivery) -> None:
    """Hands it over, for as long as it takes."""
    await workflow.execute_activity(
        ports.deliver,
        delivery,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_PATIENTLY,
    )


def merged(case: Case, event: ev.CaseMerged) -> Delivery:
    """What the case that goes on has to hear."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, route=event.route, absorb=absorb)
