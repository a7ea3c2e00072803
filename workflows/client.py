"""Client of the workflows: typed starts, signals and queries, each durable when it returns."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    ScheduleDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import (
    Priority,
    QueryRejectCondition,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from workflows.appeal_workflow import AppealWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.detector_workflow import DetectorWorkflow, FeedbackWorkflow
from workflows.domain.alerts import Alert
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Click, Grant
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.detection import RunResult
from workflows.domain.ids import (
    appeal_workflow_id,
    case_workflow_id,
    closed_workflow_id,
    feedback_workflow_id,
    policy_workflow_id,
    storm_workflow_id,
)
from workflows.domain.policy.changes import PolicyRecord
from workflows.domain.policy.playbook import Policy, pack
from workflows.domain.storm import Called
from workflows.inputs import TASK_TIMEOUT, CaseStart
from workflows.policy_workflow import AnnouncementWorkflow
from workflows.ports.appeals import AppealSnapshot, AppealStart
from workflows.ports.cases import Delivery, Show
from workflows.ports.detectors import DetectorStart, FeedbackStart
from workflows.ports.policies import AnnouncementStart
from workflows.ports.storms import StormStart
from workflows.shared.signals import batches
from workflows.storm_workflow import StormWorkflow

C = TypeVar("C", Click, AppealClick)
T = TypeVar("T")

RPC_TIMEOUT = timedelta(seconds=2)
"""Below the 3 s that Slack waits, so that a person gets an answer instead of Slack's error."""

ALERT_TIMEOUT = timedelta(seconds=5)
"""A detector can wait longer than a person, and a repeated request costs as much again.

A client with a longer timeout of its own uses that one."""

NEWEST_TIMEOUT = timedelta(seconds=1)
"""A delayed write to Slack waits this long for the latest state of its case."""

REMEMBERED = 5_000
"""Cases that this process opened recently: their alerts are signals without a start."""

Granted = Callable[[str], Grant | None]
"""Returns a person's cached roles, or None. Makes no request."""


_UNAVAILABLE = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.ABORTED,
        # A query while a workflow task is being retried.
        RPCStatusCode.FAILED_PRECONDITION,
    }
)


class OutOfReach(Exception):
    """Temporal did not take the call: nothing is stored, and the caller has to repeat it."""


class StillRuns(Exception):
    """The workflow has not ended yet."""


class _Gone(Exception):
    """No workflow runs under that id."""


class _WorkflowClient:
    """Calls to Temporal with its errors translated. All raise `OutOfReach`."""

    def __init__(
        self,
        client: Client,
        task_queue: str,
        granted: Granted = lambda _: None,
        rpc_timeout: timedelta = RPC_TIMEOUT,
    ) -> None:
        """`task_queue` runs the workflows; clicks get the roles that `granted` returns."""
        self._client = client
        self._task_queue = task_queue
        self._granted = granted
        self._rpc_timeout = rpc_timeout

    def _with_grant(self, click: C) -> C:
        grant = self._granted(click.command.by.id)
        return click if grant is None else click.model_copy(update={"grant": grant})

    async def _start(
        self, run: Any, start: Any, id_: str, *, within: timedelta | None = None, **options: Any
    ) -> None:
        options = {"priority": Priority(priority_key=3), **options}
        await _call(
            self._client.start_workflow(
                run,
                start,
                id=id_,
                task_queue=self._task_queue,
                task_timeout=TASK_TIMEOUT,
                rpc_timeout=within or self._rpc_timeout,
                **options,
            )
        )

    async def _began(self, run: Any, start: Any, id_: str) -> bool:
        """Starts a workflow; False if one runs under that id."""
        try:
            await self._start(run, start, id_, id_conflict_policy=WorkflowIDConflictPolicy.FAIL)
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _signal(
        self, workflow_id: str, signal: str, *args: object, within: timedelta | None = None
    ) -> bool:
        """Signals a workflow; False if none runs."""
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await _call(handle.signal(signal, args=args, rpc_timeout=within or self._rpc_timeout))
        except _Gone:
            return False
        return True

    async def _query(
        self,
        workflow_id: str,
        query: Any,
        run: str | None = None,
        within: timedelta | None = None,
    ) -> Any:
        """Queries a workflow; None if it is closed: then the ledger has its state."""
        handle = self._client.get_workflow_handle(workflow_id, run_id=run)
        rejects = QueryRejectCondition.NOT_OPEN
        timeout = within or self._rpc_timeout
        try:
            return await _call(handle.query(query, reject_condition=rejects, rpc_timeout=timeout))
        except (_Gone, WorkflowQueryRejectedError):
            return None
        except WorkflowQueryFailedError as error:
            raise OutOfReach("the workflow can't answer now") from error


async def _call(call: Awaitable[T]) -> T:
    """Awaits a call to Temporal. Raises `OutOfReach` and `_Gone`."""
    try:
        return await call
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise _Gone from error
        if error.status in _UNAVAILABLE:
            raise OutOfReach(f"Temporal did not answer ({error.status.name})") from error
        raise
    except ApplicationError as error:
        # An answer that is not sealed by a worker of Koban.
        raise OutOfReach("Temporal's answer is refused") from error
    except RuntimeError as error:
        # The client raises this until its first connection is established.
        if "client connect" not in str(error):
            raise
        raise OutOfReach("there is no connection to Temporal yet") from error


class Cases(_WorkflowClient):
    """Alerts, clicks and queries of cases, by the workflow ids of `workflows.domain.ids`."""

    def __init__(
        self,
        client: Client,
        task_queue: str,
        granted: Granted = lambda _: None,
        rpc_timeout: timedelta = RPC_TIMEOUT,
    ) -> None:
        """See `_WorkflowClient`."""
        super().__init__(client, task_queue, granted, rpc_timeout)
        self._alert_timeout = max(ALERT_TIMEOUT, rpc_timeout)
        self._opened: OrderedDict[str, None] = OrderedDict()

    async def accept_all(
        self, alerts: Sequence[Alert], policy: Policy, group: tuple[str, ...]
    ) -> str:
        """Stores alerts with the open case of their group, or opens one.

        Returns the workflow id. Raises `OutOfReach`; then some alerts may be stored.
        """
        workflow_id = case_workflow_id(policy.playbook.playbook, group)
        for part in batches(alerts):
            if not await self._joined(workflow_id, part):
                start = CaseStart(
                    workflow_id=workflow_id, policy=pack(policy), subject=part[0].subject
                )
                await self._start_case(start, "alerts", part, within=self._alert_timeout)
                self._opened[workflow_id] = None
                if len(self._opened) > REMEMBERED:
                    self._opened.popitem(last=False)
        return workflow_id

    async def _joined(self, workflow_id: str, alerts: tuple[Alert, ...]) -> bool:
        """Signals a case that was opened here recently; False if it does not run any more.

        A start has the whole policy: in a storm most alerts are for cases that already run.
        """
        if workflow_id not in self._opened:
            return False
        if await self._signal(workflow_id, "alerts", alerts, within=self._alert_timeout):
            return True
        self._opened.pop(workflow_id, None)
        return False

    async def click(self, workflow_id: str, click: Click) -> None:
        """Stores a click with its case, and wakes a closed case. Raises `OutOfReach`."""
        # Not in the workflow: recorded histories have commands without it.
        command = click.command.model_copy(update={"received_at": click.received_at})
        click = self._with_grant(click.model_copy(update={"command": command}))
        if not await self._signal(workflow_id, "click", click):
            await self.deliver(Delivery(case=click.case, click=click))

    async def deliver(self, delivery: Delivery) -> None:
        """Wakes a closed case up with a delivery. Raises `OutOfReach`."""
        start = CaseStart(workflow_id=closed_workflow_id(delivery.case), revive=delivery.case)
        if delivery.click is not None:
            await self._start_case(start, "click", delivery.click)
        if delivery.report is not None:
            await self._start_case(start, "report", delivery.report)
        await self._deliver_alerts(delivery, start)
        if delivery.answer is not None:
            await self._start_case(start, "appeal_answered", delivery.answer)
        if delivery.wake:
            await self._start_case(start, None)
        if delivery.absorb is not None:
            # It may still run where it last ran.
            last = delivery.workflow_id
            if not last or not await self._signal(last, "absorb", delivery):
                await self._start_case(start, "absorb", delivery)

    async def _deliver_alerts(self, delivery: Delivery, start: CaseStart) -> None:
        """Delivers alerts to a reopened case, or returns them to its group."""
        group = delivery.next_case
        if group is not None:
            start = CaseStart(
                workflow_id=group.workflow_id, policy=group.policy, after=delivery.case
            )
        for part in batches(delivery.alerts):
            await self._start_case(start, "alerts", part)

    async def start_again(self, start: CaseStart) -> bool:
        """Starts a case from its `memory`; False if one runs under that id. Raises `OutOfReach`."""
        assert start.memory is not None
        assert start.memory.case is not None
        own = closed_workflow_id(start.memory.case.id)
        start = start if start.workflow_id == own else _with_policy(start)
        return await self._began(CaseWorkflow.run, start, start.workflow_id)

    async def memory(self, workflow_id: str) -> CaseSnapshot | None:
        """Returns the state of a running case, or None. Raises `OutOfReach`."""
        snapshot: CaseSnapshot | None = await self._query(workflow_id, CaseWorkflow.memory)
        return None if snapshot is None else snapshot.with_policy()

    async def reached(self, workflow_id: str) -> None:
        """Returns once a worker has processed everything before. Raises `OutOfReach`."""
        await self._query(workflow_id, CaseWorkflow.reached)

    async def newest_show(self, workflow_id: str, run: str) -> Show | None:
        """Returns the latest state that a run wants to show; None if it does not answer in time."""
        newest: Show | None = None
        with suppress(OutOfReach):
            newest = await self._query(workflow_id, CaseWorkflow.newest, run, NEWEST_TIMEOUT)
        return newest

    async def outcome(self, workflow_id: str) -> EnforcementReport | None:
        """Returns the last report of an enforcement, if any. Raises `StillRuns`, `OutOfReach`."""
        handle = self._client.get_workflow_handle(workflow_id, result_type=EnforcementReport)
        try:
            status = (await _call(handle.describe(rpc_timeout=self._rpc_timeout))).status
            if status is WorkflowExecutionStatus.RUNNING:
                raise StillRuns(f"{workflow_id} is still under way")
            return await _call(handle.result(rpc_timeout=self._rpc_timeout))
        except (_Gone, WorkflowFailureError):
            return None

    async def _start_case(
        self,
        start: CaseStart,
        signal: str | None,
        *argument: object,
        within: timedelta | None = None,
    ) -> None:
        """Signals a case, and starts it if it does not run."""
        await self._start(
            CaseWorkflow.run,
            start,
            start.workflow_id,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=signal,
            start_signal_args=argument,
            within=within,
        )


def _with_policy(start: CaseStart) -> CaseStart:
    """The start of a case in its group: the next case needs its policy and subject as well."""
    memory = start.memory
    assert memory is not None
    assert memory.case is not None
    return start.model_copy(
        update={
            "policy": memory.policy,
            "subject": memory.case.subject,
            "memory": memory.model_copy(update={"policy": None}),
        }
    )


class Appeals(_WorkflowClient):
    """Appeals, their clicks and queries."""

    async def file(self, start: AppealStart) -> bool:
        """Stores a new appeal; False if it is known. Raises `OutOfReach`."""
        reuse = WorkflowIDReusePolicy.REJECT_DUPLICATE
        try:
            await self._start(
                AppealWorkflow.run, start, appeal_workflow_id(start.id), id_reuse_policy=reuse
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def start_again(self, start: AppealStart) -> bool:
        """Starts an appeal from its `memory`; False if it runs. Raises `OutOfReach`."""
        return await self._began(AppealWorkflow.run, start, appeal_workflow_id(start.id))

    async def withdraw(self, appeal: str) -> bool:
        """Withdraws an appeal; False if none is open. Raises `OutOfReach`."""
        return await self._signal(appeal_workflow_id(appeal), "withdraw", appeal)

    async def click(self, click: AppealClick) -> bool:
        """Stores a click with its appeal; False if that is over. Raises `OutOfReach`."""
        workflow_id = appeal_workflow_id(click.appeal)
        return await self._signal(workflow_id, "click", self._with_grant(click))

    async def memory(self, appeal: str) -> AppealSnapshot | None:
        """Returns the state of an open appeal, or None. Raises `OutOfReach`."""
        workflow_id = appeal_workflow_id(appeal)
        snapshot: AppealSnapshot | None = await self._query(workflow_id, AppealWorkflow.memory)
        return snapshot


class FeedbackClient(_WorkflowClient):
    """Deliveries of feedback, one a detector."""

    async def begin(self, detector: str, at_once: bool = False) -> None:
        """Starts the delivery, or wakes it up; `at_once` ends a pause. Raises `OutOfReach`."""
        await self._start(
            FeedbackWorkflow.run,
            FeedbackStart(detector=detector),
            feedback_workflow_id(detector),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="again" if at_once else "queued",
            priority=Priority(priority_key=5),
        )

    async def ensure(self, detector: str) -> None:
        """Starts the delivery unless it runs, where its start was lost. Raises `OutOfReach`."""
        start = FeedbackStart(detector=detector)
        await self._began(FeedbackWorkflow.run, start, feedback_workflow_id(detector))


class StormClient(_WorkflowClient):
    """Storms and the calls of their cases."""

    async def begin(self, channel: str) -> None:
        """Starts the storm of a channel, unless it runs. Raises `OutOfReach`."""
        await self._start(
            StormWorkflow.run,
            StormStart(channel=channel),
            storm_workflow_id(channel),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            priority=Priority(priority_key=2),
        )

    async def called(self, channel: str, call: Called) -> bool:
        """Passes a call on to the storm; False if none runs. Raises `OutOfReach`."""
        return await self._signal(storm_workflow_id(channel), "called", call)


class PolicyClient(_WorkflowClient):
    """Messages about changes of the policy."""

    async def announce(self, record: PolicyRecord) -> None:
        """Starts the messages about a record, once. Raises `OutOfReach`."""
        with suppress(WorkflowAlreadyStartedError):
            await self._start(
                AnnouncementWorkflow.run,
                AnnouncementStart(record=record.id),
                policy_workflow_id(record.id, record.version),
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            )


async def run_detector(client: Client, task_queue: str, detector: str) -> RunResult:
    """Runs a SQL detector, or waits for the run that was started so before.

    Raises `OutOfReach`, and `WorkflowFailureError` if it was terminated.
    """
    result: RunResult = await _call(
        client.execute_workflow(
            DetectorWorkflow.run,
            DetectorStart(detector=detector, at_once=True),
            id=f"detector/{detector}/now",
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
    )
    return result


async def find_schedule(
    client: Client, schedule: str, rpc_timeout: timedelta
) -> ScheduleDescription | None:
    """A schedule with its next runs; None if there is none. Raises `OutOfReach`."""
    handle = client.get_schedule_handle(schedule)
    try:
        return await _call(handle.describe(rpc_timeout=rpc_timeout))
    except _Gone:
        return None
