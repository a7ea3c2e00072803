"""The Temporal worker: one process, one client, a worker for each of the queues."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    Worker,
    WorkerDeploymentConfig,
)

from bot.query_guard import GuardedRunner
from workflows.activity_options import (
    cards_queue,
    platform_queue,
    slack_queue,
    updates_queue,
    worst_queue,
)
from workflows.appeal_workflow import AppealWorkflow
from workflows.bulk_workflow import BulkWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.enforcement_workflow import EnforcementWorkflow, PinnedEnforcement
from workflows.report_workflow import ReportWorkflow
from workflows.storm_workflow import StormWorkflow

BEAT = 0.8
"""Seconds; most activities end before the first one, and cost nothing more."""


class SignsOfLife(Interceptor):
    """For a worker whose activities give none of their own."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Lives around `next`."""
        return _Living(next)


class _Living(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if activity.info().heartbeat_timeout is None:
            return await self.next.execute_activity(input)
        telling = asyncio.create_task(_live())
        try:
            return await _to_its_end(asyncio.ensure_future(self.next.execute_activity(input)))
        finally:
            telling.cancel()


async def _to_its_end(work: asyncio.Future[Any]) -> Any:
    """What `work` returns, though it is called off meanwhile, as who gives signs of life can be.

    What was asked of a platform may take effect after the one who asked has gone away.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        return await work


async def _live() -> None:
    while True:
        await asyncio.sleep(BEAT)
        activity.heartbeat()


STICKY_TIMEOUT = timedelta(seconds=1)
"""How long the cases of a killed worker wait before another one takes them (default 10 s).

A timer that fires then is late by all of it, and by what replaying costs: two seconds of waiting
made lifts 2.1 s late. A busy worker loses its own cases after that as well, and replays them.
"""

AT_ONCE = 20
"""Workflow tasks in work at a time (default 100): after a crash every case has to be replayed, and
a hundred at once would all outlast their time (`starts.TASK_TIMEOUT`) on one processor."""

GRACE = timedelta(seconds=10)
"""How long activities may go on after SIGTERM."""

CACHED_CASES = 5_000
"""Cases kept in memory (75 KiB each) so that they need no replay."""

POLLS, NEW_HERE = 10, 0.4
"""How many workflow tasks are asked for at a time, and the part of them that is for cases of
other workers: with the default of one, what a crash left behind comes back case by case."""

CARDS_IN_LINE, UPDATES_IN_LINE = 16, 4
"""How many wait for their turn in this process: the rest waits at Temporal, the most severe first.

Several channels have to keep their pace, so that there have to be some cards; all updates share one
rate, and whoever presses on one that is in line waits until it hears of that.
"""

HEARD_WITHIN = timedelta(seconds=0.5)
"""How soon an update in line can hear that it was called off: by its next sign of life."""
HEARD_AT_LAST = timedelta(seconds=2)
"""The same for a new card. Few are pressed before they stand; but one that stands can be pressed
while its lines still wait for their turn. Many signs of life cost."""

Activity = Callable[..., Any]


@dataclass(frozen=True)
class Duties:
    """The activities by their queue: ledger and delivery, Slack, what waits for it, platform."""

    main: Sequence[Activity]
    slack: Sequence[Activity]
    background: Sequence[Activity]
    platform: Sequence[Activity]


def make_workers(
    client: Client,
    task_queue: str,
    duties: Duties,
    deployment: WorkerDeploymentConfig | None = None,
) -> list[Worker]:
    """The workers of `task_queue` and the queues named after it, not yet running.

    All are of the same `deployment`: what a pinned enforcement asks of the platform is then
    done by the version that asked.
    """
    return [
        Worker(
            client,
            task_queue=task_queue,
            workflows=[
                AppealWorkflow,
                CaseWorkflow,
                PinnedEnforcement if deployment else EnforcementWorkflow,
                ReportWorkflow,
                BulkWorkflow,
                StormWorkflow,
            ],
            activities=duties.main,
            interceptors=[SignsOfLife()],
            workflow_runner=GuardedRunner(),
            max_cached_workflows=CACHED_CASES,
            max_concurrent_workflow_tasks=AT_ONCE,
            max_concurrent_workflow_task_polls=POLLS,
            nonsticky_to_sticky_poll_ratio=NEW_HERE,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment,
        ),
        Worker(
            client,
            task_queue=slack_queue(task_queue),
            activities=duties.slack,
            # An eager start goes past its queue: no rate set there would hold.
            disable_eager_activity_execution=True,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment,
        ),
        *(
            Worker(
                client,
                task_queue=behind,
                activities=duties.background,
                max_concurrent_activities=in_line,
                max_heartbeat_throttle_interval=heard,
                disable_eager_activity_execution=True,
                graceful_shutdown_timeout=GRACE,
                deployment_config=deployment,
            )
            for behind, in_line, heard in (
                (worst_queue(task_queue), CARDS_IN_LINE, HEARD_WITHIN),
                (cards_queue(task_queue), CARDS_IN_LINE, HEARD_AT_LAST),
                (updates_queue(task_queue), UPDATES_IN_LINE, HEARD_WITHIN),
            )
        ),
        Worker(
            client,
            task_queue=platform_queue(task_queue),
            activities=duties.platform,
            interceptors=[SignsOfLife()],
            disable_eager_activity_execution=True,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment,
        ),
    ]


async def run_workers(workers: Sequence[Worker], until: asyncio.Event) -> None:
    """Runs `workers` until the event is set or one fails, then lets their activities end.

    Raises:
        Exception: what a worker failed with, after the others were stopped.
    """
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stop = asyncio.create_task(until.wait())
    try:
        await asyncio.wait([*running, stop], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*running)
