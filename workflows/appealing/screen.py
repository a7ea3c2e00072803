"""Keeps an appeal's card true: one write under way, and the last state always follows."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError

from workflows.appealing import ports
from workflows.appealing.ports import ShowAppeal
from workflows.casework.tasks import Tasks
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal
from workflows.domain.case.snapshot import CardRef
from workflows.queues import slack_queue

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_ONE_WRITE = timedelta(seconds=60)
_MISSED = timedelta(seconds=10)
"""When a write whose worker was killed is tried again."""
_AGAIN = timedelta(seconds=30)
_RANK = Priority(priority_key=3)
"""Behind cases that burn: an appeal has days."""


class AppealScreen:
    """The card and the thread of one appeal."""

    def __init__(
        self, tasks: Tasks, card: CardRef | None, untold: tuple[AppealRecorded, ...]
    ) -> None:
        self._tasks = tasks
        self.card = card
        self.untold: list[AppealRecorded] = list(untold)
        self._appeal: Appeal | None = None
        self._stale = False
        self._showing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether Slack shows the last state."""
        return self._showing is None or self._showing.done()

    def refresh(self, appeal: Appeal, events: list[AppealRecorded]) -> None:
        """Shows `appeal`, and tells `events` in the thread, as soon as Slack takes it."""
        self.untold += events
        self._appeal, self._stale = appeal, True
        if self.idle:
            self._showing = self._tasks.run(self._show())

    async def _show(self) -> None:
        while self._stale and self._appeal is not None:
            self._stale = False
            lines = tuple(self.untold)
            self.card = await self._write(self._appeal, lines)
            self.untold = self.untold[len(lines) :]

    async def _write(self, appeal: Appeal, lines: tuple[AppealRecorded, ...]) -> CardRef:
        wanted = ShowAppeal(appeal=appeal, card=self.card, lines=lines)
        while True:
            try:
                return await workflow.execute_activity(
                    ports.show_appeal,
                    wanted,
                    task_queue=slack_queue(workflow.info().task_queue),
                    start_to_close_timeout=_ONE_WRITE,
                    heartbeat_timeout=_MISSED,
                    retry_policy=_RETRY,
                    priority=_RANK,
                )
            except FailureError:
                await workflow.sleep(_AGAIN)
