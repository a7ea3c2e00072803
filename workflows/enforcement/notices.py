"""The notice of one decision: a quick try, then patience beside everything else."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType

from workflows.activity_options import platform_queue
from workflows.domain.case.decision import Letter, Measure, NoticeStatus
from workflows.domain.case.enforcement import NoticeState, Problem
from workflows.domain.policy.appeals import NoticeKind
from workflows.enforcement.platform_calls import problem_of
from workflows.inputs import EnforcementStart
from workflows.ports.appeals import Notice, send_notice
from workflows.shared.ledger_calls import LOST

_ONE_CALL = timedelta(seconds=15)
_FIRST_TRY = timedelta(seconds=3)
"""Nobody waits longer than that to read that the decision itself is carried out."""
_QUICKLY = RetryPolicy(
    initial_interval=timedelta(milliseconds=300), maximum_interval=timedelta(seconds=1)
)
_SLOWLY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=10))
KEEPS_TRYING = timedelta(days=7)
"""For how long a notice is tried where the platform does not answer."""


class NoticeDelivery:
    """Sends the notice of an enforcement, once it took effect; `changed` where there is news."""

    def __init__(self, start: EnforcementStart) -> None:
        self._start = start
        self._sending: asyncio.Task[None] | None = None
        self._begun = False
        self._dropped = False
        self.state: NoticeState | None = None
        self.changed = False

    @property
    def under_way(self) -> bool:
        """Whether it is still being sent."""
        return self._sending is not None and not self._sending.done()

    async def send(self, took_effect: tuple[Measure, ...]) -> None:
        """Sends it the first time that it is asked to, where there is anything to tell of."""
        letter = self._start.notice
        if letter is None or self._begun or not (took_effect or letter.done):
            return
        self._begun = True
        notice = _notice(self._start, letter, took_effect)
        try:
            self._ended(await self._call(notice, _FIRST_TRY, _QUICKLY))
        except FailureError as error:
            self.state = NoticeState(status=NoticeStatus.RETRYING, problem=problem_of(error))
            self._sending = asyncio.create_task(self._patiently(notice))

    def again(self) -> None:
        """A person wants one that failed sent once more."""
        if self.state is not None and self.state.status is NoticeStatus.FAILED:
            self._begun = False

    def drop(self) -> None:
        """The decision was taken back: there is nothing to tell any more."""
        self._begun = self._dropped = True
        if self._sending is not None:
            self._sending.cancel()

    async def _patiently(self, notice: Notice) -> None:
        try:
            self._ended(await self._call(notice, KEEPS_TRYING, _SLOWLY))
        except FailureError as error:
            # Where it was called off nothing became of it, and nobody waits for it.
            self.state = None if self._dropped else _failed(problem_of(error))
        self.changed = True

    def _ended(self, problem: Problem | None) -> None:
        sent = NoticeState(status=NoticeStatus.SENT)
        self.state = sent if problem is None else _failed(problem)

    def _call(
        self, notice: Notice, within: timedelta, retry: RetryPolicy
    ) -> "workflow.ActivityHandle[Problem | None]":
        return workflow.start_activity(
            send_notice,
            notice,
            task_queue=platform_queue(workflow.info().task_queue),
            start_to_close_timeout=_ONE_CALL,
            schedule_to_close_timeout=within,
            heartbeat_timeout=LOST,
            retry_policy=retry,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=Priority(priority_key=self._start.rank),
        )


def _failed(problem: Problem) -> NoticeState:
    return NoticeState(status=NoticeStatus.FAILED, problem=problem)


def _notice(start: EnforcementStart, letter: Letter, took_effect: tuple[Measure, ...]) -> Notice:
    return Notice(
        appeal="",
        case=start.case,
        decision=start.decision,
        kind=NoticeKind.DECISION,
        text=letter.frame,
        reason="",
        person=letter.person,
        call=letter.call,
        letter=letter.model_copy(update={"done": (*letter.done, *took_effect)}),
    )
