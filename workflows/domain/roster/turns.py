"""Who is on shift at a time, who comes next, and when nobody is there. Pure arithmetic.

A turn is one shift on one day. Its times are those of the clock on the wall: where summer time
begins or ends within it, it is an hour shorter or longer.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from workflows.domain.model import Value
from workflows.domain.people import Role
from workflows.domain.roster.model import Override, Roster, Shift, date_of, time_of
from workflows.domain.text import Text

LOOK_AHEAD = timedelta(days=15)
"""How far the next turn is looked for: longer than any holiday without a shift."""


class Turn(Value):
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


def turns(roster: Roster, zone: tzinfo, since: datetime, until: datetime) -> tuple[Turn, ...]:
    """Every turn of which a part lies within [since, until), by their start."""
    found = (
        turn
        for day in _days(zone, since, until)
        for turn in _of(roster, zone, day)
        if turn.starts < until and turn.ends > since
    )
    return tuple(sorted(found, key=lambda turn: (turn.starts, turn.ends, turn.shift)))


def on_at(roster: Roster, zone: tzinfo, at: datetime) -> tuple[Turn, ...]:
    """The turns that are under way at a time: a turn has begun at its start, and not at its end."""
    around = turns(roster, zone, at, at + timedelta(microseconds=1))
    return tuple(turn for turn in around if turn.starts <= at < turn.ends)


def next_after(roster: Roster, zone: tzinfo, at: datetime) -> tuple[Turn, ...]:
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


def _of(roster: Roster, zone: tzinfo, day: date) -> Iterator[Turn]:
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


def _turn(name: str, shift: Shift, zone: tzinfo, day: date, changed: Override | None) -> Turn:
    people, role = _who(shift, day)
    if changed is not None and changed.people:
        people, role = changed.people, None
    return Turn(
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
