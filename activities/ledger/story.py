"""Chain of a case's or an appeal's events: append-only, and the same event is written once."""

from collections.abc import Sequence

import sqlalchemy as sa

from activities.ledger.chain import GENESIS, Link
from activities.ledger.errors import StoryBroken
from activities.ledger.rows import R, link_after
from activities.ledger.tables import events


def append(connection: sa.Connection, story: str, recorded: Sequence[R]) -> list[Link]:
    """Adds the events that are not there yet; the links it added.

    Raises:
        StoryBroken: an event before them is missing, or another one is in the place of one.
    """
    if not recorded:
        return []
    links = _links_to_add(connection, story, recorded)
    if links:
        connection.execute(sa.insert(events), [dict(vars(link)) for link in links])
    return links


def _links_to_add(connection: sa.Connection, story: str, recorded: Sequence[R]) -> list[Link]:
    first = recorded[0].seq
    there = _tail(connection, story, first - 1)
    previous = there.get(first - 1, GENESIS if first == 1 else None)
    new = []
    for each in recorded:
        if previous is None:
            raise StoryBroken(f"{story}: event {each.seq - 1} is missing")
        link = link_after(story, each, previous)
        if there.get(each.seq, link.hash) != link.hash:
            raise StoryBroken(f"{story}: event {each.seq} is another one in the ledger")
        if each.seq not in there:
            new.append(link)
        previous = link.hash
    return new


def _tail(connection: sa.Connection, story: str, first: int) -> dict[int, str]:
    """The hashes of the story's events from `first` on, by their seq."""
    query = sa.select(events.c.seq, events.c.hash).where(
        events.c.case_id == story, events.c.seq >= first
    )
    rows = connection.execute(query).all()
    return {row.seq: row.hash for row in rows}
