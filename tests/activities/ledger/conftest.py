"""A migrated ledger, once in SQLite and once in a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from activities.ledger.database import Database, migrate
from activities.ledger.ledger import Ledger
from activities.ledger.queries import Queries
from tests.postgres import postgres_server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running PostgreSQL, without a database name."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    server = request.getfixturevalue("postgres")
    return await server.fresh(f"koban_{uuid4().hex[:12]}")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A migrated database."""
    made = Database(url)
    await migrate(made)
    yield made
    await made.aclose()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """The writing side."""
    return Ledger(database)


@pytest.fixture
def queries(database: Database) -> Queries:
    """The reading side."""
    return Queries(database)
