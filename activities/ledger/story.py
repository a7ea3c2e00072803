"""Continuing the chain of a case or an appeal: append-only, and the first writing wins.

With one exception. What a case did while the ledger was away is durable in Temporal by the time
that it is written. Where an earlier try of the same task had written something else just before
the ledger went away, that never happened: the late telling takes its place.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from activities.ledger.chain import GENESIS, Link
from activities.ledger.errors import StoryBroken
from activities.ledger.rows import R, link_after, recorded_of
from activities.ledger.tables import alerts, events

log = structlog.get_logger()


class Differs(Exception):
    """Other events stand in the place of these: `seq` is the first. All that stand are told of."""

    def __init__(self, seq: int) -> None:
        self.seq = seq


def links_to_add(connection: sa.Connection, story: str, recorded: Sequence[R]) -> list[Link]:
    """The links that are not there yet.

    Raises:
        Differs: an earlier try of the same task wrote something else.
        StoryBroken: an event is missing.
    """
    if not recorded:
        return []
    first = recorded[0].seq
    stands = _tail(connection, story, first - 1)
    previous = stands.get(first - 1, GENESIS if first == 1 else None)
    new = []
    for each in recorded:
        if previous is None:
            raise StoryBroken(f"{story}: event {each.seq - 1} is missing")
        link = link_after(story, each, previous)
        if stands.get(each.seq, link.hash) != link.hash:
            raise Differs(each.seq)
        if each.seq not in stands:
            new.append(link)
        previous = link.hash
    return new


def add(connection: sa.Connection, links: Sequence[Link]) -> None:
    """Appends them."""
    if links:
        connection.execute(sa.insert(events), [dict(vars(link)) for link in links])


def retold(connection: sa.Connection, story: str, recorded: Sequence[R], seq: int) -> list[Link]:
    """The links to add once what a discarded try had told from `seq` on is taken back.

    The alerts that it told of are free again: they join with their own event, or have joined.
    """
    of_it = (events.c.case_id == story, events.c.seq >= seq)
    told = connection.execute(sa.select(events.c.data).where(*of_it)).scalars().all()
    for data in told:
        detector, _, id_ = data.get("alert", {}).get("key", "").partition("/")
        mine = (alerts.c.detector == detector, alerts.c.alert_id == id_)
        connection.execute(sa.delete(alerts).where(alerts.c.case_id == story, *mine))
    connection.execute(sa.delete(events).where(*of_it))
    log.warning("story_retold", case=story, seq=seq, events=len(told))
    return links_to_add(connection, story, recorded)


def standing(connection: sa.Connection, story: str, recorded: Sequence[R]) -> tuple[R, ...]:
    """What stands where `recorded` was to be written."""
    query = sa.select(events).where(events.c.case_id == story, events.c.seq >= recorded[0].seq)
    rows = connection.execute(query.order_by(events.c.seq)).all()
    return tuple(recorded_of(row, type(recorded[0])) for row in rows)


def _tail(connection: sa.Connection, story: str, first: int) -> dict[int, str]:
    """The hashes of the story's events from `first` on, by their seq."""
    query = sa.select(events.c.seq, events.c.hash).where(
        events.c.case_id == story, events.c.seq >= first
    )
    rows = connection.execute(query).all()
    return {row.seq: row.hash for row in rows}
