"""Temporal Schedules as policy wants them: made, changed and taken away, as often as one likes."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.report_workflow import ReportWorkflow
from workflows.reporting.schedules import PREFIX, Planned

CATCH_UP = timedelta(hours=2)
"""How late a report may begin where Temporal itself was away when it was due."""

TRY = timedelta(seconds=10)


class Schedules:
    """The schedules of this namespace whose ids begin with `report/`."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """`task_queue` is where the reports run."""
        self._client = client
        self._task_queue = task_queue

    async def keep(self, wanted: Sequence[Planned]) -> None:
        """Brings them to what is `wanted`. One that somebody has paused stays so.

        Raises:
            RPCError: where Temporal is away, or has no schedules; it can be done again.
        """
        for each in wanted:
            await self._make(each)
        names = {each.id for each in wanted}
        async for listed in await self._client.list_schedules():
            if listed.id.startswith(PREFIX) and listed.id not in names:
                await self._remove(listed.id)

    async def _make(self, planned: Planned) -> None:
        schedule = self._schedule(planned)
        try:
            await self._client.create_schedule(planned.id, schedule, rpc_timeout=TRY)
        except ScheduleAlreadyRunningError:
            await self._change(planned.id, schedule)

    async def _change(self, id_: str, schedule: Schedule) -> None:
        def changed(now: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule.state = now.description.schedule.state
            return ScheduleUpdate(schedule=schedule)

        await self._client.get_schedule_handle(id_).update(changed, rpc_timeout=TRY)

    async def _remove(self, id_: str) -> None:
        try:
            await self._client.get_schedule_handle(id_).delete(rpc_timeout=TRY)
        except RPCError as error:
            # The list lags behind, and another worker may have been faster.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    def _schedule(self, planned: Planned) -> Schedule:
        return Schedule(
            action=ScheduleActionStartWorkflow(
                ReportWorkflow.run,
                planned.start,
                id=planned.id,
                task_queue=self._task_queue,
            ),
            spec=planned.spec(),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=CATCH_UP),
        )
