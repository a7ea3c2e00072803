"""Temporal Schedules of reports, retention and detectors, kept as the policy has them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta, tzinfo

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.detector_workflow import DetectorWorkflow, HeartbeatWorkflow
from workflows.domain.metrics.report import ReportKind
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Roster, Shift, time_of, zone_of
from workflows.domain.values import Value
from workflows.ports.detectors import DetectorStart, HeartbeatStart
from workflows.ports.reports import ReportStart, RetentionStart
from workflows.report_workflow import ReportWorkflow, RetentionWorkflow

PREFIX, DETECTOR = "report/", "detector/"
RETENTION, HEARTBEATS = "retention/daily", "heartbeats/minute"
EVERY_DAY = tuple(range(7))


class Planned(Value):
    """One schedule: id, start argument and times.

    The times are weekdays with the time `at`, or `every` so often, or a `cron` expression; those of
    clocks are in the `zone`. `days` count from 0 for Sunday, as in Temporal.
    """

    id: str
    start: ReportStart | RetentionStart | DetectorStart | HeartbeatStart
    days: tuple[int, ...] = ()
    at: time = time(0)
    every: timedelta | None = None
    cron: str | None = None
    zone: str = "UTC"

    def spec(self) -> ScheduleSpec:
        """Returns the times."""
        if self.every is not None:
            return ScheduleSpec(intervals=[ScheduleIntervalSpec(every=self.every)])
        if self.cron is not None:
            return ScheduleSpec(cron_expressions=[self.cron], time_zone_name=self.zone)
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


LOOK_EVERY = timedelta(minutes=1)


def detector_schedules(detectors: Iterable[Detector], usual: tzinfo) -> tuple[Planned, ...]:
    """Returns the schedules of SQL detectors, and of the look at heartbeats and feedback."""
    found = sorted(detectors, key=lambda each: each.detector)
    queries = [(each.detector, each.sql) for each in found if each.sql is not None]
    runs = [
        Planned(
            id=f"{DETECTOR}{name}",
            start=DetectorStart(detector=name),
            every=sql.every,
            cron=sql.cron,
            zone=str(usual),
        )
        for name, sql in queries
    ]
    if any(each.expect is not None or each.feedback is not None for each in found):
        runs.append(Planned(id=HEARTBEATS, start=HeartbeatStart(), every=LOOK_EVERY))
    return tuple(runs)


CATCH_UP = timedelta(hours=2)
"""How late a report or run may start after an outage of Temporal."""
CATCH_UP_QUERY = timedelta(minutes=1)
"""The next query reads what a missed one would have read."""

TRY = timedelta(seconds=10)

_PREFIXES = (PREFIX, DETECTOR, HEARTBEATS)
_WORKFLOWS: dict[type[Value], type[object]] = {
    ReportStart: ReportWorkflow,
    RetentionStart: RetentionWorkflow,
    DetectorStart: DetectorWorkflow,
    HeartbeatStart: HeartbeatWorkflow,
}


class Schedules:
    """The schedules of this namespace, whose ids begin with one of `_PREFIXES`."""

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
            if listed.id.startswith(_PREFIXES) and listed.id not in names:
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
        is_query = isinstance(planned.start, DetectorStart | HeartbeatStart)
        return Schedule(
            action=ScheduleActionStartWorkflow(
                _WORKFLOWS[type(planned.start)].__name__,
                planned.start,
                id=planned.id,
                task_queue=self._task_queue,
            ),
            spec=planned.spec(),
            policy=SchedulePolicy(
                overlap=overlap, catchup_window=CATCH_UP_QUERY if is_query else CATCH_UP
            ),
        )
