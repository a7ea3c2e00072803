"""ASGI server on a loopback port, running for the length of an `async with` block."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
# Open event streams never end by themselves; they must not delay the shutdown.
GRACE_SECONDS = 1


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Stops accepting requests; open ones get `GRACE_SECONDS`."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Returns at once after `end`; uvicorn polls its flag every 0.1 s."""
        ticking = asyncio.create_task(super().main_loop())
        try:
            await self._ended.wait()
        finally:
            ticking.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process that runs several servers."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Yields the base url, `http://127.0.0.1:PORT`; port 0 takes a free one.

    OSError when the port is taken.
    """
    with socket.create_server((HOST, port)) as listener:
        config = uvicorn.Config(
            app,
            log_level="warning",
            timeout_graceful_shutdown=GRACE_SECONDS,
            # Longer than clients keep a connection, so that none is closed at its reuse.
            timeout_keep_alive=60,
            lifespan="on",
        )
        server = Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await _started(server, task)
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.end()
            await task


async def _started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            await task
            raise RuntimeError("the server stopped before it started")
        await asyncio.sleep(0.005)
