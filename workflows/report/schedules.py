"""Temporal Schedules of reports and retention: created, updated and deleted to match policy."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta, tzinfo

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.domain.metrics.report import ReportKind
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Roster, Shift, time_of, zone_of
from workflows.domain.values import Value
from workflows.ports.reports import ReportStart, RetentionStart
from workflows.report_workflow import ReportWorkflow, RetentionWorkflow

PREFIX = "report/"
RETENTION = "retention/daily"
EVERY_DAY = tuple(range(7))


class Planned(Value):
    """One schedule: id, start argument, weekdays, time and zone.

    `days` count from 0 for Sunday, as in Temporal.
    """

    id: str
    start: ReportStart | RetentionStart
    days: tuple[int, ...]
    at: time
    zone: str

    def spec(self) -> ScheduleSpec:
        """Returns the times, in local time."""
        calendar = ScheduleCalendarSpec(
            hour=[ScheduleRange(self.at.hour)],
            minute=[ScheduleRange(self.at.minute)],
            day_of_week=[ScheduleRange(day) for day in self.days],
        )
        return ScheduleSpec(calendars=[calendar], time_zone_name=self.zone)


def planned(rules: ReportRules | None, roster: Roster | None, usual: tzinfo) -> tuple[Planned, ...]:
    """Returns the schedules of the policy; `usual` is the deployment's zone."""
    if rules is None:
        return ()
    return (*_daily(rules, usual), *_handovers(rules, roster, usual))


def _daily(rules: ReportRules, usual: tzinfo) -> Iterator[Planned]:
    if rules.daily is None:
        return
    yield Planned(
        id=f"{PREFIX}daily",
        start=ReportStart(kind=ReportKind.DAILY),
        days=tuple(sorted((day.number + 1) % 7 for day in rules.daily.days)),
        at=time_of(rules.daily.at),
        zone=str(rules.zone or usual),
    )


def _handovers(rules: ReportRules, roster: Roster | None, usual: tzinfo) -> Iterator[Planned]:
    if rules.handover is None or roster is None:
        return
    zone = str(zone_of(roster, usual))
    for name, shift in roster.shifts.items():
        if not rules.handover.shifts or name in rules.handover.shifts:
            yield _handover(name, shift, rules.handover.before, zone)


def _handover(name: str, shift: Shift, before: timedelta, zone: str) -> Planned:
    """Plans a report at `before` the end of each turn, which may be on the next day.

    It is due every day, since an override may add a turn; without a turn no report is posted.
    """
    ends = time_of(shift.end)
    at = datetime(2024, 1, 2, ends.hour, ends.minute) - before  # noqa: DTZ001 -- a clock's hands
    return Planned(
        id=f"{PREFIX}shift/{name}",
        start=ReportStart(kind=ReportKind.SHIFT, shift=name),
        days=EVERY_DAY,
        at=at.time(),
        zone=zone,
    )


def retention_schedule(rules: Retention, usual: tzinfo) -> Planned:
    """Returns the schedule of the daily run."""
    return Planned(
        id=RETENTION, start=RetentionStart(), days=EVERY_DAY, at=time_of(rules.at), zone=str(usual)
    )


CATCH_UP = timedelta(hours=2)
"""How late a report or run may start after an outage of Temporal."""

TRY = timedelta(seconds=10)


class Schedules:
    """The schedules of this namespace: `retention/daily`, and those with `report/` before."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """`task_queue` is where they run."""
        self._client = client
        self._task_queue = task_queue

    async def keep(self, wanted: Sequence[Planned]) -> None:
        """Makes them match `wanted`; a paused one stays paused.

        Raises `RPCError` if Temporal is unreachable, or has no schedules; can be repeated.
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
            # The list is eventually consistent, and another worker may have deleted it.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    def _schedule(self, planned: Planned) -> Schedule:
        is_report = isinstance(planned.start, ReportStart)
        overlap = ScheduleOverlapPolicy.ALLOW_ALL if is_report else ScheduleOverlapPolicy.SKIP
        return Schedule(
            action=ScheduleActionStartWorkflow(
                ReportWorkflow.__name__ if is_report else RetentionWorkflow.__name__,
                planned.start,
                id=planned.id,
                task_queue=self._task_queue,
            ),
            spec=planned.spec(),
            policy=SchedulePolicy(overlap=overlap, catchup_window=CATCH_UP),
        )
