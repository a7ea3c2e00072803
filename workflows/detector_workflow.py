"""Detector workflows: a run of a SQL detector, the look at heartbeats, delivery of feedback."""

from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.activity_options import execute
from workflows.domain.detection import DIVISIBLE, RunProblem, RunProblemKind, RunResult, Window
from workflows.domain.feedback import next_round
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
        self._queued = self._at_once = False
        # Messages to the owner: a delivery does not wait for Slack.
        self._messages = Tasks()

    @workflow.signal
    def queued(self) -> None:
        """New messages were queued. They wait with the others while the receiver fails."""
        self._queued = True

    @workflow.signal
    def again(self) -> None:
        """A person wants the next attempt now."""
        self._at_once = True

    @workflow.run
    async def run(self, start: FeedbackStart) -> None:
        """Tries, and waits for the time of the next attempt."""
        until = start.until
        while not _is_long():
            await self._pause(until)
            if _is_long():
                break
            self._queued = self._at_once = False
            ask = FeedbackAsk(detector=start.detector, at=workflow.now())
            done = await execute(DetectorPort.send_feedback, ask)
            if done.message is not None:
                self._messages.run(_send(done.message))
            self._failures = self._failures + 1 if done.round.failed else 0
            pause = next_round(done.round, self._failures, workflow.now())
            if pause is None:
                # A signal meanwhile starts the next round.
                await workflow.wait_condition(lambda: self._signalled or not self._messages)
                if not self._signalled:
                    return
            until = None if pause is None else workflow.now() + pause
        await workflow.wait_condition(lambda: not self._messages)
        rest = None if self._wanted() else until
        failures = self._failures
        workflow.continue_as_new(
            FeedbackStart(detector=start.detector, failures=failures, until=rest)
        )

    async def _pause(self, until: datetime | None) -> None:
        """Waits until then, until the next attempt is wanted, or while the history is short."""
        pause = timedelta() if until is None else until - workflow.now()
        if pause > timedelta():
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._wanted() or _is_long(), timeout=pause)

    @property
    def _signalled(self) -> bool:
        return self._queued or self._at_once

    def _wanted(self) -> bool:
        return self._at_once or (self._queued and self._failures == 0)


def _is_long() -> bool:
    return workflow.info().is_continue_as_new_suggested()
