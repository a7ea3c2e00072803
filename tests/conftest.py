"""Shared servers and fixtures of all tests."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser, async_playwright, expect
from temporalio.client import Client

from activities.ledger.database import Database, migrate
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from deploy.sandbox.temporal import temporal_server
from tests import cleanup
from tests.environment import Environment, koban
from tests.selection import give_time, part_of, select, take_examples

# How long an example takes says how busy the machine is.
settings.register_profile("koban", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("koban")
expect.set_options(timeout=WAIT_SECONDS * 1000)

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all` runs every test, `--rest` only those that a usual run leaves out."""
    parser.addoption("--all", action="store_true", help="the long tests and all wide ones, too")
    parser.addoption("--rest", action="store_true", help="only what a usual run leaves out")


def pytest_configure(config: pytest.Config) -> None:
    """Sets the logs and the number of examples before any module or fixture needs them."""
    _log_plainly()
    take_examples(part_of(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests and most of the wide ones are left to `make test-all`."""
    give_time(items)
    select(config, items)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Notes failures for the cleanup."""
    cleanup.note(item, call)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Cancels a timed-out test before its fixtures end."""
    cleanup.end_what_runs(item)


@pytest.fixture(scope="session", autouse=True)
async def loop() -> asyncio.AbstractEventLoop:
    """The event loop of the session."""
    return asyncio.get_running_loop()


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ends last, because it is a test's first fixture."""
    yield from cleanup.freed(request.node)


@pytest.fixture(scope="session", autouse=True)
def certificates() -> Iterator[None]:
    """Cached certificates: every HTTP client loads them, which takes 0.02 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssl.create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Sets the logs again after a test that reset them."""
    _log_plainly()


def _log_plainly() -> None:
    """Tracebacks without variables: structlog's own take seconds on a busy machine."""
    if not structlog.is_configured():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can read.

    It is not below pytest's folder, which each run on this machine closes to other users.
    """
    with TemporaryDirectory(prefix="koban-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite ledger, for tests to copy."""
    file = tmp_path_factory.mktemp("ledger") / "migrated.db"
    database = Database(f"sqlite+aiosqlite:///{file}")
    await migrate(database)
    await database.aclose()
    return file


@asynccontextmanager
async def a_browser(path: str) -> AsyncIterator[Browser]:
    """A headless Chromium, ended with the block or with this process."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium of this machine; without it the tests are skipped."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (looked for: " + ", ".join(NAMES) + ")")
    async with a_browser(path) as chromium:
        yield chromium


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


STARTS = 5
"""Attempts to start a server, because another process may take its port."""


@asynccontextmanager
async def a_server(folder: Path, *more: str) -> AsyncIterator[str]:
    """The address of a real Temporal server; `more` are dynamic configuration values."""
    for _ in range(STARTS):
        port = free_port()
        server = temporal_server(folder, port, more=more)
        await server.start()
        try:
            await wait_until(partial(_answers_or_ended, server, port), what="Temporal's dev server")
            if server.running:
                yield f"127.0.0.1:{port}"
                return
        finally:
            await server.kill()
    raise RuntimeError(f"Temporal's dev server ended: {server.last_words()}")


async def _answers_or_ended(server: Process, port: int) -> bool:
    try:
        await Client.connect(f"127.0.0.1:{port}")
    except RuntimeError:
        return not server.running
    return True


@pytest.fixture(scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a real Temporal server, ended with the session."""
    async with a_server(tmp_path_factory.mktemp("temporal")) as address:
        yield address


@pytest.fixture
async def env(
    temporal: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Environment]:
    """A running Koban with its own environment."""
    async with koban(temporal, tmp_path) as made:
        yield made
        if request.node.stash.get(cleanup.FAILED, False):
            await made.print_pending()
