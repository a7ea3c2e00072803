"""Writes an appeal's events into the ledger, in their order, before anything follows from them.

It holds to what `casework/book.py` says: what stands in the ledger is what happened, and where the
ledger is away the appeal does not wait.
"""

import asyncio
from collections.abc import Sequence

from temporalio.exceptions import FailureError

from workflows.appealing import ports
from workflows.appealing.ports import Against, AppealEntry, AppealWritten
from workflows.casework.patience import at_last, quickly
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.appealing.state import Appeal, Appealed
from workflows.domain.memory import CardRef


async def load(against: Against) -> Appealed | None:
    """What is appealed against, for as long as the ledger takes to tell."""
    return await at_last(ports.load_appealed, against)


async def file(appeal: Appeal, recorded: Sequence[AppealRecorded]) -> AppealWritten:
    """Writes the beginning of an appeal, for as long as it takes."""
    return await at_last(ports.record_appeal, AppealEntry(appeal=appeal, events=tuple(recorded)))


class AppealBook:
    """One appeal's way into the ledger. Every write is idempotent: a lost answer is harmless."""

    def __init__(self) -> None:
        self._late: list[AppealEntry] = []
        self._row: AppealEntry | None = None
        self._placed: CardRef | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything is written."""
        return self._writing is None or self._writing.done()

    async def add(
        self, appeal: Appeal, recorded: Sequence[AppealRecorded], card: CardRef | None
    ) -> AppealWritten:
        """Writes what happened; `appeal` has it applied already.

        What `stands` in the answer happened. Without the ledger the events count as written, and
        are remembered.
        """
        entry = AppealEntry(appeal=appeal, events=tuple(recorded), card=card)
        self._placed = card
        if self.idle:
            try:
                written = await quickly(ports.record_appeal, entry)
            except FailureError:
                pass  # the ledger is away
            else:
                self._placed = None if written.earlier else card
                return written
        self._late.append(entry.model_copy(update={"late": True}))
        self._begin()
        return AppealWritten(stands=entry.events)

    def lacks(self, card: CardRef | None) -> bool:
        """Whether the ledger does not know yet where the card stands."""
        return card != self._placed

    def place(self, appeal: Appeal, card: CardRef | None) -> None:
        """Begins to write where the card stands."""
        self._placed = card
        self._row = AppealEntry(appeal=appeal, events=(), card=card)
        self._begin()

    def _begin(self) -> None:
        if self.idle:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._late or self._row is not None:
            if self._late:
                await at_last(ports.record_appeal, self._late[0])
                self._late.pop(0)
            else:
                entry, self._row = self._row, None
                assert entry is not None
                await at_last(ports.record_appeal, entry)
