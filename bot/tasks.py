"""Asyncio tasks of a process: background work, cancellation on a stop event, connection retries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts to connect: doubled up to the longest."""

T = TypeVar("T")

log = structlog.get_logger()


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` beside the block and cancels it at the block's end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def run_until_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """Returns the result of `work`; None when `stop` was set first, which cancels `work`."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return await task
    task.cancel()
    await asyncio.wait([task])
    return None


async def until_connected(
    connect: Callable[[], Awaitable[T]], unreachable: type[Exception], name: str, address: str
) -> T:
    """Returns the result of `connect`, called with growing pauses while it raises `unreachable`.

    Logs `{name}_away` after the first failure, and `{name}_back` once connected.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            connected = await connect()
        except unreachable as error:
            if pause == FIRST_PAUSE:
                log.warning(f"{name}_away", address=address, problem=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            if pause > FIRST_PAUSE:
                log.info(f"{name}_back", address=address)
            return connected


class Background:
    """Tasks after acks. Bolt keeps no strong reference to its own and does not await them."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs `work` in the background; errors are logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def start_endless(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs endless work, which `drain` cancels at once."""
        task = self.start(work)
        self._endless.add(task)
        task.add_done_callback(self._endless.discard)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_work_failed", exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Waits for running tasks, and cancels the rest after `seconds`."""
        for task in self._endless:
            task.cancel()
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
