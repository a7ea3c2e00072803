"""Writes a case's events into the ledger, in their order, without holding the case up."""

import asyncio

from temporalio import workflow

from workflows import ports
from workflows.casework.patience import at_last, patiently
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.domain.playbook.actions import ActionCatalog
from workflows.ports import Entry, Written

ONCE_DURABLE = "the ledger is told once a decision is durable"
"""The patch since which it is; before, a worker that died too early left another story there."""


async def claim(opening: Entry) -> Written:
    """Writes the opening of a case, which any worker would decide in the same way."""
    return await at_last(ports.record, opening)


async def _write(entry: Entry) -> None:
    """Writes what a worker decided at its time: never before Temporal holds that decision."""
    if workflow.patched(ONCE_DURABLE):
        await patiently(ports.record, _without_catalog(entry))
    else:
        await at_last(ports.record, entry)


def _without_catalog(entry: Entry) -> Entry:
    """Without the largest part of a case, which the ledger does not need, but histories keep."""
    policy = entry.case.policy.model_copy(update={"catalog": ActionCatalog(actions={})})
    return entry.model_copy(update={"case": entry.case.model_copy(update={"policy": policy})})


class Book:
    """What is not written yet. Every write is idempotent, so that a lost answer is harmless."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._events: list[Recorded] = []
        self._alerts: list[Alert] = []
        self._snapshot: Memory | None = None
        self._case: Case | None = None
        self._card: CardRef | None = None
        self._cardless = False
        self._writing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything is written."""
        return self._writing is None or self._writing.done()

    @property
    def pending(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._events or self._alerts)

    def add(self, case: Case, events: list[Recorded], alert: Alert | None = None) -> None:
        """Remembers what has to be written, with the case as it is after it."""
        self._case = case
        self._events += events
        self._alerts += [alert] if alert is not None else []

    def lacks(self, card: CardRef | None) -> bool:
        """Whether the last write came before the card, and nobody could find it by the ledger.

        The opening always does: what follows it soon tells of the card as well.
        """
        return self._cardless and card is not None and self.idle

    def flush(self, case: Case, card: CardRef | None, snapshot: Memory | None) -> None:
        """Begins to write, unless a write is under way: that one goes on with this."""
        wanted = self.pending or snapshot is not None or self.lacks(card)
        self._case, self._card, self._snapshot = case, card, snapshot
        if self.idle and wanted:
            self._cardless = False
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        wanted = True
        while wanted:
            assert self._case is not None
            entry = Entry(
                case=self._case,
                owner_key=self._key,
                events=tuple(self._events),
                alerts=tuple(self._alerts),
                snapshot=self._snapshot,
                card=self._card,
            )
            self._events, self._alerts, self._snapshot = [], [], None
            await _write(entry)
            # Before the patch, nobody looked after a card that came late.
            self._cardless = entry.card is None and workflow.patched(ONCE_DURABLE)
            wanted = self.pending or self._snapshot is not None
