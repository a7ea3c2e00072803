"""Tells an appeal what became of the undo that it asked a case for."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.casework.tasks import Tasks
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.model import Case
from workflows.domain.case.rules.appeals import settled
from workflows.domain.ids import appeal_route


class Appellant:
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
        appeal = workflow.get_external_workflow_handle(appeal_route(news.appeal))
        await appeal.signal("settled", news)
