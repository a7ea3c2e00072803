"""What a case has under way beside its main loop."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


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
