"""Writes a case's events into the ledger, in their order, before anything follows from them.

What stands in the ledger is what happened. A worker can die between the ledger's commit and the
end of its workflow task; the task then runs again, at a later time, and decides anew. It finds
what was written, and goes on from that: the first writing wins, and no story has two versions.
For the same reason a replay takes the events from the ledger's answer, and not from its own clock.

Where the ledger is away the case does not wait: what happens meanwhile is written down later.
"""

import asyncio
from collections.abc import Sequence

from temporalio.exceptions import FailureError

from workflows import ports
from workflows.casework.patience import at_last, quickly
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.domain.playbook.model import Policy
from workflows.ports import Entry, Written


async def policy_now(policy: Policy) -> Policy:
    """The same playbook as it stands now; where it is gone, as it was."""
    return await at_last(ports.policy_now, policy.playbook.playbook) or policy


class Book:
    """One case's way into the ledger. Every write is idempotent: a lost answer is harmless."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._late: list[tuple[Case, Sequence[Recorded], Sequence[Alert], CardRef | None]] = []
        self._snapshot: Entry | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything is written."""
        return self._writing is None or self._writing.done()

    async def add(
        self,
        case: Case,
        recorded: Sequence[Recorded],
        alerts: Sequence[Alert],
        card: CardRef | None,
    ) -> Written:
        """Writes what happened; `case` has it applied already.

        What `stands` in the answer happened; where it has `known_alerts`, nothing was written.
        Without the ledger the events count as written, and are remembered.
        """
        if self.idle:
            try:
                return await quickly(ports.record, self._entry(case, recorded, alerts, card))
            except FailureError:
                pass  # the ledger is away
        self._late.append((case, recorded, alerts, card))
        self._begin()
        return Written(stands=tuple(recorded))

    def keep(self, case: Case, card: CardRef | None, snapshot: Memory) -> None:
        """Begins to write what wakes a closed case up."""
        entry = self._entry(case, (), (), card)
        self._snapshot = entry.model_copy(update={"snapshot": snapshot})
        self._begin()

    def _entry(
        self,
        case: Case,
        recorded: Sequence[Recorded],
        alerts: Sequence[Alert],
        card: CardRef | None,
        late: bool = False,
    ) -> Entry:
        return Entry(
            case=case,
            owner_key=self._key,
            events=tuple(recorded),
            alerts=tuple(alerts),
            card=card,
            late=late,
        )

    def _begin(self) -> None:
        if self.idle:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._late or self._snapshot is not None:
            if self._late:
                await at_last(ports.record, self._entry(*self._late[0], late=True))
                self._late.pop(0)
            else:
                entry, self._snapshot = self._snapshot, None
                assert entry is not None
                await at_last(ports.record, entry)
