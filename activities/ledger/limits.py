"""Ledger of limits: uses of powers that count, and uses that a limit prevented."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger import brakes
from activities.ledger.audit_log import json_of
from activities.ledger.database import Database, Repository
from activities.ledger.rows import iso, sha256_of, storable
from activities.ledger.schema import overruns, uses
from workflows.domain.case.automation import Booked, Booking, prevented
from workflows.domain.policy.limits import Full, Spent, Use, full

# Key of the limits among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6262


class LimitLedger(Repository):
    """Books uses, and records what was refused. Raises `LedgerUnavailable`."""

    async def book(self, booking: Booking) -> Booked:
        """Books all uses, or none if one exceeds its limit; a repeated key counts once.

        Bookings of one holder wait for each other, so two never take the same last place. A pause
        or a breaker prevents automatic actions in the same transaction.
        """
        async with self._database.writing() as connection:
            named = {each.holder for each in booking.uses}
            for holder in sorted(named | brakes.holders(booking.counted)):
                await self._database.serialize(connection, _LOCK, holder)
            pauses = await connection.run_sync(brakes.known_pauses, booking)
            stopped = prevented(booking, pauses)
            if stopped is not None:
                return stopped
            earlier = await _earlier_of(connection, booking)
            reached = await _reached(connection, booking, earlier)
            if reached is not None:
                use, limit = reached
                return Booked(full=await self._note(connection, limit, use.key, booking))
            stopped = await connection.run_sync(brakes.count, self._database, booking, pauses)
            if stopped is not None:
                return stopped
            totals = {}
            for use, spent in zip(booking.uses, earlier, strict=True):
                own = await self._insert(connection, use, booking.at)
                totals[use.power] = own + sum(each.amount for each in spent)
            return Booked(totals=totals)

    async def room(self, booking: Booking) -> Booked:
        """The answer that `book` would give now; nothing is booked or recorded."""
        async with self._database.reading() as connection:
            earlier = await _earlier_of(connection, booking)
            reached = await _reached(connection, booking, earlier)
        if reached is not None:
            return Booked(full=reached[1])
        pairs = zip(booking.uses, earlier, strict=True)
        totals = {use.power: use.amount + sum(e.amount for e in spent) for use, spent in pairs}
        return Booked(totals=totals)

    async def _insert(self, connection: AsyncConnection, use: Use, at: datetime) -> int:
        """Stores a use; the amount under its key, which a later press may have replaced."""
        row = {**_named(use), "amount": use.amount, "at": at}
        await connection.execute(self._database.upsert(uses, row, where=_is_newer), row)
        query = sa.select(uses.c.amount).where(*_is_use(use))
        return int((await connection.execute(query)).scalar_one())

    async def _note(
        self, connection: AsyncConnection, reached: Full, key: str, booking: Booking
    ) -> Full:
        return await note_overrun(
            self._database, connection, reached, key, booking.at, booking.case
        )


async def note_overrun(
    database: Database,
    connection: AsyncConnection,
    reached: Full,
    key: str,
    at: datetime,
    case: str | None,
) -> Full:
    """Records a refused use; with `alert` if it is the first in the time of its limit.

    A repeated attempt gets the answer of the first one.
    """
    holder = storable(reached.holder)
    same = (overruns.c.power == reached.power.value, overruns.c.holder == holder)
    again = sa.select(overruns.c.alerted).where(
        *same, overruns.c.key == storable(key), overruns.c.at == at
    )
    known = (await connection.execute(again)).scalar_one_or_none()
    if known is not None:
        return reached.model_copy(update={"alert": known})
    lately = (overruns.c.alerted, overruns.c.at > at - reached.within)
    before = await connection.execute(sa.select(overruns.c.at).where(*same, *lately).limit(1))
    alert = before.first() is None
    row = {
        "power": reached.power.value,
        "holder": holder,
        "key": storable(key),
        "at": at,
        "case_id": case,
        "used": reached.used,
        "most": reached.most,
        "seconds": int(reached.within.total_seconds()),
        "alerted": alert,
    }
    await connection.execute(sa.insert(overruns), row)
    entry = {overrun_key(row): json_of(row)}
    await connection.run_sync(lambda c: database.audit.enter(c, overruns.name, entry))
    return reached.model_copy(update={"alert": alert})


def overrun_key(row: Mapping[Any, Any]) -> str:
    """The key of a refused use in the audit log: power, time, and a digest of holder and key."""
    named = sha256_of([row["holder"], row["key"]])
    return f"{row['power']}/{iso(row['at'])}/{named[:16]}"


async def _earlier_of(connection: AsyncConnection, booking: Booking) -> list[Sequence[Spent]]:
    return [await _earlier(connection, each, booking.at) for each in booking.uses]


async def _reached(
    connection: AsyncConnection, booking: Booking, earlier: Sequence[Sequence[Spent]]
) -> tuple[Use, Full] | None:
    """The first use that exceeds its limit after the `earlier` ones, with that limit."""
    for use, spent in zip(booking.uses, earlier, strict=True):
        if await _is_booked(connection, use, booking.at):
            continue  # an earlier attempt of this booking
        limit = full(use, spent, booking.at)
        if limit is not None:
            return use, limit
    return None


async def _earlier(connection: AsyncConnection, use: Use, at: datetime) -> Sequence[Spent]:
    """The uses of the same power and holder within the time, except those under its key."""
    query = sa.select(uses.c.at, uses.c.amount).where(
        uses.c.power == use.power.value,
        uses.c.holder == storable(use.holder),
        uses.c.key != storable(use.key),
        uses.c.at >= at - use.within,
    )
    return [Spent(at=row.at, amount=row.amount) for row in await connection.execute(query)]


async def _is_booked(connection: AsyncConnection, use: Use, at: datetime) -> bool:
    """Whether the key was booked at the same time, or later by another press."""
    query = sa.select(uses.c.amount).where(*_is_use(use), uses.c.at >= at)
    found = (await connection.execute(query)).scalar_one_or_none()
    return found is not None and found >= use.amount


def _named(use: Use) -> dict[str, str]:
    return {
        "power": use.power.value,
        "holder": storable(use.holder),
        "key": storable(use.key),
    }


def _is_use(use: Use) -> list[sa.ColumnElement[bool]]:
    return [uses.c[name] == value for name, value in _named(use).items()]


def _is_newer(new: Any) -> Any:
    """A later press replaces one without an effect; at the same time the larger amount counts."""
    larger = (uses.c.at == new.at) & (uses.c.amount < new.amount)
    return (uses.c.at < new.at) | larger
