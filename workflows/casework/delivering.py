"""What one case sends to another: what arrived at the wrong place, and a merge."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.casework.inbox import Inbox
from workflows.casework.vouching import Vouched
from workflows.domain import events as ev
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.commands import Absorb, Click
from workflows.domain.enforcement import EnforcementReport
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


async def hand_on(inbox: Inbox) -> list[Alert]:
    """Empties the inbox of a case that goes on elsewhere; gives back the alerts.

    They are for the next case of the group, which begins in this one's place.
    """
    alerts: list[Alert] = []
    while inbox:
        message = inbox.take()
        if isinstance(message, Alert):
            alerts += [message] if inbox.is_new(f"alert/{message.key}") else []
        else:
            await deliver(_by_name(message))
    return alerts


def _by_name(message: Click | Vouched | EnforcementReport | Delivery) -> Delivery:
    """What is for a case that is found by its own name."""
    match message:
        case Vouched():
            return Delivery(case=message.click.case, click=message.click)
        case Click():
            return Delivery(case=message.case, click=message)
        case EnforcementReport():
            return Delivery(case=message.case, report=message)
        case Delivery():
            return message.model_copy(update={"route": ""})


def merged(case: Case, event: ev.CaseMerged) -> Delivery:
    """What the case that goes on has to hear."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, route=event.route, absorb=absorb)
