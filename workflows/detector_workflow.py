"""Detector workflows: one run of a SQL detector, window by window, and the look at heartbeats."""

from collections import deque

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.activity_options import execute
from workflows.domain.detection import DIVISIBLE, RunProblem, RunProblemKind, RunResult, Window
from workflows.ports.detectors import (
    DetectorPort,
    DetectorStart,
    HeartbeatStart,
    OwnerMessage,
    RunAsk,
    RunNote,
    WindowRun,
)

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
