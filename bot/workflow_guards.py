"""Workflow guards: a query never runs a workflow ahead, and a slow task is never interrupted.

**Queries.** With temporalio 1.35 a query that waited for a worker replays up to the newest event.
The workflow then issues commands for a task that this worker never completes, in two situations:

- No workflow task has started for the newest event. Such an activation has more history than the
  one before it, but the same timestamp and history size.
- Another worker holds the task and is lost. The next task repeats the same events, and its history
  lacks the commands that were issued here.

A failed activation evicts the workflow from the cache, and the next task replays the whole history.
Without the guard that replay would be non-deterministic.

**Slow tasks.** A task that takes longer than two seconds fails (`TMPRL1101`). temporalio 1.35 then
raises an exception in its thread, at any instruction, and evicts the workflow in another thread
without waiting for the first. Both can leave tasks that never end: the workflow is then never
evicted, and no worker continues it.
"""

import threading
import time
from collections import Counter
from typing import Any

import structlog
from temporalio.api.enums.v1 import CommandType
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
)

from bot.encryption import EncryptionCodec
from bot.seal_guard import SealGuard

log = structlog.get_logger()

SLOW_SECONDS = 1.0
"""Half of the time after which temporalio fails a task."""
_READ_ONLY = frozenset({"query_workflow", "remove_from_cache"})
"""Jobs that do not change a workflow."""
_RECORDED = ("start_timer", "schedule_activity", "start_child_workflow_execution")
"""Commands with an event each, unless they are cancelled in the same task."""
_CANCELLED = ("cancel_timer", "request_cancel_activity", "cancel_child_workflow_execution")
_OWN_COMMANDS = frozenset({CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK})
"""Commands whose payloads no other workflow reads."""
_TASK_EVENTS = 3
"""Events between two activations: task completed, task scheduled, task started."""


class GuardedRunner(UnsandboxedWorkflowRunner):
    """Unsandboxed runner with guards around each workflow instance (docs/decisions, 15)."""

    def __init__(self, codec: EncryptionCodec | None = None) -> None:
        """With `codec` workflows get only what it sealed."""
        super().__init__()
        self._codec = codec

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Creates a guarded instance."""
        inner = super().create_instance(det)
        if self._codec is not None:
            inner = SealGuard(inner, self._codec.unsealed_until)
        return SlowTaskGuard(QueryGuard(inner))


class SlowTaskGuard(WorkflowInstance):
    """Workflow instance in one thread at a time; a slow task is reported and not interrupted."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner
        self._lock = threading.Lock()

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Runs the activation after the one that is under way."""
        with self._lock:
            start = time.monotonic()
            try:
                return self._inner.activate(act)
            finally:
                self._report(act, time.monotonic() - start)

    def _report(self, act: WorkflowActivation, seconds: float) -> None:
        if seconds > SLOW_SECONDS:
            jobs = Counter(str(job.WhichOneof("variant")) for job in act.jobs)
            workflow = self._inner.get_info().workflow_id
            log.warning("task_slow", workflow=workflow, seconds=round(seconds, 1), jobs=dict(jobs))

    def get_info(self) -> Any:
        """The workflow's info."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """None: temporalio would interrupt the thread."""
        return None

    def get_serialization_context(self, command_info: Any) -> Any:
        """The serialization context of a command's payloads."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """The external storage context of a command's payloads."""
        return self._inner.get_external_store_context(command_info)


class QueryGuard(WorkflowInstance):
    """Workflow instance that issues commands for its own worker's tasks only."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner
        info = inner.get_info()
        self._context = WorkflowSerializationContext(info.namespace, info.workflow_id)
        self._length = 0
        self._task: tuple[int, int] | None = None
        self._commands = 0

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Runs the activation, or fails it when its commands would be lost."""
        if all(job.WhichOneof("variant") in _READ_ONLY for job in act.jobs):
            return self._inner.activate(act)
        if self._ahead(act):
            return self._refuse(act, "query_refused", "the workflow is about to go on: ask again")
        if self._lacks_commands(act):
            return self._refuse(act, "task_refused", "another worker's task was lost: try again")
        if act.history_length > self._length:
            self._commands = 0
        self._task, self._length = _task(act), act.history_length
        completion = self._inner.activate(act)
        self._commands += _recorded(completion)
        return completion

    def _ahead(self, act: WorkflowActivation) -> bool:
        """Whether the activation is ahead of the started workflow task."""
        grown = act.history_length > self._length
        return _task(act) == self._task and grown and act.history_size_bytes > 0

    def _lacks_commands(self, act: WorkflowActivation) -> bool:
        """Whether the history is too short to contain the last activation's commands."""
        grown = act.history_length - self._length
        fewest = _TASK_EVENTS + self._commands + sum(_fewest_events(job) for job in act.jobs)
        return self._commands > 0 and 0 < grown < fewest

    def _refuse(
        self, act: WorkflowActivation, event: str, why: str
    ) -> WorkflowActivationCompletion:
        log.warning(event, workflow=self._inner.get_info().workflow_id)
        refused = WorkflowActivationCompletion(run_id=act.run_id)
        refused.failed.failure.message = why
        return refused

    def get_info(self) -> Any:
        """The workflow's info."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """The thread that runs the workflow."""
        return self._inner.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> Any:
        """The serialization context of a command's payloads, cached for the workflow's own ones.

        The instance's lookup takes 6 % of a case's CPU time and differs for other workflows only.
        """
        if command_info is None or command_info.command_type in _OWN_COMMANDS:
            return self._context
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """The external storage context of a command's payloads."""
        return self._inner.get_external_store_context(command_info)


def _task(act: WorkflowActivation) -> tuple[int, int]:
    """Timestamp and history size at the start of a workflow task."""
    return act.timestamp.ToNanoseconds(), act.history_size_bytes


def _recorded(completion: WorkflowActivationCompletion) -> int:
    """Minimum number of events that the commands produce."""
    kinds = [each.WhichOneof("variant") for each in completion.successful.commands]
    cancelled = sum(kind in _CANCELLED for kind in kinds)
    return max(0, sum(kind in _RECORDED for kind in kinds) - cancelled)


def _fewest_events(job: WorkflowActivationJob) -> int:
    """Minimum number of events that a job stands for."""
    match job.WhichOneof("variant"):
        case "fire_timer" | "signal_workflow":
            return 1
        case "resolve_activity" if job.resolve_activity.result.HasField("completed"):
            return 2  # started and completed
        case _:
            return 0
