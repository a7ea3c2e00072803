"""Detector workflows: a run of a SQL detector, the look at heartbeats, delivery of feedback."""

from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.activity_options import execute
from workflows.domain.detection import DIVISIBLE, RunProblem, RunProblemKind, RunResult, Window
from workflows.domain.feedback import failures_after, next_round, rest_after
from workflows.ports.detectors import (
    DetectorPort,
    DetectorStart,
    FeedbackAsk,
    FeedbackStart,
    HeartbeatStart,
    OwnerMessage,
    RunAsk,
    RunNote,
    WindowRun,
)
from workflows.shared.tasks import Tasks

MOST_WINDOWS = 500
"""Windows of one run: the next one continues at the watermark."""


@workflow.defn
class DetectorWorkflow:
    """One run. A window with too many rows, or one that takes too long, is divided."""

    @workflow.run
    async def run(self, start: DetectorStart) -> RunResult:
        """Queries from the watermark on; returns the counts of the run."""
        now = workflow.now()
        ask = RunAsk(detector=start.detector, at=now, at_once=start.at_once)
        planned = await execute(DetectorPort.plan_run, ask)
        waiting = deque[Window]() if planned is None else deque([planned])
        total = RunResult()
        for _ in range(MOST_WINDOWS):
            if not waiting or total.problem is not None:
                break
            window = waiting.popleft()
            began = workflow.now()
            result = await _queried(WindowRun(detector=start.detector, window=window))
            halves = window.halves()
            divisible = result.problem is not None and result.problem.kind in DIVISIBLE
            if divisible and halves is not None:
                waiting.extendleft(reversed(halves))
                continue
            total = total.plus(result)
            await _noted(
                RunNote(
                    run=workflow.info().run_id,
                    detector=start.detector,
                    window=window,
                    result=result,
                    at=workflow.now(),
                    seconds=(workflow.now() - began).total_seconds(),
                )
            )
        return total


async def _queried(run: WindowRun) -> RunResult:
    try:
        return await execute(DetectorPort.query_window, run)
    except ActivityError as error:
        problem = RunProblem(kind=RunProblemKind.UNREACHABLE, detail=str(error.cause or error))
        return RunResult(problem=problem)


async def _noted(note: RunNote) -> None:
    message = await execute(DetectorPort.note_run, note)
    if message is not None:
        await _send(message)


async def _send(message: OwnerMessage) -> None:
    try:
        await execute(DetectorPort.message_owner, message)
    except ActivityError:
        workflow.logger.warning("owner_not_messaged", extra={"detector": message.detector})


@workflow.defn
class HeartbeatWorkflow:
    """One look at the heartbeats of all detectors."""

    @workflow.run
    async def run(self, start: HeartbeatStart) -> int:
        """Sends the messages that are due; returns their number."""
        messages = await execute(DetectorPort.check_heartbeats, workflow.now())
        for message in messages:
            await _send(message)
        return len(messages)


@workflow.defn
class FeedbackWorkflow:
    """Delivery of feedback to one detector, until no message waits.

    One workflow a detector, and not one a case: all its messages go to one receiver, whose outage
    needs one pause. The messages are in the ledger, so the history stays small.
    """

    @workflow.init
    def __init__(self, start: FeedbackStart) -> None:
        self._failures = start.failures
        # A receiver that failed gets no new message before.
        self._rests_until = start.rests_until or workflow.now()
        self._queued = self._at_once = False
        # Messages to the owner by key: a delivery does not wait for Slack.
        self._messages = dict[str, OwnerMessage]()
        self._sending = Tasks()

    @workflow.signal
    def queued(self) -> None:
        """New messages were queued. A receiver that failed gets them after its rest."""
        self._queued = True

    @workflow.signal
    def again(self) -> None:
        """A person wants the next attempt now."""
        self._at_once = True

    @workflow.run
    async def run(self, start: FeedbackStart) -> None:
        """Tries, and waits for the time of the next attempt."""
        until = start.until or workflow.now()
        for message in start.messages:
            self._tell(message)
        while await self._pause(until):
            pause = await self._round(start.detector)
            if pause is None and await self._is_over():
                return
            until = workflow.now() + (pause or timedelta())
        workflow.continue_as_new(self._left(start.detector, until))

    async def _round(self, detector: str) -> timedelta | None:
        """One round of attempts; returns the time until the next one."""
        self._queued = self._at_once = False
        ask = FeedbackAsk(detector=detector, at=workflow.now())
        done = await execute(DetectorPort.send_feedback, ask)
        if done.message is not None:
            self._tell(done.message)
        self._failures = failures_after(done.round, self._failures)
        rest = rest_after(self._failures, done.round.wanted) if self._failures else timedelta()
        self._rests_until = workflow.now() + rest
        return next_round(done.round, self._failures, workflow.now())

    async def _pause(self, until: datetime) -> bool:
        """Waits until the next attempt is due; False once the history is long."""
        while not _is_long() and (wakes := self._wakes(until)) > workflow.now():
            other = partial(self._wakes_sooner, until, wakes)
            with suppress(TimeoutError):
                await workflow.wait_condition(other, timeout=wakes - workflow.now())
        return not _is_long()

    def _wakes_sooner(self, until: datetime, wakes: datetime) -> bool:
        return _is_long() or self._wakes(until) < wakes

    def _wakes(self, until: datetime) -> datetime:
        if self._at_once:
            return min(until, workflow.now())
        return min(until, self._rests_until) if self._queued else until

    async def _is_over(self) -> bool:
        """Waits for messages to the owner; False if there are new messages to deliver."""
        await workflow.wait_condition(lambda: self._signalled or not self._sending)
        return not self._signalled

    @property
    def _signalled(self) -> bool:
        return self._queued or self._at_once

    def _left(self, detector: str, until: datetime) -> FeedbackStart:
        return FeedbackStart(
            detector=detector,
            failures=self._failures,
            until=self._wakes(until),
            rests_until=self._rests_until,
            messages=tuple(self._messages.values()),
        )

    def _tell(self, message: OwnerMessage) -> None:
        self._messages[message.key] = message
        self._sending.run(self._send(message))

    async def _send(self, message: OwnerMessage) -> None:
        await _send(message)
        self._messages.pop(message.key, None)


def _is_long() -> bool:
    return workflow.info().is_continue_as_new_suggested()
