"""Event log of cases and appeals: idempotent appends, and the audit of its hash chains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from activities.ledger.audit_log import AuditLog, EntryKind
from activities.ledger.database import ChainBroken, Row
from activities.ledger.queries import Queries
from activities.ledger.rows import GENESIS, Broken, Link, R, first_break, link_after, recorded_of
from activities.ledger.schema import events

_TAIL = sa.select(events).where(
    events.c.case_id == sa.bindparam("chain_id"), events.c.seq >= sa.bindparam("first")
)
_LINKS = sa.insert(events)


def append(
    connection: sa.Connection, chain_id: str, recorded: Sequence[R], audit: AuditLog
) -> list[Link]:
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
        written = there.get(each.seq)
        link = link_after(chain_id, each, previous, written.salt if written else None)
        if written is None:
            new.append(link)
        elif not _same(written, link, type(each)):
            raise ChainBroken(f"{chain_id}: event {each.seq} is different in the ledger")
        previous = link.hash if written is None else written.hash
    if new:
        connection.execute(_LINKS, [dict(vars(link)) for link in new])
        # The hash of the last event covers those before it.
        key = event_key(chain_id, new[-1].seq)
        audit.enter(connection, events.name, {key: new[-1].hash}, digested=True)
    return new


def event_key(case: str, seq: int) -> str:
    """The key of an event in the audit log."""
    return f"{case}/{seq}"


def erase(
    connection: sa.Connection, audit: AuditLog, case: str, left: Mapping[int, dict[str, Any] | None]
) -> None:
    """Replaces the data of events, by seq, by what may stay of them; None: nothing.

    The chain of the case still verifies: an `erased` entry has the digest of what is left.
    """
    changed = sa.update(events).where(events.c.case_id == case)
    for seq, data in left.items():
        connection.execute(changed.where(events.c.seq == seq).values(data=data, salt=None))
    audit.erased(connection, events.name, {event_key(case, seq): left[seq] for seq in left})


def _same(written: sa.Row[Any], link: Link, kind: type[R]) -> bool:
    """True for the same event: a newer version of Koban may write more fields."""
    if written.salt is None:  # erased since
        return bool(written.kind == link.kind and written.at == link.at)
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
        erased = await _erased(queries, case) if any(not link.intact for link in chain) else {}
        found = first_break(chain, erased) or _cut_short(row, case, len(chain))
        if found is not None:
            broken.append(found)
    return Audit(cases=len(cases), events=events, broken=tuple(broken))


async def _erased(queries: Queries, case: str) -> dict[int, str]:
    """The digests of what is left of a case's erased events, by seq."""
    entries = await queries.audit_entries(events.name, f"{case}/", EntryKind.ERASED)
    return {int(row["key"].partition("/")[2]): row["digest"] for row in entries}


def _cut_short(row: Row | None, case: str, length: int) -> Broken | None:
    """Detects a missing end of a chain by the version in the case's row."""
    if row is None:
        return Broken(case, length, "its case is missing")
    if row["version"] > length:
        return Broken(case, length + 1, "an event is missing")
    return None
