"""Exposure log: hidden evidence is counted for a person in the transaction that asks for it."""

import zlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.chain import Link
from activities.ledger.database import Database
from activities.ledger.evidence import alert_of
from activities.ledger.tables import cases, exposures, lookups
from workflows.casework.evidence_ports import Exposing
from workflows.domain.alert import ImageEvidence
from workflows.domain.evidence import named
from workflows.domain.exposure import Exposed, is_full

# Any fixed number will do: it names people's eyes among PostgreSQL's advisory locks.
_LOCKS = 0x4B6F6265


class Exposures:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def expose(self, exposing: Exposing) -> Exposed:
        """What is known of the piece and of its person; it counts from now on, if it may."""
        async with self._database.writing() as connection:
            await self._one_at_a_time(connection, exposing.person)
            alert = await alert_of(connection, exposing.case, exposing.alert)
            piece = alert.item(exposing.item) if alert is not None else None
            if piece is None:
                return Exposed()
            known = await _known(connection, exposing, isinstance(piece, ImageEvidence))
            if not known.again and not is_full(exposing.most, known.seen, known.again):
                await self._count(connection, exposing)
            return known

    async def _count(self, connection: AsyncConnection, exposing: Exposing) -> None:
        row = {**_key(exposing), "case_id": exposing.case, "at": exposing.at}
        keys = [column.name for column in exposures.primary_key]
        changed = {"case_id": exposing.case, "at": exposing.at}
        made = self._database.insert(exposures).values(row)
        await connection.execute(made.on_conflict_do_update(index_elements=keys, set_=changed))

    async def _one_at_a_time(self, connection: AsyncConnection, person: str) -> None:
        """Two presses that don't see each other would both stay below the cap."""
        if self._database.is_sqlite:
            return  # its writers come one after another as it is
        theirs = zlib.crc32(person.encode()) - 2**31  # PostgreSQL's integers have a sign
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS, theirs)))


async def _known(connection: AsyncConnection, exposing: Exposing, image: bool) -> Exposed:
    mine = (exposures.c.person == exposing.person, exposures.c.at >= exposing.since)
    query = sa.select(exposures).where(*mine).order_by(exposures.c.at)
    rows = (await connection.execute(query)).all()
    key = _key(exposing)
    others = [row for row in rows if any(getattr(row, name) != key[name] for name in key)]
    return Exposed(
        found=True,
        image=image,
        again=len(others) < len(rows),
        seen=len(others),
        since=others[0].at if others else None,
    )


def _key(exposing: Exposing) -> dict[str, Any]:
    detector, alert_id = named(exposing.alert)
    return {
        "person": exposing.person,
        "detector": detector,
        "alert_id": alert_id,
        "item": exposing.item,
    }


def note_reveals(connection: sa.Connection, case: str, links: Sequence[Link]) -> None:
    """Notes, with the events of a case that tell of it, who was shown hidden evidence of whom."""
    revealed = [link for link in links if link.kind == "evidence_revealed"]
    if not revealed:
        return
    query = sa.select(cases.c.subject_type, cases.c.subject_id).where(cases.c.id == case)
    found = connection.execute(query).mappings().one_or_none()
    subject = found or {"subject_type": "case", "subject_id": case}  # its row got lost
    connection.execute(sa.insert(lookups), [{**_look(link), **subject} for link in revealed])


def _look(link: Link) -> dict[str, Any]:
    kind = "image" if link.data["image"] else "text"
    return {
        "at": link.at,
        "actor": link.actor or "",
        "why": f"evidence revealed: {link.data['alert_key']} #{link.data['item'] + 1} ({kind})",
        "case_id": link.case_id,
    }
