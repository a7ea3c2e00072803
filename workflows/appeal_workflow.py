"""Appeal workflow: one appeal, from its request until everybody has the answer."""

from temporalio import workflow

from workflows.appeal.machine import AppealMachine
from workflows.domain.appeal.commands import AppealClick, SettleAppeal, WithdrawAppeal
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.ports.appeals import AppealSnapshot, AppealStart


@workflow.defn
class AppealWorkflow:
    """Signals only fill queues: one delivered with the start comes before `run`."""

    @workflow.init
    def __init__(self, start: AppealStart) -> None:
        self._appeal = AppealMachine(start)

    @workflow.signal
    def click(self, click: AppealClick) -> None:
        """A reviewer pressed a button or sent a modal."""
        self._appeal.take_click(click)

    @workflow.signal
    def withdraw(self, appeal: str) -> None:
        """The person withdrew `appeal`; a signal without a payload could come from anybody."""
        self._appeal.take_news(WithdrawAppeal())

    @workflow.signal
    def settled(self, news: AppealSettled) -> None:
        """The case finished the undo, or could not."""
        self._appeal.take_news(SettleAppeal(settled=news))

    @workflow.query
    def memory(self) -> AppealSnapshot:
        """Returns the whole state."""
        return self._appeal.memory()

    @workflow.run
    async def run(self, start: AppealStart) -> None:
        """Works until the appeal is over; continues as new when its history is long."""
        await self._appeal.run()
