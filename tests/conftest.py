"""The servers that all tests share."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.temporal import temporal_server
from tests.world import World, koban


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a real Temporal server, ended with the session."""
    port = free_port()
    server = temporal_server(tmp_path_factory.mktemp("temporal"), port)
    await server.start()
    address = f"127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            await Client.connect(address)
        except RuntimeError:
            return False
        return True

    await wait_until(answers, 30, what="Temporal's dev server")
    yield address
    await server.kill()


@pytest.fixture
async def world(temporal: str, tmp_path: Path) -> AsyncIterator[World]:
    """A running Koban in a world of its own."""
    async with koban(temporal, tmp_path) as made:
        yield made
