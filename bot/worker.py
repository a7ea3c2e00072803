"""Temporal workers of one process: task queues, concurrency limits and heartbeats."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

from bot.encryption import EncryptionCodec
from bot.tasks import in_background
from bot.workflow_guards import GuardedRunner
from workflows.activity_options import (
    cards_queue,
    detectors_queue,
    evidence_queue,
    platform_queue,
    slack_queue,
    updates_queue,
    worst_queue,
)
from workflows.appeal_workflow import AppealWorkflow
from workflows.breaker_workflow import BreakerWorkflow
from workflows.bulk_workflow import BulkWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.detector_workflow import DetectorWorkflow, FeedbackWorkflow, HeartbeatWorkflow
from workflows.enforcement_workflow import EnforcementWorkflow, PinnedEnforcement
from workflows.policy_workflow import AnnouncementWorkflow
from workflows.report_workflow import ReportWorkflow, RetentionWorkflow
from workflows.storm_workflow import StormWorkflow

HEARTBEAT_INTERVAL = 0.8
"""Seconds. Most activities finish before their first heartbeat."""


class HeartbeatInterceptor(Interceptor):
    """Heartbeats on behalf of activities that have a heartbeat timeout."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wraps `next`."""
        return _Heartbeats(next)


class _Heartbeats(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if activity.info().heartbeat_timeout is None:
            return await self.next.execute_activity(input)
        async with in_background(_heartbeat()):
            work = asyncio.ensure_future(self.next.execute_activity(input))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                # A request to the platform may take effect after its caller is cancelled, so its
                # result is still reported.
                return await work


Observe = Callable[[str, bool, float], None]
"""Takes an activity's type, whether it succeeded, and its seconds."""


class TimerInterceptor(Interceptor):
    """Measures every attempt of an activity."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wraps `next`."""
        return _Timer(next, self._observe)


class _Timer(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, observe: Observe) -> None:
        super().__init__(next)
        self._observe = observe

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        began, succeeded = time.perf_counter(), False
        try:
            result = await self.next.execute_activity(input)
            succeeded = True
            return result
        finally:
            self._observe(activity.info().activity_type, succeeded, time.perf_counter() - began)


async def _heartbeat() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_INTERVAL)
        activity.heartbeat()


STICKY_TIMEOUT = timedelta(seconds=1)
"""Time until another worker takes over the cases of a killed one (default 10 s).

A timer that fires meanwhile is late by this and by the replay: with two seconds, lifts were 2.1 s
late. A busy worker loses its own cases after this time too, and replays them.
"""

MAX_WORKFLOW_TASKS = 20
"""Concurrent workflow tasks (default 100). After a crash every case is replayed, and a hundred at a
time would all exceed their timeout (`workflows.inputs.TASK_TIMEOUT`) on one CPU."""

SHUTDOWN_TIMEOUT = timedelta(seconds=10)
"""Time that activities may take after SIGTERM."""

CACHED_CASES = 5_000
"""Cases kept in memory (75 KiB each) so that they need no replay."""

POLLS, NON_STICKY_RATIO = 10, 0.4
"""Concurrent polls for workflow tasks, and the part of them for cases of other workers. With the
default of one, the cases of a crashed worker are taken over one by one."""

MAX_CARDS, MAX_UPDATES = 16, 4
"""Slack writes that wait for the rate limiter in this process. The others wait at Temporal, the
most severe first. Cards are limited per channel, so several have to be ready; updates share one
limit, and a click on a card waits until a stale update is cancelled."""

MAX_REVEALS = 16
"""Pieces of hidden evidence shown at a time; two of their images are decoded at a time."""

MAX_QUERIES = 8
"""Queries of SQL detectors at a time: one source that hangs must not stop the others."""

UPDATE_HEARTBEAT = timedelta(seconds=0.5)
"""Heartbeat interval of updates: a waiting update learns of its cancellation with a heartbeat."""
CARD_HEARTBEAT = timedelta(seconds=2)
"""Heartbeat interval of new cards, which are rarely cancelled. Heartbeats cost CPU."""

Activity = Callable[..., Any]


@dataclass(frozen=True)
class Duties:
    """Activities by task queue; `background` are the Slack writes that nobody waits for."""

    main: Sequence[Activity]
    slack: Sequence[Activity]
    background: Sequence[Activity]
    evidence: Sequence[Activity]
    detectors: Sequence[Activity]
    platform: Sequence[Activity]


def make_workers(
    client: Client,
    task_queue: str,
    duties: Duties,
    deployment: WorkerDeploymentConfig | None = None,
    observe: Observe = lambda _type, _succeeded, _seconds: None,
) -> list[Worker]:
    """Builds the workers of `task_queue` and of the queues derived from it, not yet running.

    All have the same `deployment`, so the platform calls of a pinned enforcement are made by its
    own version. `observe` gets every attempt of an activity.
    """
    timer = TimerInterceptor(observe)

    def activity_worker(
        queue: str,
        activities: Sequence[Activity],
        inner: Sequence[Interceptor] = (),
        **options: Any,
    ) -> Worker:
        return Worker(
            client,
            task_queue=queue,
            activities=activities,
            interceptors=[timer, *inner],
            # Eager activities bypass the queue and its rate limit.
            disable_eager_activity_execution=True,
            graceful_shutdown_timeout=SHUTDOWN_TIMEOUT,
            deployment_config=deployment,
            **options,
        )

    codec = client.data_converter.payload_codec
    sealing = codec if isinstance(codec, EncryptionCodec) else None
    return [
        Worker(
            _marking(client, sealing),
            task_queue=task_queue,
            workflows=[
                AppealWorkflow,
                CaseWorkflow,
                PinnedEnforcement if deployment else EnforcementWorkflow,
                ReportWorkflow,
                RetentionWorkflow,
                BulkWorkflow,
                StormWorkflow,
                DetectorWorkflow,
                HeartbeatWorkflow,
                AnnouncementWorkflow,
                BreakerWorkflow,
                FeedbackWorkflow,
            ],
            activities=duties.main,
            interceptors=[timer, HeartbeatInterceptor()],
            workflow_runner=GuardedRunner(sealing),
            max_cached_workflows=CACHED_CASES,
            max_concurrent_workflow_tasks=MAX_WORKFLOW_TASKS,
            max_concurrent_workflow_task_polls=POLLS,
            nonsticky_to_sticky_poll_ratio=NON_STICKY_RATIO,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            graceful_shutdown_timeout=SHUTDOWN_TIMEOUT,
            deployment_config=deployment,
        ),
        activity_worker(slack_queue(task_queue), duties.slack),
        activity_worker(
            evidence_queue(task_queue), duties.evidence, max_concurrent_activities=MAX_REVEALS
        ),
        activity_worker(
            detectors_queue(task_queue),
            duties.detectors,
            inner=[HeartbeatInterceptor()],
            max_concurrent_activities=MAX_QUERIES,
        ),
        *(
            activity_worker(
                queue,
                duties.background,
                max_concurrent_activities=limit,
                max_heartbeat_throttle_interval=heartbeat,
            )
            for queue, limit, heartbeat in (
                (worst_queue(task_queue), MAX_CARDS, UPDATE_HEARTBEAT),
                (cards_queue(task_queue), MAX_CARDS, CARD_HEARTBEAT),
                (updates_queue(task_queue), MAX_UPDATES, UPDATE_HEARTBEAT),
            )
        ),
        activity_worker(
            platform_queue(task_queue),
            duties.platform,
            inner=[HeartbeatInterceptor()],
        ),
    ]


def _marking(client: Client, codec: EncryptionCodec | None) -> Client:
    """A client whose codec marks what it refuses, for the seal guard of workflows."""
    if codec is None:
        return client
    config = client.config()
    config["data_converter"] = replace(client.data_converter, payload_codec=codec.for_workflows())
    return Client(**config)


async def run_workers(workers: Sequence[Worker], until: asyncio.Event) -> None:
    """Runs `workers` until the event is set or one fails; shuts all down. Raises its failure."""
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stop = asyncio.create_task(until.wait())
    try:
        await asyncio.wait([*running, stop], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*running)
