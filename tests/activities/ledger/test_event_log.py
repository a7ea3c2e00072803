"""Audit of the hash chains: finds changes and nothing else."""

from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database, Row
from activities.ledger.event_log import erase, verify
from activities.ledger.queries import Queries
from activities.ledger.rows import Link
from activities.ledger.schema import events
from tests.activities.ledger.recording import following, opening
from tests.workflows.domain.builders import SATO, a_case
from workflows.domain.case import commands as cmd


class Busy(Queries):
    """A ledger that is written to just after `moment`, during the audit."""

    def __init__(self, database: Database, moment: str) -> None:
        super().__init__(database)
        self._ledger = Ledger(database)
        self._moment = moment

    async def _goes_on(self, moment: str) -> None:
        if moment == self._moment:
            self._moment = ""
            await self._ledger.record(following(a_case(), cmd.Claim(by=SATO)))

    async def case(self, case: str) -> Row | None:
        """The row of the case."""
        found = await super().case(case)
        await self._goes_on("row")
        return found

    async def chain(self, case: str) -> list[Link]:
        """The events of the case."""
        found = await super().chain(case)
        await self._goes_on("chain")
        return found


@pytest.mark.parametrize("moment", ["row", "chain"])
async def test_a_case_that_goes_on_meanwhile_is_whole(
    ledger: Ledger, database: Database, moment: str
) -> None:
    """An event that is written during the audit is not reported as missing."""
    await ledger.record(opening())
    assert (await verify(Busy(database, moment))).broken == ()
    assert (await verify(Queries(database))).events == 2


async def test_a_case_without_any_event_is_found(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """A row without events is reported."""
    await ledger.record(opening())
    async with database.writing() as connection:
        await connection.execute(sa.delete(events))
    assert [(b.seq, b.why) for b in (await verify(queries)).broken] == [(1, "an event is missing")]


@pytest.mark.parametrize("left", [None, {"note": None}])
async def test_an_erased_event_still_verifies(
    ledger: Ledger, queries: Queries, database: Database, left: dict[str, Any] | None
) -> None:
    """The data and the salt of an event are gone, its chain holds, and the case goes on."""
    await ledger.record(opening())
    written = following(a_case(), cmd.AddNote(by=SATO, note="u_123 は090-1234-5678"))
    await ledger.record(written)
    async with database.writing() as connection:
        await connection.run_sync(erase, database.audit, a_case().id, {2: left})
    erased = (await queries.chain(a_case().id))[1]
    assert (erased.data, erased.salt) == (left, None)
    assert (await verify(queries)).broken == ()
    await ledger.record(written)
    assert (await queries.chain(a_case().id))[1:] == [erased]


@pytest.mark.parametrize("values", [{"data": {"note": "another"}}, {"data": None, "salt": None}])
async def test_data_that_was_changed_or_removed_is_found(
    ledger: Ledger, queries: Queries, database: Database, values: dict[str, Any]
) -> None:
    """Without an entry of the erasure, other data or none is a break."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.AddNote(by=SATO, note="x")))
    await database.execute(sa.update(events).where(events.c.seq == 2).values(values))
    broken = [(b.seq, b.why) for b in (await verify(queries)).broken]
    assert broken == [(2, "its data was changed or removed")]
