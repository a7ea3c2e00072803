"""Writing what happened: append-only, in one transaction, and the same thing never twice."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.chain import GENESIS, Link
from activities.ledger.database import Database
from activities.ledger.errors import StoryBroken
from activities.ledger.rows import action_row, alert_row, case_row, link_after, snapshot_of
from activities.ledger.tables import actions, alerts, cases, events
from workflows.domain.alert import Alert
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.case_state import Case
from workflows.domain.events import Recorded
from workflows.domain.memory import Memory
from workflows.ports import Entry, Written


class _Taken(Exception):
    """The case id belongs to another case; the transaction is rolled back."""


class _Known(Exception):
    """The alert that would open the case is known; the transaction is rolled back."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys


class Ledger:
    """The record of all cases."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self.database = database

    async def record(self, entry: Entry) -> Written:
        """Writes `entry`, or finds that it stands already.

        Raises:
            LedgerUnavailable: nothing was written.
            StoryBroken: an event is missing, or another one stands in its place.
        """
        try:
            async with self.database.writing() as connection:
                return Written(known_alerts=await self._write(connection, entry))
        except _Taken:
            return Written(id_taken=True)
        except _Known as known:
            return Written(known_alerts=known.keys)

    async def _write(self, connection: AsyncConnection, entry: Entry) -> tuple[str, ...]:
        version = await self._claim(connection, entry)
        known = await self._add_alerts(connection, entry)
        opening = bool(entry.events) and entry.events[0].seq == 1
        if opening and known and len(known) == len(entry.alerts):
            raise _Known(known)
        await add_events(connection, entry.case.id, entry.events)
        if version is not None and version <= entry.case.version:
            await self._update_case(connection, entry)
        if version is None or version <= entry.case.version:
            await self._update_actions(connection, entry.case)
        return known

    async def _claim(self, connection: AsyncConnection, entry: Entry) -> int | None:
        """Makes or finds the case's row and locks it: the version that stands, None for a new one.

        The row is what serialises two workers that write for the same case.
        """
        row = case_row(entry.case, entry.owner_key, entry.card)
        made = await connection.execute(
            self.database.insert(cases).values(row).on_conflict_do_nothing()
        )
        if made.rowcount == 1:
            return None
        query = sa.select(cases.c.owner_key, cases.c.version).where(cases.c.id == entry.case.id)
        stands = (await connection.execute(query.with_for_update())).one()
        if stands.owner_key != entry.owner_key:
            raise _Taken
        return int(stands.version)

    async def _add_alerts(self, connection: AsyncConnection, entry: Entry) -> tuple[str, ...]:
        """Adds the alerts; returns the keys of those that belong to another case."""
        known = []
        for alert in entry.alerts:
            row = alert_row(alert, entry.case.id, entry.case.last_alert_at)
            made = await connection.execute(
                self.database.insert(alerts).values(row).on_conflict_do_nothing()
            )
            if made.rowcount == 0 and await _case_of(connection, alert) != entry.case.id:
                known.append(alert.key)
        return tuple(known)

    async def _update_case(self, connection: AsyncConnection, entry: Entry) -> None:
        row = case_row(entry.case, entry.owner_key, entry.card)
        if entry.snapshot is not None:
            row["snapshot"] = snapshot_of(entry.snapshot)
        if entry.card is None:
            del row["card_channel"], row["card_ts"]
        await connection.execute(sa.update(cases).where(cases.c.id == entry.case.id).values(row))

    async def _update_actions(self, connection: AsyncConnection, case: Case) -> None:
        waiting = case.approval.decision if case.approval and case.approval.pending else None
        for state in case.actions:
            if state.decision == waiting:
                continue  # nothing is being done yet: a look-up must not call it a sanction
            row = action_row(case, state)
            keys = [column.name for column in actions.primary_key]
            changed = {name: value for name, value in row.items() if name not in keys}
            await connection.execute(
                self.database.insert(actions)
                .values(row)
                .on_conflict_do_update(index_elements=keys, set_=changed)
            )

    async def load_case(self, case: str) -> Memory | None:
        """The snapshot of a closed case. Raises `LedgerUnavailable`."""
        query = sa.select(cases.c.snapshot).where(cases.c.id == case)
        async with self.database.reading() as connection:
            snapshot = (await connection.execute(query)).scalar_one_or_none()
        return None if snapshot is None else Memory.model_validate(snapshot)


async def _case_of(connection: AsyncConnection, alert: Alert) -> str | None:
    query = sa.select(alerts.c.case_id).where(
        alerts.c.detector == alert.detector, alerts.c.alert_id == alert.id
    )
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def add_events(
    connection: AsyncConnection, story: str, recorded: Sequence[Recorded] | Sequence[AppealRecorded]
) -> None:
    """Continues the chain of a case or an appeal; what stands already is left as it is.

    Raises:
        StoryBroken: an event is missing, or another one stands in its place.
    """
    if not recorded:
        return
    stands = await _tail(connection, story, recorded[0].seq - 1)
    previous = stands.get(recorded[0].seq - 1, GENESIS if recorded[0].seq == 1 else None)
    new = []
    for each in recorded:
        if previous is None:
            raise StoryBroken(f"case {story}: event {each.seq - 1} is missing")
        link = link_after(story, each, previous)
        if stands.get(each.seq, link.hash) != link.hash:
            raise StoryBroken(f"case {story}: another event stands as {each.seq}")
        if each.seq not in stands:
            new.append(_event_row(link))
        previous = link.hash
    if new:
        await connection.execute(sa.insert(events), new)


async def _tail(connection: AsyncConnection, case: str, first: int) -> dict[int, str]:
    """The hashes of the case's events from `first` on, by their seq."""
    query = sa.select(events.c.seq, events.c.hash).where(
        events.c.case_id == case, events.c.seq >= first
    )
    rows = (await connection.execute(query)).all()
    return {row.seq: row.hash for row in rows}


def _event_row(link: Link) -> dict[str, Any]:
    return dict(vars(link))
