"""Query guard: keeps a query from running a workflow ahead of its next workflow task.

With temporalio 1.35 a query that waited for a worker is played up to the newest event, also where
that event belongs to a workflow task that has not started. The workflow then acts on it at the time
of the task before, keeps that state, and its history can't be replayed. Such an activation has more
history than the one before it, and the same task's time and size. It is refused: the query fails,
the workflow leaves the cache, and the task itself is played as ever.
"""

from typing import Any

import structlog
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

log = structlog.get_logger()

_LOOKS = frozenset({"query_workflow", "remove_from_cache"})
"""Jobs that change nothing in a workflow."""


class GuardedRunner(SandboxedWorkflowRunner):
    """The sandbox, with a guard around each workflow instance."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Makes a guarded instance."""
        return QueryGuard(super().create_instance(det))


class QueryGuard(WorkflowInstance):
    """A workflow instance that acts for workflow tasks only."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner
        self._length = 0
        self._task: tuple[int, int] | None = None

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Runs the activation, or refuses it where no workflow task has started for it."""
        if all(job.WhichOneof("variant") in _LOOKS for job in act.jobs):
            return self._inner.activate(act)
        task = (act.timestamp.ToNanoseconds(), act.history_size_bytes)
        if task == self._task and act.history_length > self._length and task[1] > 0:
            log.warning("query_refused", workflow=self._inner.get_info().workflow_id)
            refused = WorkflowActivationCompletion(run_id=act.run_id)
            refused.failed.failure.message = "the workflow is about to go on: ask again"
            return refused
        self._task, self._length = task, act.history_length
        return self._inner.activate(act)

    def get_info(self) -> Any:
        """The workflow's info."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """The thread that the workflow runs on now."""
        return self._inner.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> Any:
        """The context in which a command's payloads are converted."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """The context in which a command's payloads are stored."""
        return self._inner.get_external_store_context(command_info)
