"""What a case has under way beside its main loop."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow


class Errands:
    """Keeps hold of running errands: asyncio itself would let them be collected."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        """Whether any errand is under way."""
        return bool(self._running)

    def run(self, errand: Coroutine[Any, Any, None]) -> None:
        """Starts `errand`."""
        task = asyncio.create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def run_all(self, errands: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Starts each of them."""
        for errand in errands:
            self.run(errand)


async def ends(task: asyncio.Task[None] | None, patience: timedelta) -> bool:
    """Waits for `task`, and calls it off after `patience`; whether it ended by itself."""
    if task is None or task.done():
        return True
    with suppress(TimeoutError):
        await workflow.wait_condition(task.done, timeout=patience)
        return True
    task.cancel()
    await workflow.wait_condition(task.done)
    return not task.cancelled()
