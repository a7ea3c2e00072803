"""Records of alerts without a case: logged, silenced, snoozed, or seen in shadow mode; snoozes.

The snoozes of detectors are projected from the events of their cases.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from activities.ledger.audit_log import AuditLog, json_of
from activities.ledger.database import Database, Repository
from activities.ledger.rows import (
    Link,
    recorded_of,
    sha256_of,
    snooze_values,
    storable,
    subject_of,
)
from activities.ledger.schema import Utc, alert_records, cases, events, snoozes
from workflows.domain.alerts import MANUAL_DETECTORS, Alert, Subject
from workflows.domain.brakes import DetectorSnooze, is_snoozed
from workflows.domain.case.erasure import OfSubject
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import DetectorSnoozed, Recorded, SnoozeEnded
from workflows.domain.case.projection import snooze_rows
from workflows.domain.policy.matching import AlertRecord, RecordFacts
from workflows.domain.policy.playbook import Severity

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


# -- snoozes of detectors -----------------------------------------------------------------

SNOOZES = (kind_of(DetectorSnoozed), kind_of(SnoozeEnded))
"""Kinds of the events that make the rows of snoozes."""

# Built once: it runs with every alert.
_SNOOZES = sa.select(snoozes).where(
    snoozes.c.subject_type.in_(sa.bindparam("types", expanding=True)),
    snoozes.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
    snoozes.c.detector.in_(sa.bindparam("detectors", expanding=True)),
    snoozes.c.until > sa.bindparam("at", type_=Utc),
)


def snoozed_in(
    connection: sa.Connection, found: Sequence[tuple[Alert, RecordFacts]], at: datetime
) -> dict[str, str]:
    """The cases in which people snoozed the detectors of alerts, by the keys of the alerts.

    Snoozes are compared with the time `at` of the alerts, so a repeated attempt finds the same.
    """
    heard = [(alert, facts) for alert, facts in found if alert.detector not in MANUAL_DETECTORS]
    if not heard:
        return {}
    values = {
        "types": sorted({alert.subject.type for alert, _ in heard}),
        "ids": sorted({alert.subject.id for alert, _ in heard}),
        "detectors": sorted({alert.detector for alert, _ in heard}),
        "at": at,
    }
    rows = connection.execute(_SNOOZES, values).mappings().all()
    cases_of = ((alert.key, _snoozes_of(rows, alert, facts, at)) for alert, facts in heard)
    return {key: found[0] for key, found in cases_of if found}


def _snoozes_of(
    rows: Sequence[Mapping[Any, Any]], alert: Alert, facts: RecordFacts, at: datetime
) -> list[str]:
    """The cases whose snoozes an alert meets, in the order of their ids."""
    about = (alert.detector, alert.subject.type, alert.subject.id)
    return sorted(
        row["case_id"]
        for row in rows
        if (row["detector"], row["subject_type"], row["subject_id"]) == about
        and is_snoozed(snooze_of(row), facts.severity.rank, at)
    )


def snooze_of(row: Mapping[Any, Any]) -> DetectorSnooze:
    """The snooze of a row."""
    rank = Severity(row["severity"]).rank
    return DetectorSnooze.model_validate({**row, "by": row["actor"], "severity": rank})


def note_snoozes(
    connection: sa.Connection, database: Database, case: str, new: Sequence[Link]
) -> None:
    """Writes the snoozes of a case again if events about them are `new`."""
    if not any(link.kind in SNOOZES for link in new):
        return
    query = sa.select(cases.c.subject_type, cases.c.subject_id).where(cases.c.id == case)
    about = connection.execute(query).mappings().one()
    own = sa.select(events).where(events.c.case_id == case, events.c.kind.in_(SNOOZES))
    happened = connection.execute(own.order_by(events.c.seq)).all()
    rows = snooze_rows(recorded_of(each, Recorded) for each in happened)
    values = [snooze_values(case, subject_of(about), each) for each in rows]
    connection.execute(database.upsert(snoozes, snoozes.c.keys()), values)
