"""Writes a case's events into the ledger, in their order, before anything follows from them.

What stands in the ledger is what happened. A worker can die between the ledger's commit and the
end of its workflow task; the task then runs again, at a later time, and decides anew. It finds
what was written, and goes on from that: the first writing wins, and no story has two versions.
For the same reason a replay takes the events from the ledger's answer, and not from its own clock.

Where the ledger is away the case does not wait: what happens meanwhile is written down later.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio.exceptions import FailureError

from workflows import ports
from workflows.casework.errands import ends
from workflows.casework.patience import at_last, quickly
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.domain.model import Value
from workflows.domain.playbook.model import Policy
from workflows.ports import Entry, Written

_PATIENCE = timedelta(seconds=5)
"""How long an entry may go on before it is called off for a new history."""
_EVENT_BYTES = 600
_AT_ONCE = 500
"""Events and alerts in one transaction: thousands would take longer than an attempt may."""


async def policy_now(policy: Policy) -> Policy:
    """The same playbook as it stands now; where it is gone, as it was."""
    return await at_last(ports.policy_now, policy.playbook.playbook) or policy


class Late(Value):
    """What happened while the ledger was away; `case` has it applied."""

    case: Case
    events: tuple[Recorded, ...]
    alerts: tuple[Alert, ...]

    @property
    def weight(self) -> int:
        """About how many bytes it takes to carry it."""
        return _EVENT_BYTES * len(self.events) + sum(len(a.model_dump_json()) for a in self.alerts)


class Book:
    """One case's way into the ledger. Every write is idempotent: a lost answer is harmless."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._late: list[Late] = []
        self._card: CardRef | None = None
        self._snapshot: Entry | None = None
        self._writing: asyncio.Task[None] | None = None
        self._held = False
        self._cardless = False

    @property
    def idle(self) -> bool:
        """Whether everything is written, or the rest is held."""
        return self._writing is None or self._writing.done()

    @property
    def unwritten(self) -> tuple[tuple[Recorded, ...], tuple[Alert, ...]]:
        """What waits to be written: events and alerts."""
        events = tuple(event for each in self._late for event in each.events)
        return events, tuple(alert for each in self._late for alert in each.alerts)

    @property
    def weight(self) -> int:
        """About how many bytes wait to be written."""
        return sum(each.weight for each in self._late)

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
        late = Late(case=case, events=tuple(recorded), alerts=tuple(alerts))
        self._card, self._cardless = card, card is None
        if self.idle and not self._late:
            try:
                return await quickly(ports.record, self._entry(late))
            except FailureError:
                pass  # the ledger is away
        self.carry(late)
        return Written(stands=late.events)

    def carry(self, late: Late) -> None:
        """Takes over what is to be written, in parts that a transaction can hold."""
        for start in range(0, max(len(late.events), len(late.alerts)), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            events, alerts = late.events[part], late.alerts[part]
            self._late.append(Late(case=late.case, events=events, alerts=alerts))
        self._begin()

    def lacks(self, card: CardRef | None) -> bool:
        """Whether the last write came before the card, and nobody could find it by the ledger.

        The opening always does: what follows it soon tells of the card as well.
        """
        return self._cardless and card is not None and self.idle

    def keep(self, case: Case, card: CardRef | None, snapshot: Memory | None) -> None:
        """Begins to write the case's row, with what wakes it up where it is closed."""
        self._card, self._cardless = card, False
        entry = self._entry(Late(case=case, events=(), alerts=()))
        self._snapshot = entry.model_copy(update={"snapshot": snapshot})
        self._begin()

    async def put_down(self) -> None:
        """Ends with the entry under way; one that the ledger does not take is kept."""
        self._held = True
        await ends(self._writing, _PATIENCE)

    def pick_up(self) -> None:
        """Goes on after `put_down`."""
        self._held = False
        self._begin()

    def _entry(self, late: Late) -> Entry:
        return Entry(
            case=late.case,
            owner_key=self._key,
            events=late.events,
            alerts=late.alerts,
            card=self._card,
        )

    def _begin(self) -> None:
        if self.idle and not self._held and (self._late or self._snapshot is not None):
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while not self._held and (self._late or self._snapshot is not None):
            if self._late:
                entry = self._entry(self._late[0]).model_copy(update={"late": True})
                await at_last(ports.record, entry)
                self._late.pop(0)
                continue
            snapshot = self._snapshot
            assert snapshot is not None
            await at_last(ports.record, snapshot)
            if self._snapshot is snapshot:
                self._snapshot = None
