"""Records of alerts without a case: logged, silenced, or seen by a playbook in shadow mode."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from activities.ledger.audit_log import AuditLog, json_of
from activities.ledger.database import Database, Repository
from activities.ledger.rows import sha256_of, storable
from activities.ledger.schema import alert_records
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.erasure import OfSubject
from workflows.domain.policy.matching import AlertRecord

FindShadows = Callable[[Alert], Sequence[AlertRecord]]
"""Returns what the playbooks in shadow mode would do with an alert."""


class AlertRecords(Repository):
    """Writes records. Raises `LedgerUnavailable`."""

    def __init__(self, database: Database, now: Callable[[], datetime] | None = None) -> None:
        """Records have the time of `now`."""
        super().__init__(database)
        self._now = now or partial(datetime.now, UTC)

    async def add(self, records: Sequence[AlertRecord]) -> None:
        """Stores records; those that the ledger has stay as they are."""
        now = self._now()
        await self._database.write(
            lambda connection: insert_records(self._database, connection, records, now)
        )


def insert_records(
    database: Database, connection: sa.Connection, records: Sequence[AlertRecord], now: datetime
) -> None:
    """Inserts the records that are new, with their entries in the audit log."""
    ordered = sorted(records, key=lambda each: (each.alert.key, each.playbook))
    insert = database.insert(alert_records).on_conflict_do_nothing().returning(alert_records)
    rows = [
        row
        for each in ordered
        for row in connection.execute(insert.values(_row(each, now))).mappings()
    ]
    database.audit.enter(
        connection, alert_records.name, {record_key(row): json_of(row) for row in rows}
    )


def _row(record: AlertRecord, now: datetime) -> dict[str, Any]:
    alert = record.alert
    body = storable(alert.model_dump(mode="json", exclude_none=True))
    return {
        "detector": alert.detector,
        "alert_id": alert.id,
        "playbook": record.playbook,
        "kind": record.kind.value,
        "policy_version": record.policy_version,
        "at": now,
        "occurred_at": alert.occurred_at,
        "alert_kind": alert.kind,
        "subject_type": alert.subject.type,
        "subject_id": alert.subject.id,
        "score": alert.score,
        "severity": record.severity.value,
        "band": record.band.value,
        "actions": list(record.actions),
        "preset": record.preset,
        "case_id": record.case,
        "body": None if record.beside else body,
    }


def record_key(row: Mapping[Any, Any]) -> str:
    """The key of a record in the audit log: playbook, time, and a digest of detector and id."""
    named = sha256_of([row["detector"], row["alert_id"]])
    return f"{row['playbook']}/{named[:32]}"


def bodies_left(
    connection: sa.Connection, subject: Subject
) -> list[tuple[Mapping[Any, Any], dict[str, Any]]]:
    """The records that name a subject, each with what an erasure leaves of its alert."""
    written = json.dumps(subject.id)[1:-1]  # as the JSON column has it
    named = sa.cast(alert_records.c.body, sa.Text).contains(written, autoescape=True)
    rows = connection.execute(sa.select(alert_records).where(named)).mappings().all()
    eraser = OfSubject(subject)
    left = [(row, eraser.body(row["body"])) for row in rows]
    return [(row, body) for row, body in left if body != row["body"]]


def erase_bodies(connection: sa.Connection, audit: AuditLog, subject: Subject) -> None:
    """Takes a subject's data out of records; their entries in the audit log follow."""
    for row, body in bodies_left(connection, subject):
        one = [alert_records.c[name] == row[name] for name in ("detector", "alert_id", "playbook")]
        connection.execute(sa.update(alert_records).where(*one).values(body=body))
        left = {record_key(row): json_of({**row, "body": body})}
        audit.erased(connection, alert_records.name, left)


def delete_records(
    connection: sa.Connection, audit: AuditLog, chosen: sa.ColumnElement[bool]
) -> int:
    """Deletes records, with entries in the audit log; returns their number."""
    gone = connection.execute(sa.delete(alert_records).where(chosen).returning(alert_records))
    keys = [record_key(row) for row in gone.mappings()]
    audit.removed(connection, alert_records.name, keys)
    return len(keys)
