"""Audit of the hash chains: finds changes and nothing else."""

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database, Row
from activities.ledger.event_log import verify
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
