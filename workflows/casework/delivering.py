"""What a case is told from elsewhere, and what one case sends to another."""

from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.casework.authorize import Authorized
from workflows.casework.ledger_calls import LOST
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.commands import Absorb, AnswerAppeal, Click, Command, Report
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.model import Case
from workflows.ports import Delivery

News = EnforcementReport | AppealAnswer | Delivery

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))


async def deliver(delivery: Delivery) -> None:
    """Hands it over, for as long as it takes."""
    await workflow.execute_activity(
        ports.deliver,
        delivery,
        start_to_close_timeout=timedelta(seconds=10),
        heartbeat_timeout=LOST,
        retry_policy=_PATIENTLY,
    )


async def hand_on(clicks: deque[Click | Authorized[Click]], told: deque[News]) -> None:
    """Hands on what is for a case that is found by its own id now; the queues are empty then."""
    while clicks or told:
        if told:
            await deliver(news(told.popleft()).model_copy(update={"route": ""}))
            continue
        click = clicks.popleft()
        click = click.click if isinstance(click, Authorized) else click
        await deliver(Delivery(case=click.case, click=click))


def merged(case: Case, event: ev.CaseMerged) -> Delivery:
    """What the case that goes on has to hear."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, route=event.route, absorb=absorb)


def news(told: News) -> Delivery:
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
