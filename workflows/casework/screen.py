"""Keeps Slack true: one write under way per case, and the last state always follows.

While a write is under way (or waits for Slack's rate), changes only mark the screen as stale;
the next write then shows them all. No change is lost, and none costs more than it must.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType

from workflows import ports
from workflows.casework.errands import ends
from workflows.domain.case_state import Case
from workflows.domain.commands import Click
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef
from workflows.domain.refusal import Refusal
from workflows.domain.view import told_in_thread, view_of
from workflows.ports import Answer, Show, Shown
from workflows.queues import slack_queue

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_ONE_WRITE = timedelta(seconds=60)
_MISSED = timedelta(seconds=10)
"""When a write whose worker was killed is tried again."""

_ANSWERING = timedelta(minutes=15)
_AGAIN = timedelta(seconds=30)
_PATIENCE = timedelta(seconds=5)
"""How long a write may go on before it is called off for a new history."""


class Screen:
    """The card, the approval card and the thread of one case."""

    def __init__(
        self, card: CardRef | None, approval: CardRef | None, untold: tuple[Recorded, ...]
    ) -> None:
        self.card = card
        self.approval = approval
        self.untold: list[Recorded] = list(untold)
        self._case: Case | None = None
        self._stale = False
        self._held = False
        self._showing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether Slack shows the last state."""
        return self._showing is None or self._showing.done()

    def tell(self, events: list[Recorded]) -> None:
        """Remembers lines for the thread."""
        self.untold += [each for each in events if told_in_thread(each)]

    def refresh(self, case: Case) -> None:
        """Shows `case` as soon as Slack takes it."""
        self._case, self._stale = case, True
        self._begin()

    @property
    def stale(self) -> bool:
        """Whether Slack shows an older state, and no write is under way."""
        return self._stale

    async def put_down(self) -> None:
        """Ends with the write under way; one that Slack does not take is called off."""
        self._held = True
        if not await ends(self._showing, _PATIENCE):
            self._stale = True  # whether the last try came through is not known

    def pick_up(self) -> None:
        """Goes on after `put_down`."""
        self._held = False
        self._begin()

    def _begin(self) -> None:
        if self._stale and self.idle and not self._held:
            self._showing = asyncio.create_task(self._show())

    async def _show(self) -> None:
        while self._stale and self._case is not None and not self._held:
            self._stale = False
            case = self._case
            # While the case acts by itself its story is not over: the lines wait for the end.
            lines = tuple(self.untold) if case.settled and self.card is not None else ()
            shown = await self._write(case, lines)
            self.card, self.approval = shown.card, shown.approval_card
            self.untold = self.untold[len(lines) :]
            if self.untold and case.settled and not lines:
                self._stale = True

    async def _write(self, case: Case, lines: tuple[Recorded, ...]) -> Shown:
        wanted = Show(view=view_of(case), card=self.card, approval_card=self.approval, lines=lines)
        while True:
            try:
                return await workflow.execute_activity(
                    ports.show,
                    wanted,
                    task_queue=slack_queue(workflow.info().task_queue),
                    start_to_close_timeout=_ONE_WRITE,
                    heartbeat_timeout=_MISSED,
                    retry_policy=_RETRY,
                    priority=Priority(priority_key=case.severity.rank),
                    # A write that is called off ends first: two at a time could post twice.
                    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
            except FailureError:
                if self._held:
                    raise asyncio.CancelledError from None
                await workflow.sleep(_AGAIN)


async def answer(click: Click, refusal: Refusal) -> None:
    """Tells a person why their command was refused; gives up when it would come too late."""
    await refuse(
        Answer(
            person=click.command.by.id,
            place=click.place,
            case=click.case,
            refusal=refusal,
            command=click.command.kind,
        )
    )


async def refuse(wanted: Answer) -> None:
    """The same, for whatever was pressed."""
    try:
        await workflow.execute_activity(
            ports.answer,
            wanted,
            task_queue=slack_queue(workflow.info().task_queue),
            start_to_close_timeout=timedelta(seconds=20),
            schedule_to_close_timeout=_ANSWERING,
            retry_policy=_RETRY,
            priority=Priority(priority_key=1),
        )
    except FailureError:
        workflow.logger.warning("a refusal could not be shown", extra={"case": wanted.case})
