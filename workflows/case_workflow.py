"""Case workflow: one case, from its first alert until nothing is left to do or to show."""

from temporalio import workflow
from temporalio.common import RawValue

from workflows.case.machine import CaseMachine
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.commands import Click
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.inputs import CaseStart
from workflows.ports.cases import Delivery, Show


@workflow.defn
class CaseWorkflow:
    """Signals only fill queues: one delivered with the start comes before `run`."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        self._case = CaseMachine(start)

    @workflow.signal
    def alerts(self, alerts: RawValue) -> None:
        """Alerts of a detector about the case's subject, as `tuple[Alert, ...]`."""
        self._case.take_alerts(alerts)

    @workflow.signal
    def click(self, click: Click) -> None:
        """A person pressed a button or sent a modal."""
        self._case.take_click(click)

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """An enforcement reports the state of its actions."""
        self._case.take_report(report)

    @workflow.signal
    def absorb(self, delivery: Delivery) -> None:
        """Another case on the same subject was merged into this one."""
        self._case.take_news(delivery)

    @workflow.signal
    def appeal_answered(self, answer: AppealAnswer) -> None:
        """A reviewer answered an appeal against a decision of the case."""
        self._case.take_news(Delivery(case=answer.case, answer=answer))

    @workflow.signal
    def nudge(self) -> None:
        """Causes a workflow task, in which an idle case notices a new version of Koban."""

    @workflow.query
    def memory(self) -> CaseSnapshot:
        """Returns the whole state, with its policy."""
        return self._case.memory()

    @workflow.query
    def newest(self) -> Show | None:
        """Returns the latest state for a delayed write to Slack; None before the case is open."""
        return self._case.newest()

    @workflow.query
    def reached(self) -> bool:
        """Returns True once a worker has processed everything that came before."""
        return True

    @workflow.run
    async def run(self, start: CaseStart) -> None:
        """Works until the case is over; continues as new when its history is long."""
        await self._case.run()
