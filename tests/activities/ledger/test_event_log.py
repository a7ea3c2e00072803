"""Erasure of an event, and a ledger that is written to during its verification."""

from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.event_log import erase
from activities.ledger.queries import Queries
from activities.ledger.schema import events
from activities.ledger.verification import Verifier
from tests.activities.ledger.recording import following, opening
from tests.workflows.domain.builders import SATO, a_case
from workflows.domain.case import commands as cmd

CASE = "K7Q2F9XM0"


async def findings(database: Database) -> tuple[str, ...]:
    """The faults of the ledger."""
    return (await Verifier(database).run()).findings


async def test_a_case_that_goes_on_meanwhile_is_whole(ledger: Ledger, database: Database) -> None:
    """An event that is written during the verification is not reported as missing."""
    await ledger.record(opening())
    written = following(a_case(), cmd.Claim(by=SATO))
    busy = sa.event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    done: list[bool] = []

    @busy
    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        # The first statement of the verification has set its moment; the rest come after it.
        if "audit_heads" in statement and not done:
            done.append(True)
            connection = sa.util.await_only(ledger.record(written))
            assert connection is None

    assert await findings(database) == ()
    assert done
    assert (await Verifier(database).run()).events == 2


async def test_a_case_without_any_event_is_found(ledger: Ledger, database: Database) -> None:
    """A row without events is reported."""
    await ledger.record(opening())
    await database.execute(sa.delete(events))
    assert await findings(database) == (f"{CASE}: event 1: an event is missing.",)


@pytest.mark.parametrize("left", [None, {"note": None}])
async def test_an_erased_event_still_verifies(
    ledger: Ledger, queries: Queries, database: Database, left: dict[str, Any] | None
) -> None:
    """The data and the salt of an event are gone, its chain holds, and the case goes on."""
    await ledger.record(opening())
    written = following(a_case(), cmd.AddNote(by=SATO, note="u_123 は090-1234-5678"))
    await ledger.record(written)
    async with database.writing() as connection:
        await connection.run_sync(erase, database.audit, CASE, {2: left})
    erased = (await queries.events_of(CASE))[1]
    assert (erased["data"], erased["salt"]) == (left, None)
    assert await findings(database) == ()
    await ledger.record(written)
    assert (await queries.events_of(CASE))[1:] == [erased]


@pytest.mark.parametrize("values", [{"data": {"note": "another"}}, {"data": None, "salt": None}])
async def test_data_that_was_changed_or_removed_is_found(
    ledger: Ledger, database: Database, values: dict[str, Any]
) -> None:
    """Without an entry of the erasure, other data or none is a break."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.AddNote(by=SATO, note="x")))
    await database.execute(sa.update(events).where(events.c.seq == 2).values(values))
    assert await findings(database) == (f"{CASE}: event 2: its data was changed or removed.",)
