"""A PostgreSQL that is killed and comes back: away is always the same error."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.errors import LedgerUnavailable
from deploy.sandbox.slack.person import wait_until
from tests.chaos.postgres import Postgres


async def test_a_database_that_starts_up_again_counts_as_away(tmp_path: Path) -> None:
    """It takes connections for a moment, only to say that it can't be asked yet."""
    server = Postgres(tmp_path)
    await server.process.start()
    try:
        await wait_until(server.answers, 20)
        database = Database(server.url("postgres"))
        asking = [asyncio.create_task(_asked_in_vain(database)) for _ in range(8)]
        await server.kill()
        await server.process.start()
        assert {each for task in asking for each in await task} == {LedgerUnavailable}
        await database.aclose()
    finally:
        await server.kill()


async def _asked_in_vain(database: Database) -> set[type[Exception]]:
    """The errors of asking until the server has been away and is back."""
    seen = set[type[Exception]]()

    async def answers() -> bool:
        try:
            async with database.reading() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 -- which ones come is the question
            seen.add(type(error))
            return False
        return bool(seen)

    await wait_until(answers, 20)
    return seen
