"""Who works when (roster.yaml)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from workflows.domain.people import Role
from workflows.domain.policy.roles import UserId
from workflows.domain.values import Text, Value, Written

ShiftName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
People = Annotated[tuple[UserId, ...], Field(max_length=100)]


def _clock(given: object) -> object:
    # YAML 1.1 reads 17:30 without quotes as 1,050 (a number to the base of 60).
    if isinstance(given, int):
        raise ValueError("a time of day stands without quotes; write it in quotes, as '09:00'")
    return given


def _day(given: object) -> object:
    # YAML has read it as a date already; what goes over a wire is text again.
    return given.isoformat() if isinstance(given, date) else given


ClockTime = Annotated[
    str, BeforeValidator(_clock), StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
]
"""A time of day as it is written: 09:00."""
Day = Annotated[
    str, BeforeValidator(_day), StringConstraints(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")
]
"""A date as it is written: 2026-12-31."""


def time_of(written: str) -> time:
    """The time of day of a `ClockTime`."""
    return time.fromisoformat(written)


class Weekday(StrEnum):
    """A day of the week, as the example files write it."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """0 for Monday to 6 for Sunday, as `date.weekday` counts."""
        return list(Weekday).index(self)


EVERY_DAY = tuple(Weekday)
Days = Annotated[tuple[Weekday, ...], Field(max_length=7)]


class Every(StrEnum):
    """How often the next team of a rotation takes over."""

    DAY = "day"
    WEEK = "week"


class Rotation(Written):
    """Teams that take turns, the first one on the day (or in the week) of `since`."""

    since: Annotated[Day, Field(alias="from")]
    every: Every = Every.WEEK
    teams: Annotated[tuple[People, ...], Field(min_length=2, max_length=60)]

    @model_validator(mode="after")
    def _can_be_reckoned(self) -> Self:
        date_of(self.since)
        if not all(self.teams):
            raise ValueError("a team has nobody; write at least one person")
        return self

    def team_on(self, day: date) -> tuple[str, ...]:
        """Whose turn `day` is; before `since` the same order counts backwards."""
        passed = (day - date_of(self.since)).days
        return self.teams[(passed // (7 if self.every is Every.WEEK else 1)) % len(self.teams)]


class Shift(Written):
    """One shift. One that ends before (or when) it starts ends on the next day.

    Who works it: `people`, teams that take turns, or everybody with a `role`. `leads` are whom it
    turns to; without any, everybody with the role lead.
    """

    title: Text
    days: Days = EVERY_DAY
    start: ClockTime
    end: ClockTime
    people: People = ()
    rotation: Rotation | None = None
    role: Role | None = None
    leads: Annotated[tuple[UserId, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _one_says_who(self) -> Self:
        if sum(map(bool, (self.people, self.rotation, self.role))) != 1:
            raise ValueError(
                "who works the shift is said once; write `people`, `rotation` or `role`"
            )
        return self

    def covers(self, day: date) -> bool:
        """Whether it begins on `day`, overrides left aside."""
        return any(each.number == day.weekday() for each in self.days)

    @property
    def overnight(self) -> bool:
        """Whether it ends on the day after it began."""
        return self.end <= self.start

    @property
    def lasts(self) -> timedelta:
        """From its start to its end by the clock on the wall: above 0, 24 hours at most."""
        starts, ends = (time_of(each) for each in (self.start, self.end))
        minutes = (ends.hour - starts.hour) * 60 + ends.minute - starts.minute
        return timedelta(minutes=minutes, days=1 if self.overnight else 0)

    def ends_on(self, day: date) -> date:
        """The day on which a turn ends that begins on `day`."""
        return day + timedelta(days=1 if self.overnight else 0)


class Override(Written):
    """One turn that is otherwise than usual: other people or leads, or none at all (`off`).

    `date` is the day on which the turn begins. On a day that is none of the shift's days, naming
    `people` adds a turn.
    """

    date: Day
    shift: ShiftName
    people: People = ()
    leads: Annotated[tuple[UserId, ...], Field(max_length=100)] = ()
    off: bool = False

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        date_of(self.date)
        if self.off and (self.people or self.leads):
            raise ValueError("`off` and people don't go together; write one of them")
        if not (self.off or self.people or self.leads):
            raise ValueError("the override changes nothing; write `people`, `leads` or `off: true`")
        return self


class Roster(Written):
    """The whole of roster.yaml. Times are in `zone`, else in that of the deployment.

    `always`: somebody has to be on shift at any time, so that a gap is a mistake.
    """

    zone: ZoneInfo | None = None
    always: bool = False
    shifts: Annotated[dict[ShiftName, Shift], Field(min_length=1, max_length=40)]
    overrides: Annotated[tuple[Override, ...], Field(max_length=1000)] = ()


def date_of(written: str) -> date:
    """The date of a `Day`.

    Raises:
        ValueError: for one that is in no calendar.
    """
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ValueError(f"there is no {written}; write a day of the calendar") from None


LOOK_AHEAD = timedelta(days=15)
"""How far the next turn is looked for: longer than any holiday without a shift."""


class ShiftTurn(Value):
    """A shift on a day: from `starts` to before `ends`, both in UTC.

    `people` work it; where it is worked by a whole `role`, they are empty.
    """

    shift: str
    title: Text
    starts: datetime
    ends: datetime
    people: tuple[str, ...] = ()
    role: Role | None = None
    leads: tuple[str, ...] = ()


class Gap(Value):
    """A time in which nobody is on shift, in UTC."""

    starts: datetime
    ends: datetime


def zone_of(roster: Roster, usual: tzinfo) -> tzinfo:
    """The zone in which the roster is written."""
    return roster.zone or usual


def turns(roster: Roster, zone: tzinfo, since: datetime, until: datetime) -> tuple[ShiftTurn, ...]:
    """Every turn of which a part lies within [since, until), by their start."""
    found = (
        turn
        for day in _days(zone, since, until)
        for turn in _of(roster, zone, day)
        if turn.starts < until and turn.ends > since
    )
    return tuple(sorted(found, key=lambda turn: (turn.starts, turn.ends, turn.shift)))


def on_at(roster: Roster, zone: tzinfo, at: datetime) -> tuple[ShiftTurn, ...]:
    """The turns that are under way at a time: a turn has begun at its start, and not at its end."""
    around = turns(roster, zone, at, at + timedelta(microseconds=1))
    return tuple(turn for turn in around if turn.starts <= at < turn.ends)


def next_after(roster: Roster, zone: tzinfo, at: datetime) -> tuple[ShiftTurn, ...]:
    """The turns that begin next, all of them where several begin together; () for none soon."""
    later = [turn for turn in turns(roster, zone, at, at + LOOK_AHEAD) if turn.starts > at]
    return tuple(turn for turn in later if turn.starts == later[0].starts)


def gaps(roster: Roster, zone: tzinfo, since: datetime, until: datetime) -> tuple[Gap, ...]:
    """The times within [since, until) in which no turn is under way."""
    found, reached = [], since.astimezone(UTC)
    for turn in turns(roster, zone, since, until):
        if turn.starts > reached:
            found.append(Gap(starts=reached, ends=turn.starts))
        reached = max(reached, turn.ends)
    if reached < until:
        found.append(Gap(starts=reached, ends=until.astimezone(UTC)))
    return tuple(found)


def _days(zone: tzinfo, since: datetime, until: datetime) -> Iterator[date]:
    """The days on which a turn may begin that reaches into the time: the day before counts."""
    day = since.astimezone(zone).date() - timedelta(days=1)
    last = until.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _of(roster: Roster, zone: tzinfo, day: date) -> Iterator[ShiftTurn]:
    for name, shift in roster.shifts.items():
        changed = _override(roster, name, day)
        if changed is not None and changed.off:
            continue
        added = changed is not None and bool(changed.people)
        if not shift.covers(day) and not added:
            continue
        turn = _turn(name, shift, zone, day, changed)
        # Where summer time begins, a short turn may have no time left at all.
        if turn.starts < turn.ends:
            yield turn


def _override(roster: Roster, name: str, day: date) -> Override | None:
    """The last one that is written counts."""
    of_it = [o for o in roster.overrides if o.shift == name and date_of(o.date) == day]
    return of_it[-1] if of_it else None


def _turn(name: str, shift: Shift, zone: tzinfo, day: date, changed: Override | None) -> ShiftTurn:
    people, role = _who(shift, day)
    if changed is not None and changed.people:
        people, role = changed.people, None
    return ShiftTurn(
        shift=name,
        title=shift.title,
        starts=_at(day, shift.start, zone),
        ends=_at(shift.ends_on(day), shift.end, zone),
        people=people,
        role=role,
        leads=changed.leads if changed is not None and changed.leads else shift.leads,
    )


def _who(shift: Shift, day: date) -> tuple[tuple[str, ...], Role | None]:
    if shift.rotation is not None:
        return shift.rotation.team_on(day), None
    return shift.people, shift.role


def _at(day: date, written: str, zone: tzinfo) -> datetime:
    return datetime.combine(day, time_of(written), zone).astimezone(UTC)
