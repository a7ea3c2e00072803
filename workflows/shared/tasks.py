"""Background tasks of a workflow: kept alive, cancelled in time, and with their errors reported."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows.activity_options import is_forged

MOST = 25
"""Decisions in one workflow task. Temporal fails a task that runs for 2 s without yielding
(`TMPRL1101`), and a busy machine is several times slower than an idle one."""

PATIENCE = timedelta(seconds=5)
"""A write that takes longer is cancelled for a new history."""


class Tasks:
    """Running tasks. asyncio alone would let them be collected, and their errors with them."""

    def __init__(self, reports_to: "Tasks | None" = None) -> None:
        """Failures are also noted in `reports_to`."""
        self._running: set[asyncio.Task[None]] = set()
        self._reports_to = reports_to
        self._failure: BaseException | None = None

    def __bool__(self) -> bool:
        """Whether any task is running."""
        return bool(self._running)

    @property
    def failed(self) -> bool:
        """Whether a task ended with an error."""
        return self._failure is not None

    def raise_failure(self) -> None:
        """Raises if a task failed: the workflow stops until a worker has the fix.

        Forged results end it, see `workflows.shared.machine`.
        """
        if self._failure is not None and is_forged(self._failure):
            raise self._failure
        if self._failure is not None:
            raise RuntimeError("a background task failed") from self._failure

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts `work`."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._note(task.exception())

    def _note(self, failure: BaseException | None) -> None:
        self._failure = self._failure or failure
        if self._reports_to is not None:
            self._reports_to._note(failure)


class Lane:
    """At most one task at a time, which works a queue off."""

    def __init__(self, tasks: Tasks, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`work` returns once its queue is empty."""
        self._tasks = tasks
        self._work = work
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether the task is running."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Starts the task unless it is running."""
        if not self.busy:
            self._task = self._tasks.run(self._work())

    async def ends(self, within: timedelta = PATIENCE) -> bool:
        """Waits for the task, and cancels it after `within`; returns whether it ended by itself."""
        task = self._task
        if task is None or task.done():
            return True
        with suppress(TimeoutError):
            await workflow.wait_condition(task.done, timeout=within)
            return True
        task.cancel()
        await workflow.wait_condition(task.done)
        return not task.cancelled()


class TaskBudget:
    """Limit of the work in one workflow task; the rest continues in the next one."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._task = 0
        self._spent = 0

    def book(self, cost: int = 1) -> None:
        """Books `cost` in this workflow task."""
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._spent = task, 0
        self._spent += cost

    async def spend(self, cost: int = 1) -> None:
        """Books `cost`, and waits for the next workflow task if this one is over the limit."""
        self.book(cost)
        if self._spent > self._most:
            await workflow.sleep(timedelta(milliseconds=1))
