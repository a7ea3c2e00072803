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
