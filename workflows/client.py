"""The one door from outside into the workflows: typed, and each call is durable when it returns."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import (
    Priority,
    QueryRejectCondition,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from workflows.appeal_workflow import AppealWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.domain.alerts import Alert
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Click, Grant
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.ids import (
    appeal_workflow_id,
    case_workflow_id,
    closed_workflow_id,
    storm_workflow_id,
)
from workflows.domain.policy.packed import pack
from workflows.domain.policy.playbook import Policy
from workflows.domain.storm import Called
from workflows.inputs import TASK_TIMEOUT, CaseStart
from workflows.ports.appeals import AppealSnapshot, AppealStart
from workflows.ports.cases import Delivery, Show
from workflows.ports.storms import StormStart
from workflows.shared.batching import batches
from workflows.storm_workflow import StormWorkflow

T = TypeVar("T")

RPC_TIMEOUT = timedelta(seconds=2)
"""Below the 3 s that Slack waits, so that a person gets an answer instead of Slack's error."""

ALERT_TIMEOUT = timedelta(seconds=5)
"""A detector can wait longer than a person: what it has to send again costs as much once more."""

NEWS_TIMEOUT = timedelta(seconds=1)
"""How long a card that is late waits to hear what it should show by now."""

OPEN = QueryRejectCondition.NOT_OPEN
"""Only a running workflow is asked: a closed one is read from the ledger."""

REMEMBERED = 5_000
"""Cases that this process opened: their alerts are signals without a start."""

Granted = Callable[[str], Grant | None]
"""A person's roles as they were last read; None where they are not known. Asks nobody."""


def nothing_granted(_: str) -> Grant | None:
    """The case asks for the roles itself."""
    return None


_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.ABORTED,
        # A query while a workflow task is being tried again.
        RPCStatusCode.FAILED_PRECONDITION,
    }
)


class OutOfReach(Exception):
    """Temporal did not take it: nothing is lost, it has to be sent again."""


class StillRuns(Exception):
    """The workflow has not ended yet."""


class Cases:
    """Alerts, clicks and questions for cases, by the routes of `workflows.domain.ids`."""

    def __init__(self, client: Client, task_queue: str, granted: Granted = nothing_granted) -> None:
        """Wraps a connected client; `task_queue` is where the case workflows run.

        A click takes along what is `granted` to its person.
        """
        self._client = client
        self._task_queue = task_queue
        self._granted = granted
        self._opened: OrderedDict[str, None] = OrderedDict()

    async def accept(self, alert: Alert, policy: Policy, group: tuple[str, ...]) -> str:
        """Stores an alert with the open case of its group, opening one if there is none.

        Returns the case's route. Raises `OutOfReach`.
        """
        return await self.accept_all((alert,), policy, group)

    async def accept_all(
        self, alerts: Sequence[Alert], policy: Policy, group: tuple[str, ...]
    ) -> str:
        """The same for several alerts of one group; where it raises, some may be stored."""
        workflow_id = case_workflow_id(policy.playbook.playbook, group)
        for part in batches(alerts):
            if not await self._joined(workflow_id, part):
                start = CaseStart(
                    workflow_id=workflow_id, policy=pack(policy), subject=part[0].subject
                )
                await self._start_with(workflow_id, start, "alerts", part, within=ALERT_TIMEOUT)
                self._opened[workflow_id] = None
                if len(self._opened) > REMEMBERED:
                    self._opened.popitem(last=False)
        return workflow_id

    async def _joined(self, workflow_id: str, alerts: tuple[Alert, ...]) -> bool:
        """Whether a case that was opened here lately still runs, and has it.

        A start carries the whole policy: in a storm most alerts are for cases that run already.
        """
        if workflow_id not in self._opened:
            return False
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await asked(handle.signal("alerts", alerts, rpc_timeout=ALERT_TIMEOUT))
        except Gone:
            self._opened.pop(workflow_id, None)
            return False
        return True

    async def click(self, workflow_id: str, click: Click) -> None:
        """Stores a click with its case, waking a closed case up. Raises `OutOfReach`."""
        grant = self._granted(click.command.by.id)
        click = click if grant is None else click.model_copy(update={"grant": grant})
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await asked(handle.signal("click", click, rpc_timeout=RPC_TIMEOUT))
        except Gone:
            await self.deliver(Delivery(case=click.case, click=click))

    async def deliver(self, delivery: Delivery) -> None:
        """Wakes a closed case up with what arrived for it. Raises `OutOfReach`."""
        workflow_id = closed_workflow_id(delivery.case)
        start = CaseStart(workflow_id=workflow_id, revive=delivery.case)
        if delivery.click is not None:
            await self._start_with(workflow_id, start, "click", delivery.click)
        if delivery.report is not None:
            await self._start_with(workflow_id, start, "report", delivery.report)
        await self._deliver_alerts(delivery, start)
        if delivery.answer is not None:
            await self._start_with(workflow_id, start, "appeal_answered", delivery.answer)
        if delivery.wake:
            await self._start_with(workflow_id, start, None)
        if delivery.absorb is not None and not await self._absorbed(delivery):
            await self._start_with(workflow_id, start, "absorb", delivery)

    async def _deliver_alerts(self, delivery: Delivery, start: CaseStart) -> None:
        """Alerts for a reopened case, or back to its group; a second delivery is known there."""
        back = delivery.next_case
        if back is not None:
            start = CaseStart(workflow_id=back.workflow_id, policy=back.policy, after=delivery.case)
        for part in batches(delivery.alerts):
            await self._start_with(start.workflow_id, start, "alerts", part)

    async def _absorbed(self, delivery: Delivery) -> bool:
        """Whether the case still ran where it was seen; then it has the delivery."""
        if not delivery.workflow_id:
            return False
        handle = self._client.get_workflow_handle(delivery.workflow_id)
        try:
            await asked(handle.signal("absorb", delivery, rpc_timeout=RPC_TIMEOUT))
        except Gone:
            return False
        return True

    async def memory(self, workflow_id: str) -> CaseSnapshot | None:
        """The memory of the case at `route`, None where none runs. Raises `OutOfReach`."""
        handle: WorkflowHandle[CaseWorkflow, None] = self._client.get_workflow_handle(workflow_id)
        query = handle.query(CaseWorkflow.memory, reject_condition=OPEN, rpc_timeout=RPC_TIMEOUT)
        try:
            return (await answered(query)).with_policy()
        except Gone:
            return None

    async def reached(self, workflow_id: str) -> None:
        """Returns once a worker got through all that came to the case before.

        Raises `OutOfReach` where none gets there in time.
        """
        handle: WorkflowHandle[CaseWorkflow, None] = self._client.get_workflow_handle(workflow_id)
        query = handle.query(CaseWorkflow.reached, reject_condition=OPEN, rpc_timeout=RPC_TIMEOUT)
        with suppress(Gone):  # it is over: somebody was there
            await answered(query)

    async def newest_show(self, workflow_id: str, run: str) -> Show | None:
        """What a case's run wants to show by now; None where it does not tell in time."""
        handle: WorkflowHandle[CaseWorkflow, None]
        handle = self._client.get_workflow_handle(workflow_id, run_id=run)
        query = handle.query(CaseWorkflow.newest, reject_condition=OPEN, rpc_timeout=NEWS_TIMEOUT)
        try:
            return await answered(query)
        except (Gone, OutOfReach):
            return None

    async def outcome(self, workflow_id: str) -> EnforcementReport | None:
        """The last report of the enforcement at `route`; None where it ended without one.

        Raises `StillRuns` and `OutOfReach`.
        """
        handle = self._client.get_workflow_handle(workflow_id, result_type=EnforcementReport)
        try:
            status = (await asked(handle.describe(rpc_timeout=RPC_TIMEOUT))).status
            if status is WorkflowExecutionStatus.RUNNING:
                raise StillRuns(f"{workflow_id} is still under way")
            return await asked(handle.result(rpc_timeout=RPC_TIMEOUT))
        except (Gone, WorkflowFailureError):
            return None

    async def _start_with(
        self,
        workflow_id: str,
        start: CaseStart,
        signal: str | None,
        *argument: object,
        within: timedelta = RPC_TIMEOUT,
    ) -> None:
        await asked(
            self._client.start_workflow(
                CaseWorkflow.run,
                start,
                id=workflow_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal=signal,
                start_signal_args=argument,
                priority=Priority(priority_key=3),
                task_timeout=TASK_TIMEOUT,
                rpc_timeout=within,
            )
        )


class Appeals:
    """Appeals, the clicks and questions for them. Each call is durable when it returns."""

    def __init__(self, client: Client, task_queue: str, granted: Granted = nothing_granted) -> None:
        """Wraps a connected client; `task_queue` is where the appeals run."""
        self._client = client
        self._task_queue = task_queue
        self._granted = granted

    async def file(self, start: AppealStart) -> bool:
        """Stores a new appeal; False where it was there already. Raises `OutOfReach`."""
        try:
            await asked(
                self._client.start_workflow(
                    AppealWorkflow.run,
                    start,
                    id=appeal_workflow_id(start.id),
                    task_queue=self._task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    priority=Priority(priority_key=3),
                    task_timeout=TASK_TIMEOUT,
                    rpc_timeout=RPC_TIMEOUT,
                )
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def withdraw(self, appeal: str) -> bool:
        """Takes an appeal back; False where none is open. Raises `OutOfReach`."""
        return await self._signal(appeal, "withdraw")

    async def click(self, click: AppealClick) -> bool:
        """Stores a click with its appeal; False where it is over. Raises `OutOfReach`."""
        grant = self._granted(click.command.by.id)
        click = click if grant is None else click.model_copy(update={"grant": grant})
        return await self._signal(click.appeal, "click", click)

    async def memory(self, appeal: str) -> AppealSnapshot | None:
        """What an open appeal knows now, None where it is over. Raises `OutOfReach`."""
        handle: WorkflowHandle[AppealWorkflow, None]
        handle = self._client.get_workflow_handle(appeal_workflow_id(appeal))
        query = handle.query(AppealWorkflow.memory, reject_condition=OPEN, rpc_timeout=RPC_TIMEOUT)
        try:
            return await answered(query)
        except Gone:
            return None

    async def _signal(self, appeal: str, signal: str, *args: object) -> bool:
        handle = self._client.get_workflow_handle(appeal_workflow_id(appeal))
        try:
            await asked(handle.signal(signal, args=args, rpc_timeout=RPC_TIMEOUT))
        except Gone:
            return False
        return True


class Gone(Exception):
    """No workflow runs under that id."""


async def asked(call: Awaitable[T]) -> T:
    """What a call to Temporal returns. Raises `OutOfReach` and `Gone`."""
    try:
        return await call
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Gone from error
        if error.status in _AWAY:
            raise OutOfReach(f"Temporal did not answer ({error.status.name})") from error
        raise
    except RuntimeError as error:
        # Until its first connection stands, the client says so with a RuntimeError.
        if "client connect" not in str(error):
            raise
        raise OutOfReach("there is no connection to Temporal yet") from error


async def answered(query: Awaitable[T]) -> T:
    """The answer to a query of a running workflow. Raises `OutOfReach` and `Gone`."""
    try:
        return await asked(query)
    except WorkflowQueryRejectedError:
        raise Gone from None
    except WorkflowQueryFailedError as error:
        raise OutOfReach("the workflow can't answer now") from error


class StormClient:
    """Each call is durable when it returns. All raise `workflows.client.OutOfReach`."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """Wraps a connected client; `task_queue` is where the storms run."""
        self._client = client
        self._task_queue = task_queue

    async def begin(self, channel: str) -> None:
        """Begins the storm of a channel, unless it goes on already."""
        await asked(
            self._client.start_workflow(
                StormWorkflow.run,
                StormStart(channel=channel),
                id=storm_workflow_id(channel),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                priority=Priority(priority_key=2),
                task_timeout=TASK_TIMEOUT,
                rpc_timeout=RPC_TIMEOUT,
            )
        )

    async def called(self, channel: str, call: Called) -> bool:
        """Hands a call over; False where no storm goes on."""
        handle = self._client.get_workflow_handle(storm_workflow_id(channel))
        try:
            await asked(handle.signal(StormWorkflow.called, call, rpc_timeout=RPC_TIMEOUT))
        except Gone:
            return False
        return True
