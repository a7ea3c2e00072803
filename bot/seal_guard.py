"""Seal guard: workflows get no payload that is not encrypted, or sealed for another workflow.

The codec marks such payloads (`bot.encryption`). A failed task would be repeated without end, so
each is refused by itself, and the same in every replay:

- A signal is dropped. So is a signal without a payload, which anybody could have sent.
- A workflow with a refused start argument, or none, fails before its first line.
- A result of an activity or a child workflow, or a failure with such details, becomes a failure
  without details; `workflows.activity_options` then calls the activity again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance

from bot.encryption import UNSEALED, is_refused, restored
from bot.errors import FORGERIES, Forgery
from workflows.activity_options import UNSEALED_RESULT

log = structlog.get_logger()

HARMLESS = frozenset({"nudge"})
"""Signals without a payload that change nothing."""
_WHY = "not sealed for this workflow"


class SealGuard(WorkflowInstance):
    """Workflow instance that gets sealed payloads only, and plain ones `unsealed_until` a time."""

    def __init__(self, inner: WorkflowInstance, unsealed_until: datetime | None) -> None:
        self._inner = inner
        self._unsealed_until = unsealed_until

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Runs the activation without what is refused."""
        # The time of the workflow task, which is the same in a replay.
        plain = self._unsealed_until is not None and _time(act) < self._unsealed_until
        refused = [job for job in act.jobs if not self._accepts(job, plain)]
        for job in refused:
            variant = job.WhichOneof("variant") or ""
            self._log(variant, act.is_replaying)
            if variant == "initialize_workflow":
                return _failed(act)
            _refuse(act, job, variant)
        return self._inner.activate(act)

    def _accepts(self, job: WorkflowActivationJob, plain: bool) -> bool:
        payloads = list(_payloads(job))
        for payload in payloads:
            if is_refused(payload) and plain:
                clear = restored(payload)
                if clear is not None:
                    payload.CopyFrom(clear)
        if any(is_refused(payload) for payload in payloads):
            return False
        return plain or not _lacks_payload(job)

    def _log(self, variant: str, replaying: bool) -> None:
        if not replaying:
            info = self._inner.get_info()
            FORGERIES[Forgery.UNSEALED] += 1
            log.error("unsealed_refused", what=variant, workflow=info.workflow_id)

    def get_info(self) -> Any:
        """The workflow's info."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """The thread that runs the workflow."""
        return self._inner.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> Any:
        """The serialization context of a command's payloads."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """The external storage context of a command's payloads."""
        return self._inner.get_external_store_context(command_info)


def _time(act: WorkflowActivation) -> datetime:
    return act.timestamp.ToDatetime().replace(tzinfo=UTC)


def _lacks_payload(job: WorkflowActivationJob) -> bool:
    match job.WhichOneof("variant"):
        case "initialize_workflow":
            return not job.initialize_workflow.arguments
        case "signal_workflow":
            signal = job.signal_workflow
            return not signal.input and signal.signal_name not in HARMLESS
        case _:
            return False


def _payloads(job: WorkflowActivationJob) -> Iterator[Payload]:
    """The payloads that a workflow reads from a job, queries aside: they change nothing."""
    match job.WhichOneof("variant"):
        case "initialize_workflow":
            yield from job.initialize_workflow.arguments
        case "signal_workflow":
            yield from job.signal_workflow.input
        case "do_update":
            yield from job.do_update.input
        case "resolve_activity":
            yield from _outcome(job.resolve_activity.result)
        case "resolve_child_workflow_execution":
            yield from _outcome(job.resolve_child_workflow_execution.result)
        case _:
            pass


def _outcome(result: Any) -> Iterator[Payload]:
    if result.HasField("completed"):
        yield result.completed.result
    for kind in ("failed", "cancelled"):
        if result.HasField(kind):
            yield from _details(getattr(result, kind).failure)


def _details(failure: Failure) -> Iterator[Payload]:
    """The payloads of a failure and its causes."""
    yield failure.encoded_attributes
    yield from failure.application_failure_info.details.payloads
    yield from failure.canceled_failure_info.details.payloads
    yield from failure.timeout_failure_info.last_heartbeat_details.payloads
    if failure.HasField("cause"):
        yield from _details(failure.cause)


def _refuse(act: WorkflowActivation, job: WorkflowActivationJob, variant: str) -> None:
    if variant in ("resolve_activity", "resolve_child_workflow_execution"):
        result = getattr(job, variant).result
        is_activity = variant == "resolve_activity"
        result.failed.failure.CopyFrom(_activity_failure() if is_activity else _child_failure())
        return
    act.jobs.remove(job)


def _cause() -> Failure:
    failure = Failure(message=_WHY, source="Koban")
    failure.application_failure_info.type = UNSEALED_RESULT
    failure.application_failure_info.non_retryable = True
    return failure


def _activity_failure() -> Failure:
    failure = Failure(message=_WHY, cause=_cause())
    failure.activity_failure_info.SetInParent()
    return failure


def _child_failure() -> Failure:
    failure = Failure(message=_WHY, cause=_cause())
    failure.child_workflow_execution_failure_info.SetInParent()
    return failure


def _failed(act: WorkflowActivation) -> WorkflowActivationCompletion:
    """Fails the workflow; in a replay only the task, since an earlier setting accepted it."""
    completion = WorkflowActivationCompletion(run_id=act.run_id)
    if act.is_replaying:
        completion.failed.failure.message = f"the start is {_WHY}"
        return completion
    command = completion.successful.commands.add()
    failure = command.fail_workflow_execution.failure
    failure.message = f"the start is {_WHY}"
    failure.application_failure_info.type = UNSEALED
    failure.application_failure_info.non_retryable = True
    return completion
