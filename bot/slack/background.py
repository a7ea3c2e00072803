"""Work after the ack: held on to, finished before the process ends, and never failing silently."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class Background:
    """Bolt's own tasks have no strong reference and are not waited for; these are."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs `work` beside the request; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def beside(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs what has no end of its own and nothing to lose: `drain` cancels it at once."""
        task = self.start(work)
        self._endless.add(task)
        task.add_done_callback(self._endless.discard)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background_work_failed", exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Waits for what is running, then cancels what is left."""
        for task in self._endless:
            task.cancel()
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
