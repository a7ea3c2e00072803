"""Breakers in the ledger: what is counted, what trips, and who ends it, on both databases."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.activities import LedgerActivities
from activities.ledger.brakes import forget_subject
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import automatic_actions, automation, uses
from activities.ledger.team import CHANGES, Automation, insert_change
from activities.ledger.verification import Verifier
from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import SATO, T0, TANAKA, minutes
from workflows.domain.alerts import Subject
from workflows.domain.automation import (
    AutomationChange,
    AutomationPause,
    Scope,
    approve,
    pause,
    pause_of,
    resume,
)
from workflows.domain.brakes import AutomaticAction, BrakeCause, Breaker
from workflows.domain.case import events as ev
from workflows.domain.case.automation import Booked, Booking, Counted
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.policy.limits import Power, Use
from workflows.ports.cases import LedgerWrite

BREAKER = Breaker(window="5m", floor=3, usual=3, subjects=100)
SHILL = Scope(detector="shill", action="mute_user")


def booking(
    number: int,
    at: datetime = T0,
    breaker: Breaker = BREAKER,
    detectors: tuple[str, ...] = ("shill",),
    actions: tuple[str, ...] = ("mute_user",),
    uses: tuple[Use, ...] = (),
    **more: Any,
) -> Booking:
    """Protections of a case about a user of its own."""
    made = tuple(
        AutomaticAction(decision=f"P{place + 1}", action=action, subject=f"user:u_{number}", **more)
        for place, action in enumerate(actions)
    )
    counted = Counted(playbook="off_platform", detectors=detectors, breaker=breaker, actions=made)
    return Booking(uses=uses, at=at, case=f"K{number}", counted=counted)


async def book(database: Database, *bookings: Booking) -> list[Booked]:
    """The answers, one after the other."""
    activities = LedgerActivities(database)
    return [await activities.book(each) for each in bookings]


async def counted(database: Database) -> list[tuple[str, str]]:
    """Case and action of what was counted."""
    query = sa.select(automatic_actions.c.case_id, automatic_actions.c.action)
    order = (automatic_actions.c.at, automatic_actions.c.case_id, automatic_actions.c.action)
    return [tuple(row.values()) for row in await database.rows(query.order_by(*order))]


async def changes(database: Database) -> list[tuple[str, str]]:
    """Kind and actor of the changes of the automation."""
    query = sa.select(automation.c.kind, automation.c.actor).order_by(automation.c.id)
    return [tuple(row.values()) for row in await database.rows(query)]


def _trips(answer: Booked, case: str) -> bool:
    """Whether the booking of this case has tripped the breaker."""
    pause = answer.pause
    return pause is not None and pause.trip is not None and pause.case == case


async def armed(database: Database, at: datetime) -> None:
    """Sato asks to resume, Tanaka agrees."""
    pauses = Automation(database)
    await pauses.change(partial(resume, by=SATO, scope=SHILL, now=at))
    await pauses.change(partial(approve, by=TANAKA, scope=SHILL, now=at))


async def test_the_third_action_trips_it(ledger: Ledger, database: Database) -> None:
    """It is not counted, as it does not happen; the pause has the counts that exceeded it."""
    first, second, third = await book(database, *(booking(number) for number in (1, 2, 3)))
    assert (first, second) == (Booked(), Booked())
    assert third.pause is not None
    assert third.pause.scope == SHILL
    assert (third.pause.by, third.pause.case, third.pause.until) == ("koban", "K3", None)
    assert third.pause.trip is not None
    assert third.pause.trip.cause is BrakeCause.RATE
    assert third.pause.trip.tally.actions == 3
    assert await counted(database) == [("K1", "mute_user"), ("K2", "mute_user")]
    assert await changes(database) == [("breaker_tripped", "koban")]
    assert await LedgerActivities(database, lambda: T0).automation_pauses("K9") == (third.pause,)


async def test_what_follows_is_prevented_without_another_trip(
    ledger: Ledger, database: Database
) -> None:
    """A repeated attempt of the same booking gets the same answer."""
    *_, third, again, fourth = await book(
        database, *(booking(number) for number in (1, 2, 3, 3)), booking(4, minutes(1))
    )
    assert again == third
    assert fourth == Booked(pause=third.pause)
    assert await changes(database) == [("breaker_tripped", "koban")]
    assert len(await counted(database)) == 2


async def test_others_go_on(ledger: Ledger, database: Database) -> None:
    """Another detector, and another action of the same one."""
    await book(database, *(booking(number) for number in (1, 2, 3)))
    other = booking(4, detectors=("chat_model",))
    assert await book(database, other, booking(5, actions=("warn",))) == [Booked(), Booked()]


async def test_of_several_actions_none_is_counted(ledger: Ledger, database: Database) -> None:
    """The case books the others again, without the one that is paused."""
    await book(database, booking(1), booking(2))
    (both,) = await book(database, booking(3, actions=("warn", "mute_user")))
    assert both.pause is not None
    assert await counted(database) == [("K1", "mute_user"), ("K2", "mute_user")]
    assert await book(database, booking(3, actions=("warn",))) == [Booked()]


async def test_workers_together_stay_below_the_limit(ledger: Ledger, database: Database) -> None:
    """Twenty bookings at once: two happen, one trips it, the others are prevented."""
    activities = LedgerActivities(database)
    answers = await asyncio.gather(*(activities.book(booking(number)) for number in range(20)))
    assert sum(each.pause is None for each in answers) == 2
    assert {each.pause.trip is None for each in answers if each.pause is not None} == {False}
    assert await changes(database) == [("breaker_tripped", "koban")]
    assert len(await counted(database)) == 2


async def test_a_repeated_attempt_counts_once(ledger: Ledger, database: Database) -> None:
    """A lost answer makes the workflow ask again."""
    answers = await book(database, *(booking(1) for _ in range(5)), booking(2))
    assert answers == [Booked()] * 6
    assert len(await counted(database)) == 2


async def test_a_booking_that_is_repeated_later_counts_then(
    ledger: Ledger, database: Database
) -> None:
    """The first one had no effect: the action is compared, and counted, when it happens."""
    first, *others = (booking(number, minutes(10)) for number in (1, 2, 3))
    assert await book(database, booking(1), *others) == [Booked()] * 3
    (again,) = await book(database, first)
    assert again.pause is not None
    assert again.pause.trip is not None
    assert again.pause.trip.tally.actions == 3
    assert await counted(database) == [("K2", "mute_user"), ("K3", "mute_user")]


async def test_only_what_still_matters_is_read(ledger: Ledger, database: Database) -> None:
    """Trips that people ended are history; the current pauses are all there."""
    for hour in range(3):
        at = minutes(60 * hour)
        await book(database, *(booking(10 * hour + number, at) for number in (1, 2, 3)))
        await armed(database, at + timedelta(minutes=1))
    now, seen = minutes(181), list[AutomationChange]()
    await Automation(database).change(
        lambda before: seen.extend(before) or pause(before, SATO, SHILL, None, now)  # type: ignore[func-returns-value]
    )
    assert seen == []
    everything = Scope(playbook="off_platform")
    for scope in (SHILL, everything):
        await Automation(database).change(partial(pause, by=SATO, scope=scope, lasts=None, now=now))
    found = [each.pause.scope for each in await Automation(database).active(now)]
    assert found == [SHILL, everything]


async def test_the_window_moves_on(ledger: Ledger, database: Database) -> None:
    """Two actions in every five minutes never trip it."""
    times = [minutes(minute) for minute in (0, 1, 5, 6, 10, 11)]
    answers = await book(database, *(booking(n, at) for n, at in enumerate(times)))
    assert answers == [Booked()] * 6


async def test_a_usual_rate_is_not_too_much(ledger: Ledger, database: Database) -> None:
    """36 actions in this hour of the day before are three in five minutes: nine are allowed."""
    hour = T0.replace(minute=0) - timedelta(days=1)
    wide = BREAKER.model_copy(update={"floor": 100})
    past = (booking(n, hour + timedelta(seconds=n), wide) for n in range(36))
    await book(database, booking(99, hour - timedelta(hours=2), wide), *past)
    answers = await book(database, *(booking(100 + n) for n in range(10)))
    assert [each.pause is None for each in answers] == [True] * 9 + [False]
    assert answers[-1].pause is not None
    assert answers[-1].pause.trip is not None
    assert answers[-1].pause.trip.tally.usual == pytest.approx(3.0)


async def test_after_a_busy_hour_its_usual_still_counts(ledger: Ledger, database: Database) -> None:
    """Every day 480 actions before nine and 12 after: today is no different, so nothing trips.

    The window at 9:02 has actions of the hour before.
    """
    nine = T0.replace(minute=0)
    await database.execute(sa.insert(automatic_actions), traffic(nine, days=3))
    breaker = Breaker(window="5m", floor=20, usual=3)
    hour = [nine - timedelta(seconds=7.5 * n) for n in range(60, 0, -1)]
    today = [*hour, *(nine + timedelta(minutes=n) for n in (0, 1, 2, 5))]
    answers = await book(database, *(booking(1000 + n, at, breaker) for n, at in enumerate(today)))
    assert answers == [Booked()] * len(today)


def traffic(nine: datetime, days: int) -> list[dict[str, Any]]:
    """Rows of the days before: 480 in the hour before, 12 in the hour after."""
    before = [nine - timedelta(days=day) for day in range(1, days + 1)]
    times = [at - timedelta(seconds=7.5 * n) for at in before for n in range(1, 481)]
    times += [at + timedelta(minutes=5 * n) for at in before for n in range(12)]
    return rows_at([*times, nine - timedelta(days=days + 1)])


def rows_at(times: list[datetime]) -> list[dict[str, Any]]:
    """Rows of actions on subjects of their own."""
    same = {"decision_id": "P1", "action": "mute_user", "detector": "shill", "sampled": False}
    same |= {"playbook": "off_platform", "undone_at": None, "confirmed": None}
    return [
        {**same, "case_id": f"H{n}", "subject": f"h_{n}", "at": at} for n, at in enumerate(times)
    ]


async def test_a_busy_history_hides_no_broken_threshold(ledger: Ledger, database: Database) -> None:
    """The usual is 75 in a window: 225 actions are allowed, but no 100 subjects."""
    yesterday = T0.replace(minute=0) - timedelta(days=1)
    busy = [yesterday + timedelta(seconds=4 * n) for n in range(900)]
    await database.execute(
        sa.insert(automatic_actions), rows_at([*busy, yesterday - timedelta(hours=1)])
    )
    usual = Breaker()
    flood = [booking(1000 + n, T0 + timedelta(seconds=n), usual) for n in range(100)]
    answers = await book(database, *flood)
    assert [each.pause is None for each in answers] == [True] * 99 + [False]
    assert answers[-1].pause is not None
    assert answers[-1].pause.trip is not None
    assert answers[-1].pause.trip.cause is BrakeCause.SUBJECTS
    assert answers[-1].pause.trip.tally.usual == pytest.approx(75.0)


async def test_many_subjects(ledger: Ledger, database: Database) -> None:
    """Distinct subjects count, not actions."""
    few = Breaker(floor=100, subjects=3)
    same = [booking(n, breaker=few) for n in (1, 2)]
    twice = same[0].model_copy(update={"case": "K7"})
    *before, last = await book(database, *same, twice, booking(3, breaker=few))
    assert before == [Booked()] * 3
    assert last.pause is not None
    assert last.pause.trip is not None
    assert last.pause.trip.cause is BrakeCause.SUBJECTS


async def test_two_people_arm_it_again(ledger: Ledger, database: Database) -> None:
    """What was counted before counts no more; the audit log has every step."""
    await book(database, *(booking(number) for number in (1, 2, 3)))
    await armed(database, minutes(1))
    assert await changes(database) == [
        ("breaker_tripped", "koban"),
        ("resume_asked", "U0SATO"),
        ("breaker_armed", "U0TANAKA"),
    ]
    late = await book(database, *(booking(number, minutes(2)) for number in (4, 5, 6)))
    cases = ("K4", "K5", "K6")
    assert [_trips(*each) for each in zip(late, cases, strict=True)] == [False, False, True]
    assert (await Verifier(database).run()).findings == ()


async def test_a_pause_by_a_person_prevents_a_booking(ledger: Ledger, database: Database) -> None:
    """It began after the case had read the pauses; nothing is booked."""
    await Automation(database).change(
        partial(pause, by=SATO, scope=Scope(playbook="off_platform"), lasts=None, now=T0)
    )
    use = Use(key="K1/P1", power=Power.PLAYBOOK, holder="off_platform", within=timedelta(hours=1))
    (answer,) = await book(database, booking(1, uses=(use,)))
    expected = AutomationPause(playbook="off_platform", by="U0SATO", at=T0)
    assert answer == Booked(pause=expected)
    assert await counted(database) == []
    assert await database.rows(sa.select(uses)) == []


async def test_a_trip_waits_for_a_pause_that_is_being_stored(
    ledger: Ledger, database: Database
) -> None:
    """Neither of two that are decided at the same moment ends the other."""
    await book(database, booking(1), booking(2))
    change = pause((), SATO, SHILL, timedelta(minutes=5), T0)
    assert isinstance(change, AutomationChange)
    async with database.writing() as connection:
        await database.serialize(connection, CHANGES)
        third = asyncio.create_task(book(database, booking(3)))
        await wait_until(lambda: _waits(database, third), what="the booking")
        await connection.run_sync(insert_change, change, database.audit)
    (answer,) = await third
    assert answer == Booked(pause=pause_of(change))
    assert await changes(database) == [("paused", "U0SATO")]
    assert await counted(database) == [("K1", "mute_user"), ("K2", "mute_user")]


async def _waits(database: Database, task: asyncio.Task[Any]) -> bool:
    """Whether a booking has come to a lock, or to its end. SQLite has one lock for everything."""
    if database.is_sqlite or task.done():
        return True
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(await database.scalar(waiting))


async def test_alerts_of_several_detectors(ledger: Ledger, database: Database) -> None:
    """An action counts for a detector that is not paused; with all paused nothing happens."""
    await book(database, *(booking(number) for number in (1, 2, 3)))
    both = ("shill", "chat_model")
    answers = await book(database, *(booking(10 + n, detectors=both) for n in range(4)))
    assert [each.pause is None for each in answers] == [True, True, False, False]
    cases = ("K10", "K11", "K12", "K13")
    assert [_trips(*each) for each in zip(answers, cases, strict=True)] == [
        False,
        False,
        True,
        False,
    ]


class TestOutcomes:
    """What people undid or judged trips the breaker at the next action."""

    async def test_undone_actions(self, ledger: Ledger, database: Database) -> None:
        """Two of five are more than 30 %; an end in time is no undo."""
        breaker = Breaker(floor=4, usual=1000, subjects=1000, undone="30%")
        spread = [booking(n, minutes(n * 6), breaker) for n in range(1, 5)]
        assert await book(database, *spread[:3]) == [Booked()] * 3
        await ledger.record(written("K1", _dismissed("U0SATO")))
        await ledger.record(written("K2", _dismissed(None)))
        assert await book(database, spread[3]) == [Booked()]
        await ledger.record(written("K3", _decided(Verdict.NO_VIOLATION)))
        (last,) = await book(database, booking(5, minutes(36), breaker))
        assert last.pause is not None
        assert last.pause.trip is not None
        assert last.pause.trip.cause is BrakeCause.UNDONE
        assert (last.pause.trip.tally.acted, last.pause.trip.tally.undone) == (5, 2)

    async def test_a_failure_of_the_platform_is_no_undo(
        self, ledger: Ledger, database: Database
    ) -> None:
        """A person gave up, and Koban lifted what the decision had taken over."""
        breaker = Breaker(floor=2, usual=1000, subjects=1000, undone="10%")
        spread = [booking(n, minutes(6 * n), breaker) for n in (1, 2, 3)]
        assert await book(database, spread[0]) == [Booked()]
        await ledger.record(written("K1", _dismissed("U0SATO", after_failure=True)))
        assert await book(database, *spread[1:]) == [Booked()] * 2

    async def test_samples(self, ledger: Ledger, database: Database) -> None:
        """Of four judged samples one was wrong; samples that nobody judged do not count."""
        breaker = Breaker(floor=50, precision=0.5)
        samples = [booking(n, breaker=breaker, sampled=True) for n in range(1, 7)]
        assert await book(database, *samples) == [Booked()] * 6
        for number in (1, 2, 3):
            await ledger.record(written(f"K{number}", _decided(Verdict.VIOLATION)))
        assert await book(database, booking(10, breaker=breaker)) == [Booked()]
        await ledger.record(written("K4", _decided(Verdict.FALSE_POSITIVE)))
        (last,) = await book(database, booking(11, breaker=breaker))
        assert last.pause is not None
        assert last.pause.trip is not None
        assert last.pause.trip.cause is BrakeCause.PRECISION
        assert (last.pause.trip.tally.right, last.pause.trip.tally.judged) == (3, 4)


def written(case: str, event: ev.Event) -> LedgerWrite:
    """The write of a case's next event."""
    return LedgerWrite(case=case, owner_key=case, events=(ev.Recorded(seq=1, event=event),))


def _dismissed(by: str | None, after_failure: bool = False) -> ev.Event:
    return ev.ProtectionDismissed(
        at=minutes(20), by=by, protection="P1", after_failure=after_failure
    )


def _decided(verdict: Verdict) -> ev.Event:
    decision = Decision(id="D1", by="U0SATO", at=minutes(20), verdict=verdict)
    return ev.Decided(at=minutes(20), by="U0SATO", decision=decision, actions=())


async def test_an_erased_subject_still_counts(ledger: Ledger, database: Database) -> None:
    """Nothing of its name is left, and the number of actions stays."""
    await book(database, booking(1), booking(2))
    subject = Subject(type="user", id="u_1")
    await database.write(lambda connection: forget_subject(connection, subject))
    rows = await database.rows(sa.select(automatic_actions.c.subject))
    assert sorted(bool(row["subject"]) for row in rows) == [False, True]
    (third,) = await book(database, booking(3))
    assert third.pause is not None
