"""Case workflow: one case, from its first alert until nothing is left to do or to show.

The sandbox makes the class again for every case, so it only hands over to `CaseMachine`.
"""

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
    """Signals only fill queues, also before `run` begins."""

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
        """News from the platform."""
        self._case.take_news(report)

    @workflow.signal
    def absorb(self, delivery: Delivery) -> None:
        """Another case on the same subject was merged into this one."""
        self._case.take_news(delivery)

    @workflow.signal
    def appeal_answered(self, answer: AppealAnswer) -> None:
        """Somebody else reviewed a decision of the case."""
        self._case.take_news(answer)

    @workflow.signal
    def nudge(self) -> None:
        """Nothing happened: an idle case notices a new version of Koban by it."""

    @workflow.query
    def memory(self) -> CaseSnapshot:
        """Everything the case knows now, with its policy."""
        return self._case.memory()

    @workflow.query
    def newest(self) -> Show | None:
        """What a delayed write to Slack should show by now; None before the case is open."""
        return self._case.newest()

    @workflow.query
    def reached(self) -> bool:
        """Answered once a worker got through everything that came before."""
        return True

    @workflow.run
    async def run(self, start: CaseStart) -> None:
        """Works until the case is over; starts again when its history grew long."""
        await self._case.run(start)
