"""Notice of a decision to the person acted upon: a first try of 3 s, then retries for 7 days."""

import asyncio

from temporalio.exceptions import FailureError

from workflows.activity_options import NOTICE_FIRST_TRY, NOTICE_LONG, Options, execute
from workflows.domain.case.decision import Measure, NoticeStatus, PersonNotice
from workflows.domain.case.enforcement import NoticeState, Problem
from workflows.domain.policy.appeals import NoticeKind
from workflows.enforcement.platform_calls import problem_of
from workflows.inputs import EnforcementStart
from workflows.ports.appeals import AppealPort, Notice


class NoticeDelivery:
    """Notice of one enforcement. `changed`: its state is not reported yet."""

    def __init__(self, start: EnforcementStart) -> None:
        self._start = start
        self._sending: asyncio.Task[None] | None = None
        self._begun = start.notice_state is not None
        self._dropped = False
        self.state: NoticeState | None = start.notice_state
        self.changed = False

    @property
    def under_way(self) -> bool:
        """Whether it is being retried."""
        return self._sending is not None and not self._sending.done()

    async def send(self, took_effect: tuple[Measure, ...]) -> None:
        """Sends it once, if any action took effect."""
        letter = self._start.notice
        if letter is None or self._begun or not (took_effect or letter.done):
            return
        self._begun = True
        notice = _notice(self._start, letter, took_effect)
        try:
            await self._attempt(notice, NOTICE_FIRST_TRY)
        except FailureError as error:
            self.state = NoticeState(status=NoticeStatus.RETRYING, problem=problem_of(error))
            self._sending = asyncio.create_task(self._retry(notice))

    def again(self) -> None:
        """Resets a failed notice, so that `send` repeats it."""
        if self.state is not None and self.state.status is NoticeStatus.FAILED:
            self._begun = False

    def drop(self) -> None:
        """Cancels it: the decision was undone."""
        self._begun = self._dropped = True
        if self._sending is not None:
            self._sending.cancel()

    async def _retry(self, notice: Notice) -> None:
        try:
            await self._attempt(notice, NOTICE_LONG)
        except FailureError as error:
            # A cancelled notice has no state to report.
            self.state = None if self._dropped else _failed(problem_of(error))
        self.changed = True

    async def _attempt(self, notice: Notice, options: Options) -> None:
        rank = self._start.rank
        problem = await execute(AppealPort.send_notice, notice, options, rank=rank)
        sent = NoticeState(status=NoticeStatus.SENT)
        self.state = sent if problem is None else _failed(problem)


def _failed(problem: Problem) -> NoticeState:
    return NoticeState(status=NoticeStatus.FAILED, problem=problem)


def _notice(
    start: EnforcementStart, letter: PersonNotice, took_effect: tuple[Measure, ...]
) -> Notice:
    return Notice(
        appeal="",
        case=start.case,
        decision=start.decision,
        kind=NoticeKind.DECISION,
        text=letter.frame,
        reason="",
        person=letter.person,
        letter=letter.model_copy(update={"done": (*letter.done, *took_effect)}),
    )
