"""Bringing the database to the newest shape, safely when several processes start at once."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from activities.ledger.database import Database
from activities.ledger.tables import metadata

# Any fixed number will do: it names Koban's migrations among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6261
_SCRIPTS = Path(__file__).parent / "migrations"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(_SCRIPTS))
    made.set_main_option("path_separator", "os")
    return made


async def migrate(database: Database) -> None:
    """Upgrades to the newest revision. Raises `LedgerUnavailable`."""
    async with database.writing() as connection:
        if not database.is_sqlite:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> None:
    script = ScriptDirectory.from_config(config())

    def newest(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config(), script, fn=newest) as environment:
        environment.configure(connection=connection, target_metadata=metadata)
        environment.run_migrations()
