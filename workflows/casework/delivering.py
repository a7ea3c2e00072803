"""What a case is told from elsewhere, and what one case sends to another."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.casework.inbox import Inbox, Message
from workflows.casework.patience import SILENT
from workflows.casework.vouching import Vouched
from workflows.domain import events as ev
from workflows.domain.alert import Alert
from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.case_state import Case
from workflows.domain.commands import Absorb, AnswerAppeal, Click, Command, Report
from workflows.domain.enforcement import EnforcementReport
from workflows.ports import Delivery

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))


async def deliver(delivery: Delivery) -> None:
    """Hands it over, for as long as it takes."""
    await workflow.execute_activity(
        ports.deliver,
        delivery,
        start_to_close_timeout=timedelta(seconds=10),
        heartbeat_timeout=SILENT,
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


def _by_name(message: Message) -> Delivery:
    """What is for a case that is found by its own name."""
    match message:
        case Vouched():
            return Delivery(case=message.click.case, click=message.click)
        case Click():
            return Delivery(case=message.case, click=message)
        case Alert():
            raise TypeError("an alert opens a case, and is for none")
        case _:
            return news(message).model_copy(update={"route": ""})


def merged(case: Case, event: ev.CaseMerged) -> Delivery:
    """What the case that goes on has to hear."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, route=event.route, absorb=absorb)


def news(told: EnforcementReport | AppealAnswer | Delivery) -> Delivery:
    """What arrived, as it may have to be handed on."""
    if isinstance(told, EnforcementReport):
        return Delivery(case=told.case, report=told)
    return Delivery(case=told.case, answer=told) if isinstance(told, AppealAnswer) else told


def name_of(delivery: Delivery) -> str:
    """Under which name it is known for good."""
    if delivery.report is not None:
        return f"report/{delivery.report.id}"
    if delivery.answer is not None:
        return f"appeal/{delivery.answer.appeal}"
    return f"absorb/{delivery.absorb.case if delivery.absorb else ''}"


def asked_by(delivery: Delivery) -> Command:
    """What its case makes of it."""
    if delivery.report is not None:
        return Report(report=delivery.report)
    if delivery.answer is not None:
        return AnswerAppeal(answer=delivery.answer)
    assert delivery.absorb is not None
    return delivery.absorb
