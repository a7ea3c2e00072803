"""Writes an appeal's events into the ledger, in their order, without holding the appeal up."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.appealing import ports
from workflows.appealing.ports import Against, AppealEntry
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.appealing.state import Appeal, Appealed
from workflows.domain.memory import CardRef

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)
)
_ONE_TRY = timedelta(seconds=10)


async def load(against: Against) -> Appealed | None:
    """What is appealed against, for as long as the ledger takes to tell."""
    return await workflow.execute_local_activity(
        ports.load_appealed, against, start_to_close_timeout=_ONE_TRY, retry_policy=_RETRY
    )


async def write(entry: AppealEntry) -> bool:
    """One entry, for as long as it takes."""
    return await workflow.execute_local_activity(
        ports.record_appeal, entry, start_to_close_timeout=_ONE_TRY, retry_policy=_RETRY
    )


class AppealBook:
    """What is not written yet. Every write is idempotent, so that a lost answer is harmless."""

    def __init__(self) -> None:
        self._events: list[AppealRecorded] = []
        self._appeal: Appeal | None = None
        self._card: CardRef | None = None
        self._written: CardRef | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything is written."""
        return not self._events and (self._writing is None or self._writing.done())

    def add(self, events: list[AppealRecorded]) -> None:
        """Remembers what has to be written."""
        self._events += events

    def flush(self, appeal: Appeal, card: CardRef | None) -> None:
        """Begins to write, unless a write is under way: that one goes on with this."""
        self._appeal, self._card = appeal, card
        done = self._writing is None or self._writing.done()
        if done and self._stale():
            self._writing = asyncio.create_task(self._write())

    def lacks(self, card: CardRef | None) -> bool:
        """Whether the ledger does not know yet where the card stands."""
        return card != self._written

    def _stale(self) -> bool:
        return bool(self._events) or self.lacks(self._card)

    async def _write(self) -> None:
        while self._stale():
            assert self._appeal is not None
            entry = AppealEntry(appeal=self._appeal, events=tuple(self._events), card=self._card)
            self._events, self._written = [], self._card
            await write(entry)
