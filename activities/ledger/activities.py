"""The ledger as the workflows see it."""

from temporalio import activity

from activities.ledger.ledger import Ledger
from activities.ledger.queries import Queries
from workflows.domain.memory import Memory
from workflows.ports import Entry, Written


class LedgerActivities:
    """Run as local activities, beside the workflows: they are short and idempotent."""

    def __init__(self, ledger: Ledger) -> None:
        """`ledger` is where it is written."""
        self._ledger = ledger

    @activity.defn(name="record")
    async def record(self, entry: Entry) -> Written:
        """Writes events, alerts and the case's row."""
        return await self._ledger.record(entry)

    @activity.defn(name="load_case")
    async def load_case(self, case: str) -> Memory | None:
        """The snapshot of a closed case."""
        return await self._ledger.load_case(case)

    @activity.defn(name="known_alerts")
    async def known_alerts(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the alerts that the ledger has in any case."""
        pairs = [(detector, id_) for detector, _, id_ in (key.partition("/") for key in keys)]
        known = await Queries(self._ledger.database).known(pairs)
        return tuple(f"{detector}/{id_}" for detector, id_ in pairs if (detector, id_) in known)
