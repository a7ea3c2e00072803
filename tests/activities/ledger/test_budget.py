"""Limits of powers: what is booked, refused and reported, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import sqlalchemy as sa

from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.limits import LimitLedger
from activities.ledger.schema import overruns, uses
from tests.workflows.domain.builders import T0
from workflows.domain.case.automation import Booking
from workflows.domain.policy.limits import Full, Power, Use

TEN_MINUTES = timedelta(minutes=10)
Spend = Callable[[Booking], Awaitable[int]]


def spent(
    key: str, actions: int = 1, person: str = "U0SATO", minute: float = 0, most: int | None = None
) -> Booking:
    """A booking of a number of actions at a minute, summed over the ten minutes before it."""
    use = Use(
        key=key, power=Power.ACTIONS, holder=person, amount=actions, within=TEN_MINUTES, most=most
    )
    return Booking(uses=(use,), at=T0 + timedelta(minutes=minute), case="K7Q2F9XM0")


def spender(ledger: Ledger) -> Spend:
    """Books, and returns the total."""

    async def spend(booking: Booking) -> int:
        booked = await LedgerActivities(ledger.database).book(booking)
        return booked.totals[Power.ACTIONS]

    return spend


async def refusal(ledger: Ledger, booking: Booking) -> Full:
    """The limit that prevents a booking."""
    booked = await LedgerActivities(ledger.database).book(booking)
    assert booked.full is not None
    return booked.full


async def test_a_budget_counts_what_its_person_did_of_late(ledger: Ledger) -> None:
    """Not what others did, and not what is long ago."""
    spend = spender(ledger)
    assert await spend(spent("a", 2)) == 2
    assert await spend(spent("b", 3, minute=10)) == 5
    assert await spend(spent("c", 1, person="U0CLARK", minute=10)) == 1
    assert await spend(spent("d", 1, minute=11)) == 4


async def test_the_same_key_is_booked_once(ledger: Ledger) -> None:
    """A lost answer makes the workflow ask again, perhaps much later."""
    spend = spender(ledger)
    assert await spend(spent("a", 2)) == 2
    assert await spend(spent("a", 2)) == 2
    await spend(spent("b", 1, minute=60))
    assert await spend(spent("a", 2)) == 3


async def test_a_later_press_takes_the_place_of_one_that_decided_nothing(ledger: Ledger) -> None:
    """It may be for more actions. A late attempt of the earlier one changes nothing."""
    spend = spender(ledger)
    assert await spend(spent("K1/D1/U0SATO", 1)) == 1
    assert await spend(spent("K1/D1/U0SATO", 5, minute=1)) == 5
    assert await spend(spent("K1/D1/U0SATO", 6, minute=1)) == 6
    assert await spend(spent("K1/D1/U0SATO", 1)) == 6
    assert await spend(spent("K1/D2/U0SATO", 1, minute=1)) == 7


async def test_two_at_once_see_each_other(ledger: Ledger, database: Database) -> None:
    """Of twenty bookings in one moment no two read the same sum."""
    spend = spender(ledger)
    sums = await asyncio.gather(*(spend(spent(f"k{number}")) for number in range(20)))
    assert sorted(sums) == list(range(1, 21))
    async with database.reading() as connection:
        query = sa.select(sa.func.sum(uses.c.amount))
        assert (await connection.execute(query)).scalar_one() == 20


async def test_what_exceeds_a_limit_is_not_booked(ledger: Ledger) -> None:
    """The refusal says how much is used and when it fits; the place stays free for less."""
    spend = spender(ledger)
    assert await spend(spent("a", 3, most=5)) == 3
    full = await refusal(ledger, spent("b", 3, minute=4, most=5))
    assert (full.used, full.most) == (3, 5)
    assert full.resets_at == T0 + TEN_MINUTES
    assert await spend(spent("c", 2, minute=5, most=5)) == 5
    assert await spend(spent("d", 3, minute=11, most=5)) == 5


async def test_what_is_larger_than_a_limit_never_fits(ledger: Ledger) -> None:
    """There is no time at which a person could try again."""
    assert (await refusal(ledger, spent("a", 6, most=5))).resets_at is None


async def test_a_booked_key_is_not_refused_later(ledger: Ledger) -> None:
    """A lost answer makes the workflow ask again when others have taken the rest."""
    spend = spender(ledger)
    assert await spend(spent("a", 2, most=5)) == 2
    assert await spend(spent("b", 3, most=5)) == 5
    assert await spend(spent("a", 2, most=5)) == 5


async def test_of_twenty_presses_at_once_only_as_many_pass_as_the_limit(
    ledger: Ledger, database: Database
) -> None:
    """No two take the same last place."""
    book = LedgerActivities(ledger.database).book
    booked = await asyncio.gather(*(book(spent(f"k{n}", most=7)) for n in range(20)))
    assert sum(each.full is None for each in booked) == 7
    async with database.reading() as connection:
        taken = await connection.scalar(sa.select(sa.func.count()).select_from(uses))
        refused = await connection.scalar(sa.select(sa.func.count()).select_from(overruns))
    assert (taken, refused) == (7, 13)


async def test_all_uses_of_a_booking_are_booked_or_none(ledger: Ledger) -> None:
    """A detector's place is not taken if the playbook has none left."""
    book = LedgerActivities(ledger.database).book

    def both(key: str) -> Booking:
        rates = ((Power.DETECTOR, "live-chat", 5), (Power.PLAYBOOK, "off_platform", 1))
        uses = (
            Use(key=key, power=power, holder=holder, within=TEN_MINUTES, most=most)
            for power, holder, most in rates
        )
        return Booking(uses=tuple(uses), at=T0)

    assert (await book(both("a"))).totals == {Power.DETECTOR: 1, Power.PLAYBOOK: 1}
    full = (await book(both("b"))).full
    assert full is not None
    assert (full.power, full.holder) == (Power.PLAYBOOK, "off_platform")
    assert (await book(both("a"))).totals == {Power.DETECTOR: 1, Power.PLAYBOOK: 1}


async def test_a_preview_books_and_records_nothing(ledger: Ledger, database: Database) -> None:
    """It answers as the booking would: the totals, or the limit."""
    await spender(ledger)(spent("a", 3, most=5))
    limits = LimitLedger(ledger.database)
    assert (await limits.room(spent("b", 2, minute=1, most=5))).totals == {Power.ACTIONS: 5}
    full = (await limits.room(spent("b", 3, minute=1, most=5))).full
    assert full is not None
    assert (full.used, full.resets_at, full.alert) == (3, T0 + TEN_MINUTES, False)
    async with database.reading() as connection:
        keys = (await connection.execute(sa.select(uses.c.key))).scalars().all()
        refused = (await connection.execute(sa.select(overruns))).all()
    assert (keys, refused) == (["a"], [])


async def test_the_leads_are_alerted_once_in_the_time_of_a_limit(ledger: Ledger) -> None:
    """A repeated attempt gets the answer of the first; another person has an alert of their own."""
    spend = spender(ledger)
    await spend(spent("a", 5, minute=0, most=5))
    await spend(spent("x", 5, person="U0CLARK", most=5))

    async def alerts(key: str, minute: float, person: str = "U0SATO") -> bool:
        booking = spent(key, 5, person=person, minute=minute, most=5)
        return (await refusal(ledger, booking)).alert

    assert await alerts("b", 1)
    assert await alerts("b", 1)
    assert not await alerts("c", 2)
    assert await alerts("d", 2, "U0CLARK")
    await spend(spent("e", 5, minute=12, most=5))
    assert await alerts("f", 13)


async def test_a_refused_use_is_recorded(ledger: Ledger, database: Database) -> None:
    """With the case, so that it is seen and counted."""
    await spender(ledger)(spent("a", 5, most=5))
    await refusal(ledger, spent("b", 1, minute=1, most=5))
    async with database.reading() as connection:
        (row,) = (await connection.execute(sa.select(overruns))).all()
    assert (row.power, row.holder, row.case_id) == ("actions", "U0SATO", "K7Q2F9XM0")
    assert (row.used, row.most, row.seconds, row.alerted) == (5, 5, 600, True)
