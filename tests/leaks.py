"""The tasks that a test leaves running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.sandbox.slack.person import wait_until

SETTLES = 60.0
"""Seconds for tasks that are about to end, like a closed connection's."""


@asynccontextmanager
async def no_task_left() -> AsyncIterator[None]:
    """Fails where a task of the block still runs a while after its end."""
    before = asyncio.all_tasks()

    def left() -> list[str]:
        mine = asyncio.all_tasks() - before - {asyncio.current_task()}
        return [task.get_name() + " " + repr(task.get_coro()) for task in mine]

    yield
    try:
        await wait_until(lambda: not left(), SETTLES)
    except TimeoutError:
        raise AssertionError(f"tasks that still run: {left()}") from None
