"""Event log of cases and appeals: idempotent appends, and the audit of its hash chains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import ChainBroken, Row
from activities.ledger.queries import Queries
from activities.ledger.rows import GENESIS, Broken, Link, R, first_break, link_after, recorded_of
from activities.ledger.schema import events

_TAIL = sa.select(events).where(
    events.c.case_id == sa.bindparam("chain_id"), events.c.seq >= sa.bindparam("first")
)
_LINKS = sa.insert(events)


def append(connection: sa.Connection, chain_id: str, recorded: Sequence[R]) -> list[Link]:
    """Appends the events that the log lacks; returns their links. Raises `ChainBroken`."""
    if not recorded:
        return []
    first = recorded[0].seq
    tail = connection.execute(_TAIL, {"chain_id": chain_id, "first": first - 1})
    there = {row.seq: row for row in tail}
    previous = there[first - 1].hash if first - 1 in there else GENESIS if first == 1 else None
    new = []
    for each in recorded:
        if previous is None:
            raise ChainBroken(f"{chain_id}: event {each.seq - 1} is missing")
        link = link_after(chain_id, each, previous)
        written = there.get(each.seq)
        if written is None:
            new.append(link)
        elif not _same(written, link, type(each)):
            raise ChainBroken(f"{chain_id}: event {each.seq} is different in the ledger")
        previous = link.hash if written is None else written.hash
    if new:
        connection.execute(_LINKS, [dict(vars(link)) for link in new])
    return new


def _same(written: sa.Row[Any], link: Link, kind: type[R]) -> bool:
    """True for the same event: a newer version of Koban may write more fields."""
    return written.hash == link.hash or recorded_of(written, kind) == recorded_of(link, kind)


@dataclass(frozen=True)
class Audit:
    """Numbers of checked cases and events, and the broken chains."""

    cases: int
    events: int
    broken: tuple[Broken, ...]


async def verify(queries: Queries) -> Audit:
    """Recomputes every chain and counts each case's events. Raises `LedgerUnavailable`."""
    broken, events = [], 0
    cases = await queries.chains()
    for case in cases:
        # The row first: an active case gets more events meanwhile.
        row = await queries.case(case) or await queries.appeal(case)
        chain = await queries.chain(case)
        events += len(chain)
        found = first_break(chain) or _cut_short(row, case, len(chain))
        if found is not None:
            broken.append(found)
    return Audit(cases=len(cases), events=events, broken=tuple(broken))


def _cut_short(row: Row | None, case: str, length: int) -> Broken | None:
    """Detects a missing end of a chain by the version in the case's row."""
    if row is None:
        return Broken(case, length, "its case is missing")
    if row["version"] > length:
        return Broken(case, length + 1, "an event is missing")
    return None
