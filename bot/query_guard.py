"""Query guard: keeps a query from running a workflow ahead of its workflow tasks.

With temporalio 1.35 a query that waited for a worker is played up to the newest event. There are
two ways in which the workflow then acts for a task that this worker never completes:

- No workflow task has started for the newest event. The workflow acts at the time of the task
  before. Such an activation has more history than the one before it, and the same task's time and
  size.
- Another worker holds the task. Where that one is lost, the next task has the same events again,
  and its history lacks the commands that were given here.

Either activation is refused: it fails, the workflow leaves the cache, and the next task is played
from the whole history. Otherwise the history could not be replayed.
"""

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

log = structlog.get_logger()

_LOOKS = frozenset({"query_workflow", "remove_from_cache"})
"""Jobs that change nothing in a workflow."""
_RECORDED = ("start_timer", "schedule_activity", "start_child_workflow_execution")
"""Commands that are an event each, unless they are called off in the same task."""
_CALLED_OFF = ("cancel_timer", "request_cancel_activity", "cancel_child_workflow_execution")
_OWN = frozenset({CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK})
"""Commands whose payloads another workflow never reads."""
_TASK_EVENTS = 3
"""The end of one workflow task, the next one's scheduling and its start."""


class GuardedRunner(UnsandboxedWorkflowRunner):
    """The plain runner, with a guard around each workflow instance.

    Decision 15 says why there is no sandbox.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Makes a guarded instance."""
        return QueryGuard(super().create_instance(det))


class QueryGuard(WorkflowInstance):
    """A workflow instance that acts for workflow tasks of its own worker only."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner
        info = inner.get_info()
        self._context = WorkflowSerializationContext(info.namespace, info.workflow_id)
        self._length = 0
        self._task: tuple[int, int] | None = None
        self._commands = 0

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Runs the activation, or refuses it where the workflow must not act for it."""
        if all(job.WhichOneof("variant") in _LOOKS for job in act.jobs):
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
        """Whether no workflow task has started for the activation."""
        grown = act.history_length > self._length
        return _task(act) == self._task and grown and act.history_size_bytes > 0

    def _lacks_commands(self, act: WorkflowActivation) -> bool:
        """Whether the history since the activation before has no room for its commands."""
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
        """The thread that the workflow runs on now."""
        return self._inner.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> Any:
        """The context in which a command's payloads are converted: the workflow that sends them.

        Asking the instance costs 6 % of a case, and has another answer for other workflows only.
        """
        if command_info is None or command_info.command_type in _OWN:
            return self._context
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """The context in which a command's payloads are stored."""
        return self._inner.get_external_store_context(command_info)


def _task(act: WorkflowActivation) -> tuple[int, int]:
    """The time and the history's size at the start of a workflow task."""
    return act.timestamp.ToNanoseconds(), act.history_size_bytes


def _recorded(completion: WorkflowActivationCompletion) -> int:
    """How many events the commands become, at least."""
    kinds = [each.WhichOneof("variant") for each in completion.successful.commands]
    called_off = sum(kind in _CALLED_OFF for kind in kinds)
    return max(0, sum(kind in _RECORDED for kind in kinds) - called_off)


def _fewest_events(job: WorkflowActivationJob) -> int:
    """How many events a job is made of, at least."""
    match job.WhichOneof("variant"):
        case "fire_timer" | "signal_workflow":
            return 1
        case "resolve_activity" if job.resolve_activity.result.HasField("completed"):
            return 2  # its start and its end
        case _:
            return 0
