"""Memory of automatic actions: the answers of the ledger, for the same bookings."""

import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from activities.backtest.memory import AutomationMemory
from activities.ledger.database import Database
from activities.ledger.limits import LimitLedger
from tests.activities.backtest.folders import T0
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import AutomaticAction, BrakeCause, Breaker
from workflows.domain.case.automation import Booked, Booking, Counted
from workflows.domain.policy.limits import Full, Power, Use

BREAKERS = {
    "hurried": Breaker(window="5m", floor=3, usual=2, subjects=4),
    "patient": Breaker(window="1h", floor=4, usual=1.5, subjects=100),
    "daily": Breaker(window="1h", floor=13, usual=1.5, subjects=1000),
    "short": Breaker(window="30s", floor=2, usual=1, subjects=2),
}
RATES = {Power.DETECTOR: (5, timedelta(minutes=20)), Power.PLAYBOOK: (30, timedelta(hours=3))}


@pytest.fixture
async def ledger(migrated: Path, tmp_path: Path) -> AsyncIterator[LimitLedger]:
    """The ledger's limits and breakers, in SQLite."""
    file = shutil.copy(migrated, tmp_path / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    yield LimitLedger(database)
    await database.aclose()


def booking(
    number: int,
    at: datetime,
    *actions: AutomaticAction,
    detectors: tuple[str, ...] = ("model",),
    playbook: str = "hurried",
    uses: tuple[Use, ...] = (),
) -> Booking:
    """A booking of a case of its own."""
    counted = None
    if actions:
        counted = Counted(
            playbook=playbook, detectors=detectors, breaker=BREAKERS[playbook], actions=actions
        )
    return Booking(uses=uses, at=at, case=f"K{number}", counted=counted)


def an_action(place: int, action: str, subject: int, sampled: bool = False) -> AutomaticAction:
    """An automatic action about a user."""
    return AutomaticAction(
        decision=f"P{place}", action=action, subject=f"user:u_{subject}", sampled=sampled
    )


def use(power: Power, holder: str, number: int, amount: int = 1) -> Use:
    """A use with the rate of its power."""
    most, within = RATES[power]
    key = f"K{number}/{power.value}"
    return Use(key=key, power=power, holder=holder, amount=amount, within=within, most=most)


def by_chance(chance: Random, number: int, at: datetime) -> Booking:
    """A booking of any kind."""
    detectors = tuple(chance.sample(["model", "rules", "third"], chance.choice([1, 1, 1, 2])))
    playbook = chance.choice(list(BREAKERS))
    names = chance.sample(["mute", "hide", "pause"], chance.choice([0, 1, 1, 1, 2]))
    actions = [
        an_action(place, name, chance.randint(1, 9), chance.random() < 0.1)
        for place, name in enumerate(names, 1)
    ]
    amount = chance.choice([1, 1, 2])
    uses = (
        use(Power.DETECTOR, detectors[0], number, amount),
        use(Power.PLAYBOOK, playbook, number, amount),
    )
    kept = uses if chance.random() < 0.5 or not actions else ()
    return booking(number, at, *actions, detectors=detectors, playbook=playbook, uses=kept)


def told(answer: Booked) -> tuple[Full | None, AutomationPause | None]:
    """What an answer prevents; whether the leads were alerted is the ledger's alone."""
    limit = None if answer.full is None else answer.full.model_copy(update={"alert": False})
    return limit, answer.pause


@pytest.mark.parametrize("seed", range(12))
async def test_memory_answers_as_the_ledger(ledger: LimitLedger, seed: int) -> None:
    """The same limits are full, and the same breakers trip with the same counts."""
    chance, memory, at = Random(seed), AutomationMemory(), T0
    pace = chance.choice([(1, 30, 300), (20, 600, 4000), (60, 3600, 30_000)])
    for number in range(220):
        wanted = by_chance(chance, number, at)
        assert told(memory.book(wanted)) == told(await ledger.book(wanted)), wanted
        at += timedelta(seconds=chance.choice([0, *pace]))


async def test_a_usual_hour_trips_neither(ledger: LimitLedger) -> None:
    """Twelve actions an hour on three days, and then 30 in one: both allow 18, and stop then."""
    memory, number = AutomationMemory(), 0
    answers = []
    for day in range(4):
        hour = T0 + timedelta(days=day)
        for place in range(30 if day == 3 else 12):
            number += 1
            at = hour + timedelta(minutes=2 * place)
            wanted = booking(number, at, an_action(1, "mute", number), playbook="daily")
            mine, theirs = memory.book(wanted), await ledger.book(wanted)
            assert told(mine) == told(theirs)
            answers.append(mine.pause)
    first = next(place for place, pause in enumerate(answers) if pause is not None)
    assert first == 36 + 18
    pause = answers[first]
    assert pause is not None
    assert pause.trip is not None
    assert (pause.trip.cause, pause.trip.limit, pause.trip.tally.usual) == (
        BrakeCause.RATE,
        18.0,
        12.0,
    )


def test_what_trips_is_not_counted() -> None:
    """Of a booking with two actions none is counted if the second one trips."""
    memory = AutomationMemory()
    for number in (1, 2):
        assert memory.book(booking(number, T0, an_action(1, "hide", number))) == Booked()
    both = booking(3, T0, an_action(1, "mute", 3), an_action(2, "hide", 3))
    stopped = memory.book(both)
    assert stopped.pause is not None
    assert stopped.pause.scope.key == "detector/model+action/hide"
    assert memory.pauses == (stopped.pause,)
    for number in (4, 5):
        assert memory.book(booking(number, T0, an_action(1, "mute", number))) == Booked()
    third = memory.book(booking(6, T0, an_action(1, "mute", 6)))
    assert third.pause is not None
    assert third.pause.trip is not None
    assert third.pause.trip.tally.actions == 3


def test_samples_count_for_nothing() -> None:
    """A person decides instead: however many there are, no breaker trips."""
    memory = AutomationMemory()
    for number in range(50):
        sample = an_action(1, "mute", number, sampled=True)
        assert memory.book(booking(number, T0, sample)) == Booked()
    assert memory.pauses == ()


def test_a_use_fits_again_after_its_time() -> None:
    """Five in twenty minutes: the sixth says when it fits, and fits then."""
    memory = AutomationMemory()
    for number in range(5):
        at = T0 + timedelta(minutes=number)
        assert (
            memory.book(booking(number, at, uses=(use(Power.DETECTOR, "m", number),))).full is None
        )
    later = T0 + timedelta(minutes=5)
    limit = memory.book(booking(6, later, uses=(use(Power.DETECTOR, "m", 6),))).full
    assert limit is not None
    assert (limit.used, limit.most, limit.resets_at) == (5, 5, T0 + timedelta(minutes=20))
    again = T0 + timedelta(minutes=20)
    assert memory.book(booking(7, again, uses=(use(Power.DETECTOR, "m", 7),))).full is None
