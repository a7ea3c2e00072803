"""Tells an appeal what became of the undo that it asked a case for."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.case.authorize import Authorized
from workflows.case.inbox import Inbox
from workflows.case.opening import policy_now
from workflows.domain.alerts import Alert
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealSettled
from workflows.domain.case.commands import Absorb, AnswerAppeal, Click, Command, Report
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.model import Case
from workflows.domain.case.rules.appeals import settled
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.ids import appeal_workflow_id
from workflows.domain.policy.packed import PackedPolicy
from workflows.inputs import CaseStart
from workflows.ports import cases
from workflows.ports.cases import Anew, Delivery
from workflows.shared.batching import batches
from workflows.shared.tasks import Tasks


class AppealNotifier:
    """The appeal that waits for its case, where there is one."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._told: AppealSettled | None = None

    def look(self, case: Case) -> None:
        """Tells the appeal what is new for it."""
        news = settled(case)
        if news is not None and news != self._told:
            self._told = news
            self._tasks.run(_tell(news))


async def _tell(news: AppealSettled) -> None:
    with suppress(FailureError):  # an appeal that is over by now needs no news
        appeal = workflow.get_external_workflow_handle(appeal_workflow_id(news.appeal))
        await appeal.signal("settled", news)


News = EnforcementReport | AppealAnswer | Delivery


async def deliver(delivery: Delivery) -> None:
    """Hands it over, for as long as it takes."""
    await execute(cases.deliver, delivery)


async def hand_on(clicks: deque[Click | Authorized[Click]], told: deque[News]) -> None:
    """Hands on what is for a case that is found by its own id now; the queues are empty then."""
    while clicks or told:
        if told:
            await deliver(news(told.popleft()).model_copy(update={"workflow_id": ""}))
            continue
        click = clicks.popleft()
        click = click.click if isinstance(click, Authorized) else click
        await deliver(Delivery(case=click.case, click=click))


def merged(case: Case, event: ev.CaseMerged) -> Delivery:
    """What the case that goes on has to hear."""
    assert event.by is not None
    absorb = Absorb(case=case.id, alerts=case.alerts, by=event.by)
    return Delivery(case=event.into, workflow_id=event.workflow_id, absorb=absorb)


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


async def kept(case: str) -> CaseSnapshot | None:
    """What the ledger kept of a closed case; by today's policy where its own is gone."""
    found = await execute(cases.load_case, case)
    if found is None or found.policy is not None:
        return found
    group = await _group_of(case)
    return None if group is None else found.model_copy(update={"policy": group.policy})


async def hand_over(case: str, alerts: Sequence[Alert]) -> None:
    """To the reopened case, for as long as it takes."""
    for part in batches(alerts):
        await deliver(Delivery(case=case, alerts=part))


async def left_here(
    policy: PackedPolicy | None, start: CaseStart, case: Case, intake: Inbox
) -> Sequence[Alert]:
    """The waiting alerts that the next case takes, which begins in the place of this closed one.

    None where this one was reopened under its own id: the next begins at its group's place.
    """
    alerts = intake.take()
    if start.policy is not None:
        return alerts
    if alerts and policy is not None:
        await _give_back(case, alerts, policy)
    return ()


async def _give_back(case: Case, alerts: Sequence[Alert], policy: PackedPolicy) -> None:
    """They open the next case, by today's policy."""
    await _open_anew(
        case.id, alerts, Anew(workflow_id=case.workflow_id, policy=await policy_now(policy))
    )


async def give_back_unknown(case: str, intake: Inbox) -> None:
    """Alerts that came for a case of which the ledger kept too little to take them."""
    alerts = intake.take()
    anew = await _group_of(case)
    if anew is not None:
        await _open_anew(case, alerts, anew)
    elif alerts:
        named = [alert.key for alert in alerts]
        workflow.logger.error("alerts_without_a_case", extra={"case": case, "alerts": named})


async def _open_anew(case: str, alerts: Sequence[Alert], anew: Anew) -> None:
    for part in batches(alerts):
        await deliver(Delivery(case=case, alerts=part, anew=anew))


async def _group_of(case: str) -> Anew | None:
    """Where the ledger says that a case ran, with its playbook as it is now."""
    place = await execute(cases.place_of, case)
    policy = await execute(cases.policy_now, place.playbook) if place else None
    return Anew(workflow_id=place.workflow_id, policy=policy) if place and policy else None
