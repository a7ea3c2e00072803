"""Signals to cases: alerts in bounded batches, and delivery to a case that may be closed."""

from collections.abc import Iterator, Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import DELIVER_REPORT, OPTIONS, execute
from workflows.domain.alerts import Alert
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.enforcement import EnforcementReport
from workflows.ports.cases import CasePort, Delivery

MOST, LARGEST = 100, 500_000
"""Alerts, and bytes, in one signal: Temporal refuses a payload of 2 MB."""


def batches(alerts: Sequence[Alert]) -> Iterator[tuple[Alert, ...]]:
    """Yields the alerts in order, in parts that fit into a signal; one alert always fits."""
    part: list[Alert] = []
    size = 0
    for alert in alerts:
        weight = len(alert.model_dump_json()) if len(alerts) > 1 else 0
        if part and (len(part) == MOST or size + weight > LARGEST):
            yield tuple(part)
            part, size = [], 0
        part.append(alert)
        size += weight
    if part:
        yield tuple(part)


async def signal_or_deliver(workflow_id: str, news: EnforcementReport | AppealAnswer) -> None:
    """Signals news to a case; if it no longer runs, wakes it up with a delivery."""
    if isinstance(news, EnforcementReport):
        signal, options = "report", DELIVER_REPORT
        delivery = Delivery(case=news.case, report=news)
    else:
        signal, options = "appeal_answered", OPTIONS[CasePort.deliver]
        delivery = Delivery(case=news.case, answer=news)
    try:
        await workflow.get_external_workflow_handle(workflow_id).signal(signal, news)
    except FailureError:
        await execute(CasePort.deliver, delivery, options)
