"""Roster of shifts, rotations and overrides (roster.yaml)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from workflows.domain.people import Role, UserId
from workflows.domain.values import Slug, Text, Value, Written

People = Annotated[tuple[UserId, ...], Field(max_length=100)]


def _clock(given: object) -> object:
    # YAML 1.1 parses 17:30 without quotes as the sexagesimal number 1,050.
    if isinstance(given, int):
        raise ValueError("a time of day has no quotes; write it in quotes, as '09:00'")
    return given


def _day(given: object) -> object:
    # YAML parses it as a date; JSON payloads have text.
    return given.isoformat() if isinstance(given, date) else given


ClockTime = Annotated[
    str, BeforeValidator(_clock), StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
]
"""A time of day: 09:00."""
Day = Annotated[
    str, BeforeValidator(_day), StringConstraints(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")
]
"""A date: 2026-12-31."""


def time_of(written: str) -> time:
    """The time of day of a `ClockTime`."""
    return time.fromisoformat(written)


class Weekday(StrEnum):
    """A day of the week."""

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
    """The interval of a rotation."""

    DAY = "day"
    WEEK = "week"


class Rotation(Written):
    """Teams that take turns; the first one starts on the day (or in the week) of `since`."""

    since: Annotated[Day, Field(alias="from")]
    every: Every = Every.WEEK
    teams: Annotated[tuple[People, ...], Field(min_length=2, max_length=60)]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        date_of(self.since)
        if not all(self.teams):
            raise ValueError("a team has nobody; write at least one person")
        return self

    def team_on(self, day: date) -> tuple[str, ...]:
        """The team of `day`; before `since` the order continues backwards."""
        passed = (day - date_of(self.since)).days
        return self.teams[(passed // (7 if self.every is Every.WEEK else 1)) % len(self.teams)]


class Shift(Written):
    """A shift. With an end at or before the start it ends on the next day.

    It is worked by `people`, a `rotation`, or everybody with a `role`. Without `leads`, everybody
    with the role lead is its lead.
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
        """Whether it begins on `day`, without overrides."""
        return any(each.number == day.weekday() for each in self.days)

    @property
    def overnight(self) -> bool:
        """Whether it ends on the next day."""
        return self.end <= self.start

    @property
    def lasts(self) -> timedelta:
        """The local time from start to end: above 0, 24 hours at most."""
        starts, ends = (time_of(each) for each in (self.start, self.end))
        minutes = (ends.hour - starts.hour) * 60 + ends.minute - starts.minute
        return timedelta(minutes=minutes, days=1 if self.overnight else 0)

    def ends_on(self, day: date) -> date:
        """The last day of the turn that begins on `day`."""
        return day + timedelta(days=1 if self.overnight else 0)


class Override(Written):
    """A changed turn: other people or leads, or none (`off`).

    `date` is the day on which the turn begins. On other days than the shift's, `people` add a turn.
    """

    date: Day
    shift: Slug
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
    """The content of roster.yaml. Without `zone` the deployment's; `always`: a gap is a mistake."""

    zone: ZoneInfo | None = None
    always: bool = False
    shifts: Annotated[dict[Slug, Shift], Field(min_length=1, max_length=40)]
    overrides: Annotated[tuple[Override, ...], Field(max_length=1000)] = ()


def date_of(written: str) -> date:
    """The date of a `Day`.

    Raises:
        ValueError: for a date that does not exist.
    """
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ValueError(f"there is no {written}; write a day of the calendar") from None


LOOK_AHEAD = timedelta(days=15)
"""Search range for the next turn; longer than a holiday without shifts."""


class Team(Value):
    """A shift from `starts` to before `ends` in UTC; no `people` if a whole `role` works it."""

    title: Text
    starts: datetime
    ends: datetime
    people: tuple[str, ...] = ()
    role: Role | None = None
    leads: tuple[str, ...] = ()


class ShiftTurn(Team):
    """A shift on one day, by its name."""

    shift: str


class Gap(Value):
    """A time without a shift, in UTC."""

    starts: datetime
    ends: datetime


def zone_of(roster: Roster, usual: tzinfo) -> tzinfo:
    """The zone of the roster, else `usual`."""
    return roster.zone or usual


def turns(roster: Roster, zone: tzinfo, since: datetime, until: datetime) -> tuple[ShiftTurn, ...]:
    """The turns that overlap [since, until), by their start."""
    found = (
        turn
        for day in _days(zone, since, until)
        for turn in _of(roster, zone, day)
        if turn.starts < until and turn.ends > since
    )
    return tuple(sorted(found, key=lambda turn: (turn.starts, turn.ends, turn.shift)))


def on_at(roster: Roster, zone: tzinfo, at: datetime) -> tuple[ShiftTurn, ...]:
    """The turns at `at`; start inclusive, end exclusive."""
    return turns(roster, zone, at, at + timedelta(microseconds=1))


def next_after(roster: Roster, zone: tzinfo, at: datetime) -> tuple[ShiftTurn, ...]:
    """The turns with the next start within `LOOK_AHEAD`."""
    later = [turn for turn in turns(roster, zone, at, at + LOOK_AHEAD) if turn.starts > at]
    return tuple(turn for turn in later if turn.starts == later[0].starts)


def gaps(roster: Roster, zone: tzinfo, since: datetime, until: datetime) -> tuple[Gap, ...]:
    """The times within [since, until) without a turn."""
    found, reached = [], since.astimezone(UTC)
    for turn in turns(roster, zone, since, until):
        if turn.starts > reached:
            found.append(Gap(starts=reached, ends=turn.starts))
        reached = max(reached, turn.ends)
    if reached < until:
        found.append(Gap(starts=reached, ends=until.astimezone(UTC)))
    return tuple(found)


def _days(zone: tzinfo, since: datetime, until: datetime) -> Iterator[date]:
    """The days on which a turn within the time may begin, from the day before."""
    day = since.astimezone(zone).date() - timedelta(days=1)
    last = until.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _of(roster: Roster, zone: tzinfo, day: date) -> Iterator[ShiftTurn]:
    for name, shift in roster.shifts.items():
        changed = _override(roster, name, day)
        added = changed is not None and bool(changed.people)
        if (changed is not None and changed.off) or not (added or shift.covers(day)):
            continue
        turn = _turn(name, shift, zone, day, changed)
        # A short turn may vanish in the hour skipped by summer time.
        if turn.starts < turn.ends:
            yield turn


def _override(roster: Roster, name: str, day: date) -> Override | None:
    """The last matching override."""
    last_first = reversed(roster.overrides)
    return next((o for o in last_first if o.shift == name and date_of(o.date) == day), None)


def _turn(name: str, shift: Shift, zone: tzinfo, day: date, changed: Override | None) -> ShiftTurn:
    usual = shift.rotation.team_on(day) if shift.rotation else shift.people
    people = changed.people if changed is not None and changed.people else usual
    return ShiftTurn(
        shift=name,
        title=shift.title,
        starts=_at(day, shift.start, zone),
        ends=_at(shift.ends_on(day), shift.end, zone),
        people=people,
        role=None if people else shift.role,
        leads=changed.leads if changed is not None and changed.leads else shift.leads,
    )


def _at(day: date, written: str, zone: tzinfo) -> datetime:
    return datetime.combine(day, time_of(written), zone).astimezone(UTC)
