"""Read-only sources with limits: DuckDB, SQLite and a real PostgreSQL."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import duckdb
import pytest
from sqlalchemy.engine import make_url

from activities.detectors.sources import QueryFailed, plain, query
from tests.postgres import Postgres, postgres_server
from workflows.domain.detection import RunProblemKind, Window
from workflows.domain.policy.detectors import QueryLimits

START = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = Window(since=START + timedelta(hours=5), until=START + timedelta(hours=5, minutes=3))
BIDS = "SELECT * FROM bids WHERE seen_at > :since AND seen_at <= :until ORDER BY seen_at"
PATIENT = QueryLimits(seconds=120)
TABLE = "CREATE TABLE bids (bidder text, seen_at timestamp)"
BACKENDS = ("duckdb", "sqlite", "postgresql")


def rows() -> list[tuple[str, str]]:
    """Returns a bid each minute, for ten hours."""
    times = (START + timedelta(minutes=n) for n in range(600))
    return [(f"u_{n}", at.strftime("%Y-%m-%d %H:%M:%S")) for n, at in enumerate(times)]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with (
        TemporaryDirectory(prefix="koban-") as folder,
        postgres_server(Path(folder, "postgres")) as running,
    ):
        yield running


async def in_postgres(server: Postgres) -> str:
    """Returns the URL of a database with the bids."""
    url = await server.fresh("warehouse")
    connection = await asyncpg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    )
    await connection.execute(TABLE)
    await connection.executemany(
        "INSERT INTO bids VALUES ($1, $2)",
        [(bidder, datetime.fromisoformat(at)) for bidder, at in rows()],
    )
    await connection.close()
    return url.replace("+asyncpg", "")


def in_file(backend: str, folder: Path) -> str:
    """Returns the URL of a file with the bids."""
    file = folder / f"bids.{backend}"
    connection = duckdb.connect(str(file)) if backend == "duckdb" else sqlite3.connect(file)
    connection.execute(TABLE)
    connection.executemany("INSERT INTO bids VALUES (?, ?)", rows())
    if isinstance(connection, sqlite3.Connection):
        connection.commit()
    connection.close()
    return f"{backend}:///{file}"


@pytest.fixture(scope="module")
async def urls(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same bids in each database."""
    folder = tmp_path_factory.mktemp("sources")
    files = {name: in_file(name, folder) for name in ("duckdb", "sqlite")}
    return {**files, "postgresql": await in_postgres(server)}


async def failure(url: str, sql: str, limits: QueryLimits = PATIENT) -> QueryFailed:
    """Returns the failure of a query."""
    with pytest.raises(QueryFailed) as caught:
        await query(url, sql, WINDOW, limits)
    return caught.value


@pytest.mark.parametrize("backend", BACKENDS)
async def test_the_bounds_of_the_window_are_parameters(urls: dict[str, str], backend: str) -> None:
    """A time without a zone is UTC; the later bound is included, the earlier is not."""
    found = await query(urls[backend], BIDS, WINDOW, PATIENT)
    assert found.columns == ("bidder", "seen_at")
    assert [row["bidder"] for row in found.rows] == ["u_301", "u_302", "u_303"]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_more_rows_than_the_limit_are_refused(urls: dict[str, str], backend: str) -> None:
    """A million of them would fill the memory: at most one more than the limit is kept."""
    found = await failure(urls[backend], BIDS, QueryLimits(rows=2, seconds=120))
    assert found.kind is RunProblemKind.TOO_MANY


@pytest.mark.parametrize("backend", BACKENDS)
async def test_the_databases_own_words_are_kept(urls: dict[str, str], backend: str) -> None:
    """Its owner reads what to mend."""
    found = await failure(urls[backend], BIDS.replace("FROM bids", "FROM offers"))
    assert found.kind is RunProblemKind.REFUSED
    assert "offers" in found.detail


ENDLESS = {
    "duckdb": "SELECT sum(a.range * b.range) AS x FROM range(10000000) a, range(10000000) b"
    " WHERE :since < :until",
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    " SELECT x FROM c WHERE x < 0 AND :since < :until",
    "postgresql": "SELECT count(*) AS x FROM generate_series(1, 1000000000000)"
    " WHERE :since < :until",
}


@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_query_without_end_is_ended(urls: dict[str, str], backend: str) -> None:
    """By the source where it can, and here in any case; the next query runs."""
    found = await failure(urls[backend], ENDLESS[backend], QueryLimits(seconds=1))
    assert found.kind is RunProblemKind.TOO_SLOW
    assert len((await query(urls[backend], BIDS, WINDOW, PATIENT)).rows) == 3


WRITES = {
    "duckdb": "CREATE TABLE z AS SELECT :since AS a, :until AS b",
    "sqlite": "INSERT INTO bids VALUES (:since, :until)",
    "postgresql": "INSERT INTO bids VALUES ('u_new', now()) RETURNING :since, :until",
}


@pytest.mark.parametrize("backend", BACKENDS)
async def test_the_session_can_not_write(urls: dict[str, str], backend: str) -> None:
    """Also for a statement that the proof would have let through."""
    found = await failure(urls[backend], WRITES[backend])
    assert found.kind is RunProblemKind.REFUSED
    counted = "SELECT count(*) AS n FROM bids WHERE :since < :until"
    assert (await query(urls[backend], counted, WINDOW, PATIENT)).rows == ({"n": 600},)


async def test_a_query_reaches_no_file(urls: dict[str, str]) -> None:
    """DuckDB would read any file of the machine."""
    sql = "SELECT * FROM '/etc/passwd' WHERE :since < :until"
    found = await failure(urls["duckdb"], sql)
    assert found.kind is RunProblemKind.REFUSED


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://koban@127.0.0.1:1/none", RunProblemKind.UNREACHABLE),
        ("mysql://koban@127.0.0.1/none", RunProblemKind.NO_SOURCE),
        ("no address", RunProblemKind.NO_SOURCE),
    ],
)
async def test_a_source_that_is_not_there_is_named(url: str, kind: RunProblemKind) -> None:
    """The address is no part of the message: it has a password."""
    found = await failure(url, BIDS)
    assert found.kind is kind
    assert "koban@" not in found.detail


async def test_a_cancelled_query_ends(urls: dict[str, str]) -> None:
    """A worker that stops does not wait for it."""
    limits = QueryLimits(seconds=600)
    running = asyncio.create_task(query(urls["duckdb"], ENDLESS["duckdb"], WINDOW, limits))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_values_become_what_json_has() -> None:
    """Numbers, times and lists; what it can't hold is no value."""
    from decimal import Decimal
    from uuid import UUID

    id_ = UUID("123e4567-e89b-12d3-a456-426614174000")
    given = {
        "whole": Decimal("3.00"),
        "part": Decimal("0.25"),
        "nan": float("nan"),
        "bytes": b"x",
        "id": id_,
        "at": datetime(2026, 1, 1, 9, tzinfo=UTC),
        "list": [1, Decimal("NaN")],
    }
    assert plain(given) == {
        "whole": 3,
        "part": 0.25,
        "nan": None,
        "bytes": None,
        "id": str(id_),
        "at": "2026-01-01T09:00:00+00:00",
        "list": [1, None],
    }
