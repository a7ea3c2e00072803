"""Which schedules there are to be: from reports.yaml and roster.yaml, as Temporal takes them."""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from temporalio.client import ScheduleCalendarSpec, ScheduleRange, ScheduleSpec

from workflows.domain.metrics.report import ReportKind
from workflows.domain.policy.reports import Daily, ReportRules
from workflows.domain.policy.roster import Roster, Shift, Weekday, time_of, zone_of
from workflows.domain.values import Value
from workflows.reporting.ports import ReportStart

PREFIX = "report/"


class Planned(Value):
    """One schedule: its id, what it starts, and on which weekdays at which time in which zone.

    `days` count from 0 for Sunday, as Temporal does.
    """

    id: str
    start: ReportStart
    days: tuple[int, ...]
    hour: int
    minute: int
    zone: str

    def spec(self) -> ScheduleSpec:
        """The times, by the clock on the wall."""
        calendar = ScheduleCalendarSpec(
            hour=[ScheduleRange(self.hour)],
            minute=[ScheduleRange(self.minute)],
            day_of_week=[ScheduleRange(day) for day in self.days],
        )
        return ScheduleSpec(calendars=[calendar], time_zone_name=self.zone)


def planned(rules: ReportRules | None, roster: Roster | None, usual: tzinfo) -> tuple[Planned, ...]:
    """Every schedule that policy wants; `usual` is the deployment's zone."""
    if rules is None:
        return ()
    return (*_daily(rules, usual), *_handovers(rules, roster, usual))


def _daily(rules: ReportRules, usual: tzinfo) -> Iterator[Planned]:
    if rules.daily is None:
        return
    at = time_of(rules.daily.at)
    yield Planned(
        id=f"{PREFIX}daily",
        start=ReportStart(kind=ReportKind.DAILY),
        days=_numbers(rules.daily),
        hour=at.hour,
        minute=at.minute,
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
    """At `before` the end of each turn: maybe on the day after it began, maybe not yet.

    It is due every day: an override may add a turn, and where there is none, none is told.
    """
    ends = time_of(shift.end)
    at = datetime(2024, 1, 2, ends.hour, ends.minute) - before  # noqa: DTZ001 -- a clock's hands
    return Planned(
        id=f"{PREFIX}shift/{name}",
        start=ReportStart(kind=ReportKind.SHIFT, shift=name),
        days=tuple(range(7)),
        hour=at.hour,
        minute=at.minute,
        zone=zone,
    )


def _numbers(daily: Daily) -> tuple[int, ...]:
    return tuple(sorted(_sunday_first(day) for day in daily.days))


def _sunday_first(day: Weekday) -> int:
    return (day.number + 1) % 7
