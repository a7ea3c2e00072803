"""Writing what happened: append-only, in one transaction, and the same thing never twice."""

import sqlalchemy as sa

from activities.ledger.chain import Link
from activities.ledger.database import Database
from activities.ledger.exposures import note_reveals
from activities.ledger.rows import action_row, alert_row, case_row, snapshot_of
from activities.ledger.story import Differs, add, links_to_add, retold, standing
from activities.ledger.tables import actions, alerts, cases
from workflows.domain.approval import Purpose
from workflows.domain.case_state import Case, Phase
from workflows.domain.memory import Memory
from workflows.domain.ring import RING
from workflows.ports import Entry, Written


class _NotWritten(Exception):
    """What the ledger found instead of writing; the transaction is rolled back."""

    def __init__(self, found: Written) -> None:
        self.found = found


class Ledger:
    """The record of all cases."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self.database = database

    async def record(self, entry: Entry) -> Written:
        """Writes `entry`, or finds that it stands already.

        Raises:
            LedgerUnavailable: nothing was written.
            StoryBroken: an event is missing.
        """
        try:
            await self.database.write(lambda connection: self._write(connection, entry))
        except _NotWritten as stopped:
            return stopped.found
        return Written(stands=entry.events)

    def _write(self, connection: sa.Connection, entry: Entry) -> None:
        version = self._claim(connection, entry)
        new, again = self._new_events(connection, entry)
        known = self._add_alerts(connection, entry)
        if known and new and not entry.late:
            raise _NotWritten(Written(known_alerts=known))
        if version is None and not entry.late:
            self._joins_another(connection, entry)
        add(connection, new)
        note_reveals(connection, entry.case, new)
        if again:
            self._forget_actions(connection, entry.case)
        if version is not None and (again or version <= entry.case.version):
            self._update_case(connection, entry)
        if version is None or again or version <= entry.case.version:
            self._update_actions(connection, entry.case)

    def _claim(self, connection: sa.Connection, entry: Entry) -> int | None:
        """Makes or finds the case's row and locks it: the version that stands, None for a new one.

        The row is what serialises two workers that write for the same case.
        """
        row = case_row(entry.case, entry.owner_key, entry.card)
        made = connection.execute(self.database.insert(cases).values(row).on_conflict_do_nothing())
        if made.rowcount == 1:
            return None
        query = sa.select(cases.c.owner_key, cases.c.version).where(cases.c.id == entry.case.id)
        stands = connection.execute(query.with_for_update()).one()
        if stands.owner_key != entry.owner_key:
            raise _NotWritten(Written(id_taken=True))
        return int(stands.version)

    def _joins_another(self, connection: sa.Connection, entry: Entry) -> None:
        """Opens no second case where one of the same route is open that was closed before.

        Only such a one runs elsewhere than its route, and only it has a snapshot. One without may
        be a case whose workflow an operator ended: nobody would be there for its alerts.
        """
        query = (
            sa.select(cases.c.id)
            .where(
                cases.c.route == entry.case.route,
                cases.c.phase != Phase.CLOSED.value,
                cases.c.snapshot.is_not(None),
                cases.c.id.not_in([entry.case.id, entry.after]),
            )
            .order_by(cases.c.opened_at.desc(), cases.c.id)
            .limit(1)
        )
        found = connection.execute(query).scalar_one_or_none()
        if found is not None:
            raise _NotWritten(Written(joins=found))

    def _add_alerts(self, connection: sa.Connection, entry: Entry) -> tuple[str, ...]:
        """Adds the alerts; returns the keys of those that were known."""
        if not entry.alerts:
            return ()
        rows = [alert_row(each, entry.case.id, entry.case.last_alert_at) for each in entry.alerts]
        named = (alerts.c.detector, alerts.c.alert_id)
        adding = self.database.insert(alerts).on_conflict_do_nothing().returning(*named)
        added = {tuple(row) for row in connection.execute(adding, rows)}
        names = ((row["detector"], row["alert_id"]) for row in rows)
        return tuple(
            alert.key for alert, name in zip(entry.alerts, names, strict=True) if name not in added
        )

    def _new_events(self, connection: sa.Connection, entry: Entry) -> tuple[list[Link], bool]:
        """The links that are not there yet; whether they take the place of others."""
        case, told = entry.case.id, entry.events
        try:
            return links_to_add(connection, case, told), False
        except Differs as differs:
            if entry.late:
                return retold(connection, case, told, differs.seq), True
            stands = standing(connection, case, told)
            raise _NotWritten(Written(stands=stands, earlier=True)) from None

    def _forget_actions(self, connection: sa.Connection, case: Case) -> None:
        """Takes back the rows of decisions and protections that never were."""
        known = [each.id for each in case.decisions] + [each.id for each in case.protections]
        mine = (actions.c.case_id == case.id, actions.c.decision_id.not_in(known))
        connection.execute(sa.delete(actions).where(*mine))

    def _update_case(self, connection: sa.Connection, entry: Entry) -> None:
        row = case_row(entry.case, entry.owner_key, entry.card)
        if entry.snapshot is not None:
            row["snapshot"] = snapshot_of(entry.snapshot)
        if entry.card is None:
            del row["card_channel"], row["card_ts"]
        connection.execute(sa.update(cases).where(cases.c.id == entry.case.id).values(row))

    def _update_actions(self, connection: sa.Connection, case: Case) -> None:
        unapproved = case.pending(Purpose.DECISION)
        waiting = case.approval.decision if case.approval and unapproved else None
        for state in case.actions:
            if state.decision == waiting:
                continue  # nothing is being done yet: a look-up must not call it a sanction
            if state.planned.subject.type == RING:
                continue  # it stands for subjects that have rows of their own
            row = action_row(case, state)
            keys = [column.name for column in actions.primary_key]
            changed = {name: value for name, value in row.items() if name not in keys}
            connection.execute(
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
