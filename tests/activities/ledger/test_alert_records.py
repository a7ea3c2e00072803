"""Records of alerts without a case, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.activities import RetentionActivities
from activities.ledger.alert_records import AlertRecords
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.detectors import DetectorLedger
from activities.ledger.erasure import SubjectEraser
from activities.ledger.queries import Queries
from activities.ledger.schema import alert_records
from activities.ledger.team import Automation
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from tests.activities.ledger.recording import wanted
from tests.workflows.domain.builders import T0, an_alert
from workflows.domain.alerts import Alert, Subject
from workflows.domain.policy.bands import Band
from workflows.domain.policy.matching import AlertRecord, RecordKind
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.reports import Kept, Retention
from workflows.ports.reports import RetentionStep

PERSON = Subject(type="user", id="u_123")


def a_record(alert: Alert | None = None, **more: Any) -> AlertRecord:
    """A record of the first alert."""
    given = {
        "kind": RecordKind.LOGGED,
        "alert": alert or an_alert(),
        "playbook": "off_platform",
        "policy_version": "v1",
        "severity": Severity.MEDIUM,
        "band": Band.LOG,
    }
    return AlertRecord(**{**given, **more})


@pytest.fixture
def records(database: Database) -> AlertRecords:
    """Records of an empty ledger."""
    return AlertRecords(database, lambda: T0)


async def rows(database: Database) -> list[dict[str, Any]]:
    """All records by alert and playbook."""
    order = (alert_records.c.alert_id, alert_records.c.playbook)
    return [dict(row) for row in await database.rows(sa.select(alert_records).order_by(*order))]


async def faults(database: Database) -> tuple[str, ...]:
    """The faults that an audit finds."""
    return (await Verifier(database).run()).findings


async def test_a_record_is_stored_once(records: AlertRecords, database: Database) -> None:
    """A repeated request changes nothing, also under a newer policy."""
    await records.add([a_record(), a_record(an_alert(2))])
    await records.add([a_record(policy_version="v2"), a_record(an_alert(3))])
    found = await rows(database)
    assert [(row["alert_id"], row["policy_version"]) for row in found] == [
        ("chat-000001", "v1"),
        ("chat-000002", "v1"),
        ("chat-000003", "v1"),
    ]
    assert found[0]["body"]["id"] == "chat-000001"
    assert await faults(database) == ()


async def test_a_recorded_alert_is_known(records: AlertRecords, database: Database) -> None:
    """It is a duplicate when it is sent again, and its detector is alive."""
    await records.add([a_record()])
    pairs = [("live-chat", "chat-000001"), ("live-chat", "chat-000002"), ("other", "chat-000001")]
    assert await Queries(database).known(pairs) == {("live-chat", "chat-000001")}
    assert await DetectorLedger(database).last_alerts() == {"live-chat": T0}
    assert await Automation(database).sender_named("Live-Chat") == "live-chat"


async def test_a_shadow_is_recorded_with_the_alert(database: Database) -> None:
    """Opening a case records what a playbook on trial would do, once."""

    def shadows(alert: Alert) -> list[AlertRecord]:
        return [a_record(alert, kind=RecordKind.SHADOW, playbook="trial", beside=True)]

    ledger = Ledger(database, shadows=shadows)
    await ledger.open_case(wanted())
    await ledger.open_case(wanted())
    [row] = await rows(database)
    assert (row["playbook"], row["kind"], row["body"]) == ("trial", "shadow_decided", None)
    assert await faults(database) == ()


@pytest.mark.parametrize("change", ["changed", "deleted"])
async def test_an_audit_finds_a_changed_record(
    records: AlertRecords, database: Database, change: str
) -> None:
    """A row that says something else, or is gone, is a fault."""
    await records.add([a_record()])
    async with database.writing() as connection:
        if change == "deleted":
            await connection.execute(sa.delete(alert_records))
        else:
            await connection.execute(sa.update(alert_records).values(band="act"))
    [fault] = await faults(database)
    assert fault.startswith("Recorded alert ")
    assert f"was {change}" in fault


@pytest.mark.parametrize("score", [0.0, 1.0, 0.5, None])
async def test_an_untouched_record_has_no_fault(
    records: AlertRecords, database: Database, score: float | None
) -> None:
    """SQLite returns a whole number from INSERT, and a float from SELECT."""
    await records.add([a_record(an_alert(score=score))])
    (row,) = await rows(database)
    assert (row["score"], type(row["score"])) == (score, type(score))
    assert await faults(database) == ()


async def test_records_go_after_their_time(records: AlertRecords, database: Database) -> None:
    """A day before nothing goes; then the row goes, and the audit holds."""
    await records.add([a_record()])
    rules = Retention.model_validate({"records": "90d"})
    retention = RetentionActivities(database, Signer(), lambda: rules)
    for day, left in ((89, 1), (91, 0)):
        step = RetentionStep(run=f"r{day}", at=T0 + timedelta(days=day), kind=Kept.RECORDS)
        await retention.erase_batch(step)
        assert len(await rows(database)) == left
    assert await faults(database) == ()


async def test_an_erasure_empties_the_records_of_a_subject(
    records: AlertRecords, database: Database
) -> None:
    """Their own alert loses its content, another one their name; others stay."""
    related = [{"type": "user", "id": "u_123"}, {"type": "user", "id": "u_77"}]
    await records.add(
        [
            a_record(),
            a_record(an_alert(2, subject="u_9", related=related)),
            a_record(an_alert(3, subject="u_1234")),
        ]
    )
    erasure = await SubjectEraser(database, Signer()).erase_subject(PERSON, "U0TANAKA", T0)
    assert erasure.counts == {"records": 2}
    own, named, other = [row["body"] for row in await rows(database)]
    assert (own.get("evidence") or [], own["related"], own["attributes"]) == ([], [], {})
    assert named["related"] == [{"type": "user", "id": "u_77"}]
    assert other["evidence"] == [{"kind": "text", "text": "LINE ID ください", "sensitive": False}]
    assert await faults(database) == ()
