"""Migrated ledgers: one in SQLite and one in a real PostgreSQL; also with a closed case."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from activities.ledger.activities import RetentionActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database, migrate
from activities.ledger.erasure import SubjectEraser
from activities.ledger.queries import Queries
from activities.signatures import Signer
from tests.activities.ledger.personal_data import RULES, SIGNER, closed_case
from tests.activities.ledger.recording import opening
from tests.postgres import Postgres, postgres_server

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with (
        TemporaryDirectory(prefix="koban-") as folder,
        postgres_server(Path(folder, "postgres")) as server,
    ):
        yield server


@pytest.fixture(scope="session")
async def copied(postgres: Postgres) -> Postgres:
    """PostgreSQL with a migrated database as the template for tests."""
    database = Database(await postgres.fresh(TEMPLATE))
    await migrate(database)
    await database.aclose()
    return postgres


@pytest.fixture(params=["migrated", "copied"], ids=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest) -> str | Postgres:
    """The SQLite file or PostgreSQL database that is copied for a test."""
    found: Path | Postgres = request.getfixturevalue(request.param)
    return str(found) if isinstance(found, Path) else found


@pytest.fixture
async def url(source: str | Postgres, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if isinstance(source, str):
        return f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    return await source.fresh(f"koban_{uuid4().hex[:12]}")


@pytest.fixture
def signer() -> Signer:
    """No keys, unless a module has its own."""
    return Signer()


@pytest.fixture
async def database(
    source: str | Postgres, tmp_path: Path, signer: Signer
) -> AsyncIterator[Database]:
    """A migrated database of a process with these keys."""
    if isinstance(source, str):
        file = shutil.copy(source, tmp_path / "ledger.db")
        made = Database(f"sqlite+aiosqlite:///{file}", signer)
    else:
        made = Database(await source.fresh(f"koban_{uuid4().hex[:12]}", TEMPLATE), signer)
    yield made
    await made.aclose()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Write access to the ledger."""
    return Ledger(database)


@pytest.fixture
def queries(database: Database) -> Queries:
    """Read access to the ledger."""
    return Queries(database)


@pytest.fixture
async def closed(ledger: Ledger) -> Ledger:
    """A ledger with one closed case."""
    await ledger.record(opening())
    await ledger.record(closed_case())
    return ledger


@pytest.fixture
def retention(database: Database) -> RetentionActivities:
    """Erasure by kind, with times for all."""
    return RetentionActivities(database, SIGNER, lambda: RULES)


@pytest.fixture
def subjects(database: Database) -> SubjectEraser:
    """Erasure by subject."""
    return SubjectEraser(database, SIGNER)
