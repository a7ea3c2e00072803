"""Asks the ledger once for what many requests want to know at the same moment."""

import asyncio
from collections.abc import Sequence

from bot.ingest.handover import Known, Pair


class AskedTogether:
    """One query at a time; who comes meanwhile joins the next one.

    A query costs as much as the rest of a request, and hardly more for 32 alerts than for one.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._turn = asyncio.Lock()
        self._wanted: set[Pair] = set()
        self._next: asyncio.Task[frozenset[Pair]] | None = None

    async def __call__(self, pairs: Sequence[Pair]) -> frozenset[Pair]:
        """Which of `pairs` the ledger has. Raises `LedgerUnavailable`."""
        self._wanted.update(pairs)
        if self._next is None:
            self._next = asyncio.create_task(self._ask())
            self._next.add_done_callback(_looked_at)
        # Shielded: who gives up waiting must not take the others' answer away.
        return await asyncio.shield(self._next) & frozenset(pairs)

    async def _ask(self) -> frozenset[Pair]:
        async with self._turn:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._known(list(wanted))


def _looked_at(asked: asyncio.Task[frozenset[Pair]]) -> None:
    """Where everybody gave up waiting, nobody else would look at the error."""
    if not asked.cancelled():
        asked.exception()
