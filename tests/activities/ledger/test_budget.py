"""Action budgets of people, on both databases."""

import asyncio
from datetime import timedelta

import sqlalchemy as sa

from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import spending
from tests.workflows.domain.builders import T0
from workflows.ports.cases import Spending


def spent(key: str, actions: int = 1, person: str = "U0SATO", minute: int = 0) -> Spending:
    """A booking of a number of actions at a minute, summed over the ten minutes before it."""
    at = T0 + timedelta(minutes=minute)
    since = at - timedelta(minutes=10)
    return Spending(key=key, person=person, actions=actions, at=at, since=since)


async def test_a_budget_counts_what_its_person_did_of_late(ledger: Ledger) -> None:
    """Not what others did, and not what is long ago."""
    spend = LedgerActivities(ledger.database).spend
    assert await spend(spent("a", 2)) == 2
    assert await spend(spent("b", 3, minute=10)) == 5
    assert await spend(spent("c", 1, person="U0CLARK", minute=10)) == 1
    assert await spend(spent("d", 1, minute=11)) == 4


async def test_the_same_key_is_booked_once(ledger: Ledger) -> None:
    """A lost answer makes the workflow ask again, perhaps much later."""
    spend = LedgerActivities(ledger.database).spend
    assert await spend(spent("a", 2)) == 2
    assert await spend(spent("a", 2)) == 2
    again = spent("a", 2).model_copy(update={"since": T0 + timedelta(hours=1)})
    assert await spend(again) == 2


async def test_a_later_press_takes_the_place_of_one_that_decided_nothing(ledger: Ledger) -> None:
    """It may be for more actions. A late attempt of the earlier one changes nothing."""
    spend = LedgerActivities(ledger.database).spend
    assert await spend(spent("K1/D1/U0SATO", 1)) == 1
    assert await spend(spent("K1/D1/U0SATO", 5, minute=1)) == 5
    assert await spend(spent("K1/D1/U0SATO", 6, minute=1)) == 6
    assert await spend(spent("K1/D1/U0SATO", 1)) == 6
    assert await spend(spent("K1/D2/U0SATO", 1, minute=1)) == 7


async def test_two_at_once_see_each_other(ledger: Ledger, database: Database) -> None:
    """Of twenty bookings in one moment no two read the same sum."""
    spend = LedgerActivities(ledger.database).spend
    sums = await asyncio.gather(*(spend(spent(f"k{number}")) for number in range(20)))
    assert sorted(sums) == list(range(1, 21))
    async with database.reading() as connection:
        query = sa.select(sa.func.sum(spending.c.actions))
        assert (await connection.execute(query)).scalar_one() == 20
