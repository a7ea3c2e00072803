"""Snoozed detectors in the ledger, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import SubjectEraser
from activities.ledger.schema import alert_records, alerts, cases, events, snoozes
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from tests.activities.ledger.recording import after, closing, count, following, opening, wanted
from tests.workflows.domain.builders import (
    CLARK,
    REED,
    SATO,
    T0,
    TANAKA,
    a_case,
    an_alert,
    minutes,
)
from workflows.domain.alerts import PEOPLE, Alert, Subject, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case.model import Case
from workflows.domain.people import Actor
from workflows.domain.policy.bands import Band
from workflows.domain.policy.matching import RecordFacts
from workflows.domain.policy.playbook import Severity
from workflows.ports.cases import ClaimAlerts, ClaimedAlerts, LedgerWrite, OpenCase, OpenedCase

CASE = "K7Q2F9XM0"
HOUR = timedelta(hours=1)


def snooze(by: Actor = SATO, hours: float = 8, **more: Any) -> cmd.SnoozeDetector:
    """Snoozes the detector of the case; it begins at minute 1."""
    given = {"detector": "live-chat", "reason": "店の定型文", **more}
    return cmd.SnoozeDetector(by=by, lasts=hours * HOUR, **given)


def facts(severity: Severity = Severity.CRITICAL, **more: Any) -> RecordFacts:
    """The facts of an alert's record."""
    return RecordFacts(severity=severity, band=Band.ACT, **more)


def again(
    number: int = 2,
    minute: float = 5,
    severity: Severity = Severity.CRITICAL,
    type_: str = "user",
    **alert: Any,
) -> OpenCase:
    """The opening of another case by an alert, at a minute."""
    made, asked = an_alert(number, **alert), wanted(key="run-2", number=number)
    subject = {"subject": Subject(type=type_, id=made.subject.id)}
    made = made.model_copy(update=subject)
    event = asked.event.model_copy(update={"at": minutes(minute), "alert": brief(made), **subject})
    row = asked.row.model_copy(update={"opened_at": minutes(minute), **subject})
    known = {"alert": made, "event": event, "row": row}
    return asked.model_copy(update={**known, "facts": facts(severity, actions=("mute_user",))})


def claim(*found: Alert, minute: float = 5, severity: Severity = Severity.CRITICAL) -> ClaimAlerts:
    """A claim by the case that is open."""
    return ClaimAlerts(
        case=CASE,
        at=minutes(minute),
        alerts=found,
        playbook="off_platform",
        policy_version="v1",
        facts=(facts(severity),) * len(found),
    )


def snoozed(case: Case | None = None, *commands: cmd.Command) -> LedgerWrite:
    """The write of a closed case in which people then snooze."""
    return closing(case or a_case(), *(commands or (cmd.MarkNoViolation(by=SATO), snooze())))


@pytest.fixture
async def quiet(ledger: Ledger) -> Ledger:
    """A ledger in which Sato snoozed the detector at minute 2, after clearing the case."""
    await ledger.record(opening())
    await ledger.record(snoozed())
    return ledger


async def records(database: Database) -> list[tuple[str, str, str | None]]:
    """Alert, kind and case of the records."""
    query = sa.select(alert_records).order_by(alert_records.c.alert_id)
    return [(r["alert_id"], r["kind"], r["case_id"]) for r in await database.rows(query)]


async def rows(database: Database) -> list[dict[str, Any]]:
    """The snoozes."""
    query = sa.select(snoozes).order_by(snoozes.c.case_id, snoozes.c.number)
    return [dict(row) for row in await database.rows(query)]


async def test_an_alert_of_a_snoozed_detector_opens_no_case(
    quiet: Ledger, database: Database
) -> None:
    """It is recorded once, with the case in which people snoozed; a second attempt is the same."""
    before = (await count(database, cases), await count(database, alerts))
    answers = [await quiet.open_case(again()) for _ in range(2)]
    assert answers == [OpenedCase(snoozed=CASE)] * 2
    assert await records(database) == [("chat-000002", "alert_snoozed", CASE)]
    (row,) = await database.rows(sa.select(alert_records))
    assert (row["at"], row["severity"], row["actions"]) == (minutes(5), "critical", ["mute_user"])
    assert (row["playbook"], row["policy_version"]) == ("off_platform", "v1")
    assert row["body"]["id"] == "chat-000002"
    assert (await count(database, cases), await count(database, alerts)) == before
    assert (await Verifier(database).run()).findings == ()


@pytest.mark.parametrize(
    "heard",
    [
        {"detector": "shill"},
        {"detector": PEOPLE},
        {"subject": "u_9"},
        {"type_": "stream"},
        {"minute": 1.9},
        {"minute": 2 + 8 * 60},
    ],
    ids=["detector", "people", "subject", "type", "before", "after"],
)
async def test_other_alerts_are_heard(
    quiet: Ledger, database: Database, heard: dict[str, Any]
) -> None:
    """Of other detectors, of people, about others, before and after its time."""
    assert (await quiet.open_case(again(**heard))).event is not None
    assert await records(database) == []


async def test_a_worse_alert_is_heard(ledger: Ledger, database: Database) -> None:
    """People snoozed in a medium case; now it is critical."""
    await ledger.record(opening(a_case(Severity.MEDIUM)))
    await ledger.record(snoozed(a_case(Severity.MEDIUM)))
    assert (await ledger.open_case(again(3, severity=Severity.MEDIUM))).snoozed == CASE
    assert (await ledger.open_case(again(2))).event is not None


async def test_people_are_heard_whatever_the_table_says(quiet: Ledger, database: Database) -> None:
    """Somebody wrote a snooze of people's reports into the database."""
    await database.execute(sa.update(snoozes).values(detector=PEOPLE))
    assert (await quiet.open_case(again(detector=PEOPLE))).event is not None


async def test_none_joins_an_open_case(ledger: Ledger, database: Database) -> None:
    """Those of the snoozed detector are recorded; those of another one join. Repeated, the same."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), snooze()))
    batch = claim(an_alert(2), an_alert(3, detector="shill"), an_alert(4))
    answer = ClaimedAlerts(snoozed=("live-chat/chat-000002", "live-chat/chat-000004"))
    for _ in range(2):
        assert await ledger.claim_alerts(batch) == answer
    assert await records(database) == [
        ("chat-000002", "alert_snoozed", CASE),
        ("chat-000004", "alert_snoozed", CASE),
    ]
    query = sa.select(alerts.c.alert_id).order_by(alerts.c.alert_id)
    assert [row["alert_id"] for row in await database.rows(query)] == ["chat-000001", "chat-000003"]
    assert (await Verifier(database).run()).findings == ()


async def test_a_second_delivery_is_no_record(quiet: Ledger, database: Database) -> None:
    """The case has the alert since before the snooze."""
    found = await quiet.claim_alerts(claim(an_alert(1)))
    assert found == ClaimedAlerts(known=("live-chat/chat-000001",))
    assert await quiet.open_case(again(1)) == OpenedCase()
    assert await records(database) == []


async def test_alerts_from_before_the_snooze_join(ledger: Ledger, database: Database) -> None:
    """The first attempt stored the alert; the snooze was recorded before the second one."""
    await ledger.record(opening())
    early = claim(an_alert(2), minute=0.5)
    assert await ledger.claim_alerts(early) == ClaimedAlerts()
    await ledger.record(following(a_case(), snooze()))
    assert await ledger.claim_alerts(early) == ClaimedAlerts()
    assert await records(database) == []


async def test_a_claim_of_an_earlier_release_joins(ledger: Ledger, database: Database) -> None:
    """It has no facts to record; protection comes first."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), snooze()))
    old = claim(an_alert(2)).model_copy(update={"facts": ()})
    assert await ledger.claim_alerts(old) == ClaimedAlerts()
    bare = again(3).model_copy(update={"facts": None})
    assert (await ledger.open_case(bare)).event is not None


async def test_it_ends_when_people_say_so(quiet: Ledger, database: Database) -> None:
    """The next alert opens a case; the row says who ended it, and when."""
    case, _ = after(a_case(), cmd.MarkNoViolation(by=SATO), snooze())
    ended = following(case, cmd.EndSnooze(by=CLARK), first=10)
    for _ in range(2):
        await quiet.record(ended)
    (row,) = await rows(database)
    assert (row["ended_at"], row["ended_by"]) == (minutes(10), "U0CLARK")
    assert (await quiet.open_case(again(2, minute=9))).snoozed == CASE
    assert (await quiet.open_case(again(3, minute=10))).event is not None


async def test_the_longer_one_replaces_the_shorter(ledger: Ledger, database: Database) -> None:
    """Each is a row; the first one ends where the second begins."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), snooze(hours=1), snooze(TANAKA, 48)))
    first, second = await rows(database)
    assert first == {
        "case_id": CASE,
        "number": 2,
        "detector": "live-chat",
        "subject_type": "user",
        "subject_id": "u_123",
        "severity": "critical",
        "actor": "U0SATO",
        "at": minutes(1),
        "until": minutes(61),
        "ended_at": minutes(2),
        "ended_by": "U0TANAKA",
    }
    assert (second["number"], second["actor"], second["ended_at"]) == (3, "U0TANAKA", None)
    assert second["until"] == minutes(2) + 48 * HOUR


async def test_two_cases_snooze_the_same(quiet: Ledger, database: Database) -> None:
    """Until the last of both is over, alerts are only recorded."""
    other = a_case().model_copy(update={"id": "K00000002", "workflow_id": "case/b"})
    await quiet.record(opening(other, key="run-3", number=9))
    await quiet.record(following(other, snooze(REED, 24), key="run-3"))
    case, _ = after(a_case(), cmd.MarkNoViolation(by=SATO), snooze())
    await quiet.record(following(case, cmd.EndSnooze(by=CLARK), first=10))
    assert (await quiet.open_case(again(3, minute=11))).snoozed == "K00000002"


async def test_a_hostile_reason_is_data(ledger: Ledger, database: Database) -> None:
    """PostgreSQL has no NUL; quotes and mentions are stored as they are."""
    await ledger.record(opening())
    reason = "\x00<!channel> '); DROP TABLE snoozes; --"
    await ledger.record(following(a_case(), snooze(reason=reason)))
    assert (await ledger.open_case(again())).snoozed == CASE
    kind = events.c.kind == "detector_snoozed"
    (event,) = await database.rows(sa.select(events.c.data).where(kind))
    assert event["data"]["reason"] == "␀<!channel> '); DROP TABLE snoozes; --"


async def test_an_erased_subject_stays_snoozed(database: Database) -> None:
    """The reason goes with the event; who snoozed what about whom, until when, are facts."""
    ledger = Ledger(database)
    await ledger.record(opening())
    await ledger.record(snoozed())
    signer, person = Signer(), Subject(type="user", id="u_123")
    before = await rows(database)
    await SubjectEraser(database, signer).erase_subject(person, "U0TANAKA", T0 + HOUR)
    assert await rows(database) == before
    kind = events.c.kind == "detector_snoozed"
    (event,) = await database.rows(sa.select(events.c.data).where(kind))
    assert event["data"]["reason"] == ""
    assert (await ledger.open_case(again())).snoozed == CASE
    assert (await Verifier(database).run()).findings == ()
    # A later event of the case makes the same rows of what is left.
    case, _ = after(a_case(), cmd.MarkNoViolation(by=SATO), snooze())
    await ledger.record(following(case, cmd.EndSnooze(by=CLARK), first=30))
    (row,) = await rows(database)
    assert (row["number"], row["ended_by"]) == (before[0]["number"], "U0CLARK")


@pytest.mark.parametrize(
    ("forged", "finding"),
    [
        (
            sa.update(snoozes).values(until=T0 + 900 * HOUR),
            "the snooze of event 5 says otherwise than the events: until",
        ),
        (
            sa.update(snoozes).values(subject_id="u_9"),
            "the snooze of event 5 says otherwise than the events: subject_id",
        ),
        (sa.delete(snoozes), "the snooze of event 5 was deleted"),
        (sa.update(snoozes).values(number=1), "the snooze of event 1 is in no event"),
    ],
    ids=["longer", "another subject", "deleted", "invented"],
)
async def test_a_forged_snooze_is_found(
    quiet: Ledger, database: Database, forged: sa.Executable, finding: str
) -> None:
    """It could hide the alerts about a person."""
    await database.execute(forged)
    found = (await Verifier(database).run()).findings
    assert f"{CASE}: {finding}." in found


async def test_a_snooze_of_no_case_is_found(quiet: Ledger, database: Database) -> None:
    """A row that no event made, for a case that never was."""
    (row,) = await rows(database)
    await database.execute(sa.insert(snoozes).values(**{**row, "case_id": "K00000009"}))
    found = (await Verifier(database).run()).findings
    assert "K00000009: event 0: its case is missing." in found
