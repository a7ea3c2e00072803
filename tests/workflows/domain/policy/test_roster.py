"""Roster queries: current turns, next turns and gaps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.workflows.domain.policy.rosters import CLARK, DAY, NIGHT, REED, SATO, TANAKA, roster
from workflows.domain.people import Role
from workflows.domain.policy.roster import (
    Gap,
    Roster,
    Shift,
    gaps,
    next_after,
    on_at,
    turns,
    zone_of,
)

TOKYO, LONDON, NEW_YORK = (ZoneInfo(f) for f in ("Asia/Tokyo", "Europe/London", "America/New_York"))
MONDAY = datetime(2026, 11, 23, tzinfo=TOKYO)


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    """A time in Tokyo on (or some days after) a Monday."""
    return MONDAY + timedelta(days=days, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("when", "who"),
    [
        (at(8, 59), (CLARK,)),
        (at(9), (SATO,)),
        (at(16, 59), (SATO,)),
        (at(17), (CLARK,)),
        (at(23, 59), (CLARK,)),
        (at(0, 0, days=1), (CLARK,)),
    ],
)
def test_a_shift_begins_at_its_start_and_is_over_at_its_end(when: datetime, who: tuple) -> None:
    """One that ends before it begins goes on over midnight."""
    (turn,) = on_at(roster(), TOKYO, when)
    assert turn.people == who


def test_a_turn_tells_its_times_in_utc() -> None:
    """Seventeen o'clock in Tokyo to nine the next day."""
    (turn,) = on_at(roster(), TOKYO, at(20))
    assert (turn.shift, turn.title.ja) == ("night", "夜勤")
    assert turn.starts == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert turn.ends == datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    assert turn.starts.tzinfo == UTC


def test_only_on_its_days() -> None:
    """A shift of the weekdays has no turn on Saturday; the next one is Monday's."""
    days = ["mon", "tue", "wed", "thu", "fri"]
    office = roster(shifts={"day": {**DAY, "days": days}})
    friday, saturday = at(12, days=4), at(12, days=5)
    assert len(on_at(office, TOKYO, friday)) == 1
    assert on_at(office, TOKYO, saturday) == ()
    (coming,) = next_after(office, TOKYO, saturday)
    assert coming.starts == at(9, days=7)


def test_a_night_that_begins_on_the_last_day_reaches_into_the_next() -> None:
    """Sunday night belongs to Sunday."""
    nights = roster(shifts={"night": {**NIGHT, "days": ["sun"]}})
    assert on_at(nights, TOKYO, at(3)) != ()  # Monday, at three
    assert on_at(nights, TOKYO, at(18)) == ()


def test_shifts_that_begin_together_are_all_next() -> None:
    """And those that overlap are all on."""
    late = {**DAY, "start": "12:00", "end": "20:00", "people": [REED]}
    two = roster(shifts={"day": DAY, "late": late, "help": {**late, "people": [TANAKA]}})
    assert {turn.shift for turn in on_at(two, TOKYO, at(13))} == {"day", "late", "help"}
    assert [turn.shift for turn in next_after(two, TOKYO, at(10))] == ["help", "late"]


def test_teams_take_turns_by_the_week() -> None:
    """The first team works the week of `from`, whatever day it is asked."""
    rotation = {"from": "2026-11-23", "every": "week", "teams": [[SATO], [CLARK, REED]]}
    shift = {k: v for k, v in DAY.items() if k != "people"} | {"rotation": rotation}
    turning = roster(shifts={"day": shift})
    people = [on_at(turning, TOKYO, at(12, days=d))[0].people for d in (0, 6, 7, 13, 14, -1)]
    assert people == [(SATO,), (SATO,), (CLARK, REED), (CLARK, REED), (SATO,), (CLARK, REED)]


def test_teams_take_turns_by_the_day() -> None:
    """A night belongs to the day on which it began."""
    rotation = {"from": "2026-11-23", "every": "day", "teams": [[SATO], [CLARK], [REED]]}
    shift = {k: v for k, v in NIGHT.items() if k != "people"} | {"rotation": rotation}
    turning = roster(shifts={"night": shift})
    people = [on_at(turning, TOKYO, at(3, days=d))[0].people for d in (1, 2, 3, 4)]
    assert people == [(SATO,), (CLARK,), (REED,), (SATO,)]


def test_an_override_changes_one_turn_only() -> None:
    """Other people, other leads, or nobody at all; the last one written counts."""
    changed = roster(
        overrides=[
            {"date": "2026-11-24", "shift": "day", "people": [CLARK]},
            {"date": "2026-11-24", "shift": "day", "people": [REED], "leads": [TANAKA]},
            {"date": "2026-11-25", "shift": "day", "off": True},
        ]
    )
    assert [on_at(changed, TOKYO, at(12, days=d)) != () for d in (0, 1, 2, 3)] == [
        True,
        True,
        False,
        True,
    ]
    (turn,) = on_at(changed, TOKYO, at(12, days=1))
    assert (turn.people, turn.leads) == ((REED,), (TANAKA,))


def test_an_override_with_people_adds_a_turn() -> None:
    """A Saturday before a release."""
    office = roster(
        shifts={"day": {**DAY, "days": ["mon"]}},
        overrides=[{"date": "2026-11-28", "shift": "day", "people": [REED]}],
    )
    (turn,) = on_at(office, TOKYO, at(12, days=5))
    assert turn.people == (REED,)


def test_a_shift_of_a_role_names_nobody() -> None:
    """Slack knows who holds it."""
    shift = {k: v for k, v in DAY.items() if k != "people"} | {"role": "specialist"}
    (turn,) = on_at(roster(shifts={"day": shift}), TOKYO, at(12))
    assert (turn.people, turn.role) == ((), Role.SPECIALIST)


def test_the_rosters_own_zone_counts_before_the_deployments() -> None:
    """A team in London, run from Tokyo."""
    assert zone_of(roster(zone="Europe/London"), TOKYO) == LONDON
    assert zone_of(roster(), TOKYO) == TOKYO


def test_the_night_of_the_changed_clock_is_longer() -> None:
    """London turns back on 2026-10-25: from 17:00 to 09:00 are seventeen hours."""
    (turn,) = on_at(roster(), LONDON, datetime(2026, 10, 24, 20, tzinfo=LONDON))
    assert turn.ends - turn.starts == timedelta(hours=17)


def test_a_turn_that_the_changed_clock_leaves_out_does_not_exist() -> None:
    """New York has no time between two and three on 2026-03-08."""
    short = roster(shifts={"day": {**DAY, "start": "02:00", "end": "03:00"}})
    around = datetime(2026, 3, 7, 12, tzinfo=NEW_YORK), datetime(2026, 3, 8, 12, tzinfo=NEW_YORK)
    assert turns(short, NEW_YORK, *around) == ()


def test_gaps_are_told_with_both_ends() -> None:
    """Nobody from 17:00 to 09:00."""
    lone = roster(shifts={"day": DAY})
    assert gaps(lone, TOKYO, at(0), at(0, days=1)) == (
        Gap(starts=at(0), ends=at(9)),
        Gap(starts=at(17), ends=at(0, days=1)),
    )
    assert gaps(roster(), TOKYO, at(0), at(0, days=7)) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": []},
        {"people": ["sato"]},
        {"role": "specialist"},
        {"start": "9:00"},
        {"start": 540},
        {"end": "24:00"},
        {"days": ["monday"]},
    ],
)
def test_what_can_not_be_a_shift_is_refused(wrong: dict) -> None:
    """Nobody, people twice, a time that is none."""
    with pytest.raises(ValidationError):
        Shift.model_validate({**DAY, **wrong})


@pytest.mark.parametrize("day", ["2026-02-29", "2026-13-01", "tomorrow"])
def test_an_override_of_no_day_is_refused(day: str) -> None:
    """As the calendar has it."""
    with pytest.raises(ValidationError):
        roster(overrides=[{"date": day, "shift": "day", "off": True}])


clocks = st.times().map(lambda t: f"{t.hour:02}:{t.minute:02}")
zones = st.sampled_from([TOKYO, LONDON, NEW_YORK])
moments = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001 -- the zone is added below
    max_value=datetime(2027, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """One to four shifts at any time on any days."""
    days = st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1)
    shifts = {
        f"s{number}": {
            **DAY,
            "start": draw(clocks),
            "end": draw(clocks),
            "days": sorted(draw(days)),
        }
        for number in range(draw(st.integers(1, 4)))
    }
    return Roster.model_validate({"shifts": shifts})


@given(rosters(), zones, moments)
def test_whoever_is_on_is_among_the_turns_around(some: Roster, zone: ZoneInfo, when: datetime):
    """`on_at` and `turns` agree, and every turn has a duration."""
    around = turns(some, zone, when - timedelta(days=2), when + timedelta(days=2))
    assert all(timedelta() < t.ends - t.starts <= timedelta(hours=26) for t in around)
    expected = tuple(t for t in around if t.starts <= when < t.ends)
    assert on_at(some, zone, when) == expected


@given(rosters(), zones, moments)
def test_nobody_begins_between_now_and_the_next(some: Roster, zone: ZoneInfo, when: datetime):
    """The next turn is the first that begins later."""
    coming = next_after(some, zone, when)
    assert coming
    assert all(t.starts > when for t in coming)
    between = turns(some, zone, when, coming[0].starts)
    assert [t for t in between if t.starts > when] == []


@given(rosters(), zones, moments, st.integers(1, 9 * 24))
def test_gaps_and_turns_fill_the_time(some: Roster, zone: ZoneInfo, when: datetime, hours: int):
    """Nobody is on within a gap, somebody is outside of them, and none is empty."""
    until = when + timedelta(hours=hours)
    empty = gaps(some, zone, when, until)
    assert all(when <= gap.starts < gap.ends <= until for gap in empty)
    for gap in empty:
        assert on_at(some, zone, gap.starts) == ()
        assert on_at(some, zone, gap.ends - timedelta(seconds=1)) == ()
    for step in range(0, hours, 5):
        moment = when + timedelta(hours=step)
        within = any(gap.starts <= moment < gap.ends for gap in empty)
        assert (on_at(some, zone, moment) == ()) is within


@given(st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 1, 1)), st.integers(2, 5))
def test_every_team_gets_its_turn(day: date, teams: int):
    """Over as many days as there are teams, each works once."""
    rotation = {
        "from": day.isoformat(),
        "every": "day",
        "teams": [[f"U0{number}"] for number in range(10, 10 + teams)],
    }
    shift = {k: v for k, v in DAY.items() if k != "people"} | {"rotation": rotation}
    turning = Shift.model_validate(shift).rotation
    assert turning is not None
    later = [turning.team_on(day + timedelta(days=n)) for n in range(teams)]
    assert sorted(later) == sorted(turning.teams)
