"""Outage of PostgreSQL: a killed server always raises the same error."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from activities.ledger.database import Database, LedgerRefused, LedgerUnavailable, migrate
from deploy.sandbox.slack.person import wait_until
from tests.chaos.postgres import Postgres
from tests.postgres import postgres_server


async def test_a_database_that_starts_up_again_counts_as_away(open_folder: Path) -> None:
    """PostgreSQL accepts connections during startup, but no queries."""
    server = Postgres(open_folder)
    await server.process.start()
    try:
        await wait_until(server.answers, what="PostgreSQL")
        database = Database(server.url("postgres"))
        asking = [asyncio.create_task(_failed_queries(database)) for _ in range(8)]
        await server.kill()
        await server.process.start()
        assert {each for task in asking for each in await task} == {LedgerUnavailable}
        await database.aclose()
    finally:
        await server.kill()


async def _failed_queries(database: Database) -> set[type[Exception]]:
    """The errors of all queries during one outage of the server."""
    seen = set[type[Exception]]()

    async def answers() -> bool:
        try:
            async with database.reading() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 -- which ones come is the question
            seen.add(type(error))
            return False
        return bool(seen)

    await wait_until(answers, what="PostgreSQL, after an outage")
    return seen


async def test_a_refused_connection_differs_from_an_outage(
    tmp_path: Path, open_folder: Path
) -> None:
    """A missing database, user or file needs a corrected address, not a retry."""
    (tmp_path / "text").write_text("no database at all" * 100, "utf-8")
    with postgres_server(open_folder / "postgres") as server:
        url = make_url(await server.fresh("koban"))
        for wrong in (
            url.set(database="nowhere"),
            url.set(username="mallory"),
            make_url(f"sqlite+aiosqlite:///{tmp_path}/nowhere/koban.db"),
            make_url(f"sqlite+aiosqlite:///{tmp_path}/text"),
        ):
            database = Database(wrong.render_as_string(hide_password=False))
            with pytest.raises(LedgerRefused):
                await migrate(database)
            await database.aclose()
