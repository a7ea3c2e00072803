"""Handoff: messages between case workflows, and from a case to the appeal that waits for it.

A closed case is woken up under its own id. Alerts for a case that can't take them open the next
case of its group.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.case.inbox import Inbox
from workflows.domain.alerts import Alert
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.commands import Absorb, AnswerAppeal, Click, Command, Report
from workflows.domain.case.model import Case
from workflows.domain.case.rules.appeals import settled
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.ids import appeal_workflow_id
from workflows.domain.policy.playbook import PackedPolicy
from workflows.inputs import CaseStart
from workflows.ports.cases import CasePort, Delivery, NextCase
from workflows.shared.authorize import Authorized
from workflows.shared.signals import batches
from workflows.shared.tasks import Tasks

# -- deliveries ---------------------------------------------------------------------------


async def deliver(delivery: Delivery) -> None:
    """Delivers to another case, and retries until Temporal takes it."""
    await execute(CasePort.deliver, delivery)


async def deliver_all(clicks: deque[Click | Authorized[Click]], news: deque[Delivery]) -> None:
    """Delivers both queues to a case that is now found by its own id; empties them."""
    while clicks or news:
        if news:
            await deliver(news.popleft().model_copy(update={"workflow_id": ""}))
            continue
        click = clicks.popleft()
        click = click.click if isinstance(click, Authorized) else click
        await deliver(Delivery(case=click.case, click=click))


async def deliver_alerts(case: str, alerts: Sequence[Alert], back_to: NextCase | None) -> None:
    """Delivers alerts to a reopened case, or with `back_to` to the next case of their group."""
    for part in batches(alerts):
        await deliver(Delivery(case=case, alerts=part, next_case=back_to))


def absorb_delivery(case: Case, event: ev.CaseMerged) -> Delivery:
    """Returns the request to the case that absorbs `case`."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, workflow_id=event.workflow_id, absorb=absorb)


def key_of(delivery: Delivery) -> str:
    """Returns the key by which a case recognizes a second delivery."""
    if delivery.report is not None:
        return f"report/{delivery.report.id}"
    if delivery.answer is not None:
        return f"appeal/{delivery.answer.appeal}"
    if delivery.missed is not None:
        return f"missed/{delivery.missed.key}"
    return f"absorb/{delivery.absorb.case if delivery.absorb else ''}"


def command_of(delivery: Delivery) -> Command:
    """Returns the command that a delivery is for its case."""
    if delivery.report is not None:
        return Report(report=delivery.report)
    if delivery.answer is not None:
        return AnswerAppeal(answer=delivery.answer)
    if delivery.missed is not None:
        return delivery.missed
    assert delivery.absorb is not None
    return delivery.absorb


# -- closed and reopened cases ------------------------------------------------------------


async def policy_now(packed: PackedPolicy) -> PackedPolicy:
    """Returns the current version of the playbook; the old one if it was removed."""
    return await execute(CasePort.policy_now, packed.playbook) or packed


async def load_snapshot(case: str) -> CaseSnapshot | None:
    """Loads a closed case; with the current policy if its own is gone."""
    found = await execute(CasePort.load_case, case)
    if found is None or found.policy is not None:
        return found
    group = await _next_case_of(case)
    return None if group is None else found.model_copy(update={"policy": group.policy})


async def alerts_for_next(
    policy: PackedPolicy | None, start: CaseStart, case: Case, inbox: Inbox
) -> Sequence[Alert]:
    """Takes the waiting alerts of a closed case for the next one, which runs in its place.

    Returns none for a case that was reopened under its own id: the next one runs under the
    group's id, and the alerts are delivered there.
    """
    alerts = inbox.take()
    if start.policy is not None:
        return alerts
    if alerts and policy is not None:
        back_to = NextCase(workflow_id=case.workflow_id, policy=await policy_now(policy))
        await deliver_alerts(case.id, alerts, back_to)
    return ()


async def return_alerts(case: str, inbox: Inbox) -> None:
    """Returns the waiting alerts to their group: the ledger has too little to reopen the case."""
    alerts = inbox.take()
    back_to = await _next_case_of(case)
    if back_to is not None:
        await deliver_alerts(case, alerts, back_to)
    elif alerts:
        keys = [alert.key for alert in alerts]
        workflow.logger.error("alerts_without_a_case", extra={"case": case, "alerts": keys})


async def _next_case_of(case: str) -> NextCase | None:
    place = await execute(CasePort.place_of, case)
    policy = await execute(CasePort.policy_now, place.playbook) if place else None
    return NextCase(workflow_id=place.workflow_id, policy=policy) if place and policy else None


# -- appeals ------------------------------------------------------------------------------


class AppealNotifier:
    """Signals to the appeal whose answer the case carries out."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._sent: AppealSettled | None = None

    def update(self, case: Case) -> None:
        """Signals the state of the undo, if it changed."""
        news = settled(case)
        if news is not None and news != self._sent:
            self._sent = news
            self._tasks.run(_signal(news))

    def repeat(self, case: Case) -> None:
        """Signals the state of the undo again."""
        self._sent = None
        self.update(case)


async def _signal(news: AppealSettled) -> None:
    with suppress(FailureError):  # an appeal that is over needs no news
        appeal = workflow.get_external_workflow_handle(appeal_workflow_id(news.appeal))
        await appeal.signal("settled", news)
