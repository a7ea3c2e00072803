"""Event log of a case: its hash chain is verified, and its entries are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import StoryBroken
from activities.ledger.queries import Queries, Row
from activities.ledger.rows import GENESIS, Broken, Link, R, first_break, link_after, recorded_of
from activities.ledger.schema import events

_TAIL = sa.select(events).where(
    events.c.case_id == sa.bindparam("story"), events.c.seq >= sa.bindparam("first")
)
_LINKS = sa.insert(events)


def append(connection: sa.Connection, story: str, recorded: Sequence[R]) -> list[Link]:
    """Adds the events that are not there yet; the links it added.

    Raises:
        StoryBroken: an event before them is missing, or another one is in the place of one.
    """
    if not recorded:
        return []
    links = _links_to_add(connection, story, recorded)
    if links:
        connection.execute(_LINKS, [dict(vars(link)) for link in links])
    return links


def _links_to_add(connection: sa.Connection, story: str, recorded: Sequence[R]) -> list[Link]:
    first = recorded[0].seq
    there = _tail(connection, story, first - 1)
    previous = there[first - 1].hash if first - 1 in there else GENESIS if first == 1 else None
    new = []
    for each in recorded:
        if previous is None:
            raise StoryBroken(f"{story}: event {each.seq - 1} is missing")
        link = link_after(story, each, previous)
        written = there.get(each.seq)
        if written is None:
            new.append(link)
        elif not _same(written, link, type(each)):
            raise StoryBroken(f"{story}: event {each.seq} is another one in the ledger")
        previous = link.hash if written is None else written.hash
    return new


def _same(written: sa.Row[Any], link: Link, kind: type[R]) -> bool:
    """Whether both are one event: a newer Koban may write a field that an older one lacked."""
    return written.hash == link.hash or recorded_of(written, kind) == recorded_of(link, kind)


def _tail(connection: sa.Connection, story: str, first: int) -> dict[int, sa.Row[Any]]:
    """The story's events from `first` on, by their seq."""
    return {row.seq: row for row in connection.execute(_TAIL, {"story": story, "first": first})}


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
