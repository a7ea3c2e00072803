"""Silence about cleared content in the ledger, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import alert_records, alerts, cases
from activities.ledger.verification import Verifier
from tests.activities.ledger.recording import closing, count, following, opening, wanted
from tests.workflows.domain.builders import SATO, T0, a_case, an_alert, minutes, preset
from workflows.domain.alerts import Alert, brief
from workflows.domain.brakes import Silence, content_digest
from workflows.domain.case import commands as cmd
from workflows.domain.policy.bands import Band
from workflows.domain.policy.matching import AlertRecord, RecordKind
from workflows.domain.policy.playbook import Severity
from workflows.ports.cases import OpenCase, OpenedCase, SilenceAsk

CLEARED = "K7Q2F9XM0"
WEEK = timedelta(days=7)


def again(
    number: int = 2,
    after: timedelta = timedelta(hours=1),
    severity: Severity = Severity.CRITICAL,
    key: str = "run-2",
    **alert: Any,
) -> OpenCase:
    """The opening of another case by an alert, some time after the first."""
    made = an_alert(number, **alert)
    asked = wanted(key=key, number=number)
    content = content_digest(made)
    assert content is not None
    record = AlertRecord(
        kind=RecordKind.SILENCED,
        alert=made,
        playbook="off_platform",
        policy_version="v1",
        severity=severity,
        band=Band.ACT,
    )
    at = T0 + after
    event = asked.event.model_copy(update={"at": at, "alert": brief(made)})
    row = asked.row.model_copy(update={"opened_at": at})
    ask = SilenceAsk(rule=Silence(at_most="7d"), content=content, record=record)
    return asked.model_copy(update={"alert": made, "event": event, "row": row, "silence": ask})


@pytest.fixture
async def cleared(ledger: Ledger) -> Ledger:
    """A ledger with a case that Sato closed as no violation a minute after it opened."""
    await ledger.record(opening())
    await ledger.record(closing(a_case(), cmd.MarkNoViolation(by=SATO)))
    return ledger


async def records(database: Database) -> list[tuple[str, str, str | None]]:
    """Alert, kind and case of the records."""
    query = sa.select(alert_records).order_by(alert_records.c.alert_id, alert_records.c.playbook)
    return [(r["alert_id"], r["kind"], r["case_id"]) for r in await database.rows(query)]


async def test_the_same_content_opens_no_case(cleared: Ledger, database: Database) -> None:
    """The alert is recorded once, with the case that cleared it; nothing of a case is written."""
    before = (await count(database, cases), await count(database, alerts))
    answers = [await cleared.open_case(again()) for _ in range(2)]
    assert answers == [OpenedCase(silenced=CLEARED)] * 2
    assert await records(database) == [("chat-000002", "alert_silenced", CLEARED)]
    assert (await count(database, cases), await count(database, alerts)) == before
    assert (await Verifier(database).run()).findings == ()


async def test_a_silenced_alert_has_its_shadow_records(cleared: Ledger, database: Database) -> None:
    """A playbook in shadow mode sees it as it would without the silence."""
    trial = Ledger(database, shadows=lambda alert: (shadow(alert),))
    for _ in range(2):
        assert (await trial.open_case(again())).silenced == CLEARED
    assert await records(database) == [
        ("chat-000002", "alert_silenced", CLEARED),
        ("chat-000002", "shadow_decided", None),
    ]
    assert (await Verifier(database).run()).findings == ()


def shadow(alert: Alert) -> AlertRecord:
    """What a playbook in shadow mode would do with an alert."""
    return AlertRecord(
        kind=RecordKind.SHADOW,
        alert=alert,
        playbook="trial",
        policy_version="v1",
        severity=Severity.MEDIUM,
        band=Band.ACT,
        beside=True,
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"evidence": [{"kind": "text", "text": "振込先は…"}]},
        {"evidence": [{"kind": "image", "url": "https://img.market.example/1.png"}]},
        {"title": {"ja": "別の件", "en": "Something else"}},
        {"kind": "phishing"},
        {"after": timedelta(days=8)},
    ],
    ids=["text", "image", "title", "kind", "later"],
)
async def test_changed_content_opens_one(
    cleared: Ledger, database: Database, changed: dict[str, Any]
) -> None:
    """So does the same content after the longest time."""
    assert (await cleared.open_case(again(**changed))).event is not None
    assert await records(database) == []


async def test_scores_and_attributes_are_no_content(cleared: Ledger) -> None:
    """They differ in every alert about the same content."""
    found = await cleared.open_case(again(score=0.5, attributes={"viewers": 7}))
    assert found.silenced == CLEARED


async def test_a_worse_alert_opens_one(ledger: Ledger) -> None:
    """The content was cleared as medium; now it is critical."""
    case = a_case(Severity.MEDIUM)
    await ledger.record(opening(case))
    await ledger.record(closing(case, cmd.MarkNoViolation(by=SATO)))
    assert (await ledger.open_case(again(3, severity=Severity.MEDIUM))).silenced == CLEARED
    assert (await ledger.open_case(again(severity=Severity.CRITICAL))).event is not None


async def test_only_the_last_case_counts(cleared: Ledger) -> None:
    """A later case is open: what was cleared before it is no reason for silence."""
    other = {"evidence": [{"kind": "text", "text": "もう一度"}]}
    assert (await cleared.open_case(again(2, timedelta(minutes=10), **other))).event is not None
    found = await cleared.open_case(again(3, key="run-3"))
    assert found.silenced == ""


async def test_a_violation_silences_nothing(ledger: Ledger) -> None:
    """Nor does a case that is still open."""
    await ledger.record(opening())
    assert (await ledger.open_case(again(2))).silenced == ""
    await ledger.record(following(a_case(), preset(SATO, "warn")))
    assert (await ledger.open_case(again(3, key="run-3"))).silenced == ""


async def test_an_alert_that_the_ledger_has_is_no_record(
    cleared: Ledger, database: Database
) -> None:
    """A second delivery of the first alert."""
    known = again(1, minutes(5) - T0)
    assert await cleared.open_case(known) == OpenedCase()
    assert await records(database) == []
