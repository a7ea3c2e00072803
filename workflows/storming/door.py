"""The door from outside to the storms: one workflow a channel while it lasts."""

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy

from workflows.client import RPC_TIMEOUT, Gone, asked
from workflows.domain.ids import storm_route
from workflows.domain.storm import Called
from workflows.starts import TASK_TIMEOUT
from workflows.storm_workflow import StormWorkflow
from workflows.storming.ports import StormStart


class StormRoutes:
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
                id=storm_route(channel),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                priority=Priority(priority_key=2),
                task_timeout=TASK_TIMEOUT,
                rpc_timeout=RPC_TIMEOUT,
            )
        )

    async def called(self, channel: str, call: Called) -> bool:
        """Hands a call over; False where no storm goes on."""
        handle = self._client.get_workflow_handle(storm_route(channel))
        try:
            await asked(handle.signal(StormWorkflow.called, call, rpc_timeout=RPC_TIMEOUT))
        except Gone:
            return False
        return True
