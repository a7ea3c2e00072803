"""`koban work` that dies the moment after the ledger took an event of a kind: argv[1].

The commit stands, and Temporal has not heard of it yet: the worst moment for a worker to end.
"""

import os
import sys
from collections.abc import Sequence

from temporalio import activity

from activities.ledger import appeals, ledger
from bot.cli import work
from workflows.appealing.ports import AppealEntry, AppealWritten
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.events import Recorded
from workflows.ports import Entry, Written


def _die_of(events: Sequence[Recorded] | Sequence[AppealRecorded]) -> None:
    if sys.argv[1] in [each.event.kind for each in events]:
        os._exit(9)


class DyingLedger(ledger.Ledger):
    """Ends its process after the fatal write."""

    async def record(self, entry: Entry) -> Written:
        """Writes, and is gone."""
        written = await super().record(entry)
        _die_of(entry.events)
        return written


class DyingAppeals(appeals.AppealsLedger):
    """The same for appeals."""

    @activity.defn(name="record_appeal")
    async def record_appeal(self, entry: AppealEntry) -> AppealWritten:
        """Writes, and is gone."""
        written = await super().record_appeal(entry)
        _die_of(entry.events)
        return written


if __name__ == "__main__":
    work.Ledger = DyingLedger  # type: ignore[misc]
    work.AppealsLedger = DyingAppeals  # type: ignore[misc]
    work.work()
