"""`koban audit verify`: proves that nobody changed the record."""

import sys

from activities.ledger.event_log import Audit
from activities.ledger.event_log import verify as verify_chains
from activities.ledger.queries import Queries
from bot.cli.process import open_ledger, run
from bot.settings import Settings, load_settings


def verify() -> int:
    """Check every case's chain of events; exit 1 where one does not hold."""
    audit = run(_audit(load_settings()))
    for broken in audit.broken:
        print(f"{broken.case_id}: event {broken.seq}: {broken.why}", file=sys.stderr)
    held = "every chain holds" if not audit.broken else f"{len(audit.broken)} do not hold"
    print(f"{audit.cases} cases, {audit.events} events: {held}")
    return 1 if audit.broken else 0


async def _audit(settings: Settings) -> Audit:
    async with open_ledger(settings.ledger) as database:
        return await verify_chains(Queries(database))
