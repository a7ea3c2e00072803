"""Proving that nobody changed the record."""

from dataclasses import dataclass

from activities.ledger.chain import Broken, first_break
from activities.ledger.queries import Queries, Row


@dataclass(frozen=True)
class Audit:
    """What was checked, and every case whose chain does not hold."""

    cases: int
    events: int
    broken: tuple[Broken, ...]


async def verify(queries: Queries) -> Audit:
    """Recomputes every chain, and compares each case's version with its number of events.

    Raises `LedgerUnavailable`.
    """
    broken, events = [], 0
    cases = await queries.chains()
    for case in cases:
        # The row first: a case goes on while it is looked at, and has more events by then.
        row = await queries.case(case) or await queries.appeal(case)
        chain = await queries.chain(case)
        events += len(chain)
        found = first_break(chain) or _cut_short(row, case, len(chain))
        if found is not None:
            broken.append(found)
    return Audit(cases=len(cases), events=events, broken=tuple(broken))


def _cut_short(row: Row | None, case: str, length: int) -> Broken | None:
    """A chain whose end was cut off still holds together: the case's row gives it away."""
    if row is None:
        return Broken(case, length, "its case is missing")
    if row["version"] > length:
        return Broken(case, length + 1, "an event is missing")
    return None
