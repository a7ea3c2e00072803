"""`koban work` that dies the moment after the ledger took an event of a kind: argv[1].

The commit stands, and Temporal has not heard of it yet: the worst moment for a worker to end.
"""

import os
import sys

from activities.ledger import ledger
from bot.cli import work
from workflows.ports import Entry, Written


class DyingLedger(ledger.Ledger):
    """Ends its process after the fatal write."""

    async def record(self, entry: Entry) -> Written:
        """Writes, and is gone."""
        written = await super().record(entry)
        if sys.argv[1] in [each.event.kind for each in entry.events]:
            os._exit(9)
        return written


if __name__ == "__main__":
    work.Ledger = DyingLedger  # type: ignore[misc]
    work.work()
