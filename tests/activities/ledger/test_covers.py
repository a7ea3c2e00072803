"""Covers of roles, on both databases."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import covers
from activities.ledger.team import Covers
from tests.workflows.domain.builders import T0
from workflows.domain.people import Cover, Role

TANAKA_S = Cover(role=Role.LEAD, person="U0TANAKA", until=T0 + timedelta(hours=3))


@pytest.fixture
def book(database: Database) -> Covers:
    """The covers of an empty ledger."""
    return Covers(database)


async def rows(database: Database) -> list[tuple[str, str, datetime | None]]:
    """Every row with the time of its end."""
    query = sa.select(covers.c.person, covers.c.covers_for, covers.c.ended_at)
    async with database.reading() as connection:
        found = (await connection.execute(query.order_by(covers.c.id))).all()
    return [(row.person, row.covers_for, row.ended_at) for row in found]


async def test_a_cover_is_valid_until_its_time(ledger: Ledger, book: Covers) -> None:
    """The activity returns the covers that are valid at the worker's time."""
    await book.begin("U0SATO", TANAKA_S, T0)
    for minute, valid in ((0, (TANAKA_S,)), (179, (TANAKA_S,)), (180, ())):
        at = T0 + timedelta(minutes=minute)
        activities = LedgerActivities(ledger.database, lambda at=at: at)
        assert await activities.covers_of("U0SATO") == valid
    assert await LedgerActivities(ledger.database, lambda: T0).covers_of("U0TANAKA") == ()


async def test_an_ended_cover_stays_on_record(book: Covers, database: Database) -> None:
    """Only the covers for this person end; a second call ends nothing."""
    reed = TANAKA_S.model_copy(update={"person": "U0REED"})
    await book.begin("U0SATO", TANAKA_S, T0)
    await book.begin("U0CLARK", TANAKA_S, T0)
    await book.begin("U0TANAKA", reed, T0)
    later = T0 + timedelta(hours=1)
    assert await book.end("U0TANAKA", later) == 2
    assert await book.end("U0TANAKA", later) == 0
    assert await book.of("U0SATO", later) == ()
    assert await book.of("U0TANAKA", later) == (reed,)
    assert await rows(database) == [
        ("U0SATO", "U0TANAKA", later),
        ("U0CLARK", "U0TANAKA", later),
        ("U0TANAKA", "U0REED", None),
    ]


async def test_a_new_cover_replaces_the_old_one(book: Covers, database: Database) -> None:
    """One cover for each pair of people is active; both stay on record."""
    longer = TANAKA_S.model_copy(update={"until": T0 + timedelta(hours=8)})
    later = T0 + timedelta(minutes=5)
    await book.begin("U0SATO", TANAKA_S, T0)
    await book.begin("U0SATO", longer, later)
    assert await book.of("U0SATO", later) == (longer,)
    assert await rows(database) == [("U0SATO", "U0TANAKA", later), ("U0SATO", "U0TANAKA", None)]


async def test_a_person_sees_both_sides(book: Covers) -> None:
    """The list has covers by the person and for the person."""
    await book.begin("U0SATO", TANAKA_S, T0)
    for person in ("U0SATO", "U0TANAKA"):
        (one,) = await book.around(person, T0)
        assert (one.person, one.covers_for, one.role) == ("U0SATO", "U0TANAKA", Role.LEAD)
    assert await book.around("U0CLARK", T0) == ()


async def test_another_lead_ends_what_somebody_gives_or_has(
    book: Covers, database: Database
) -> None:
    """The row has who ended it; other people's covers stay active."""
    reed = TANAKA_S.model_copy(update={"person": "U0REED"})
    await book.begin("U0SATO", TANAKA_S, T0)
    await book.begin("U0TANAKA", reed, T0)
    await book.begin("U0CLARK", reed, T0)
    later = T0 + timedelta(hours=1)
    ended = await book.end_around("U0TANAKA", "U0ADMIN", later)
    assert [(each.person, each.covers_for) for each in ended] == [
        ("U0SATO", "U0TANAKA"),
        ("U0TANAKA", "U0REED"),
    ]
    assert list(await book.end_around("U0TANAKA", "U0ADMIN", later)) == []
    assert [(each.person, each.covers_for) for each in await book.all(later)] == [
        ("U0CLARK", "U0REED")
    ]
    async with database.reading() as connection:
        found = await connection.execute(sa.select(covers.c.ended_by).order_by(covers.c.id))
        assert found.scalars().all() == ["U0ADMIN", "U0ADMIN", None]


async def test_who_ends_their_own_is_on_record(book: Covers, database: Database) -> None:
    """This includes a cover that is replaced by a new one."""
    await book.begin("U0SATO", TANAKA_S, T0)
    await book.begin("U0SATO", TANAKA_S, T0)
    await book.end("U0TANAKA", T0)
    async with database.reading() as connection:
        found = await connection.execute(sa.select(covers.c.ended_by))
        assert found.scalars().all() == ["U0TANAKA", "U0TANAKA"]


async def test_covers_of_a_role_are_listed(book: Covers) -> None:
    """The longest cover comes first."""
    reed = Cover(role=Role.LEAD, person="U0REED", until=T0 + timedelta(hours=5))
    await book.begin("U0SATO", TANAKA_S, T0)
    await book.begin("U0CLARK", reed, T0)
    assert await book.of_role(Role.LEAD, T0) == (
        ("U0CLARK", "U0REED"),
        ("U0SATO", "U0TANAKA"),
    )
    assert await book.of_role(Role.SPECIALIST, T0) == ()
