"""Task leaks: asyncio tasks that a test leaves running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.sandbox.slack.person import wait_until

SETTLES = 60.0
"""Seconds for tasks that are about to end, such as those of a closed connection."""


@asynccontextmanager
async def no_task_left(within: float = SETTLES) -> AsyncIterator[None]:
    """Fails when a task of the block still runs `within` seconds after its end."""
    before = asyncio.all_tasks()

    def left() -> list[str]:
        mine = asyncio.all_tasks() - before - {asyncio.current_task()}
        return [task.get_name() + " " + repr(task.get_coro()) for task in mine]

    yield
    try:
        await wait_until(lambda: not left(), within)
    except TimeoutError:
        raise AssertionError(f"tasks that still run: {left()}") from None
