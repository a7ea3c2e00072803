"""Evidence in the ledger: pages, the quota of each person, and recorded reveals."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.schema import exposures, lookups
from tests.activities.ledger.recording import count, following, opening
from tests.workflows.domain.builders import SATO, T0, TANAKA, a_case, an_alert, minutes
from workflows.domain.alerts import ImageEvidence, TextEvidence
from workflows.domain.case import commands as cmd
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.domain.policy.limits import Exposed
from workflows.ports.cases import LedgerWrite, RevealRequest

CASE = "K7Q2F9XM0"
PIECES: list[dict[str, Any]] = [
    {"kind": "text", "text": "LINE ID ください"},
    {"kind": "image", "url": "https://images.market.example/1.png"},
    {"kind": "text", "text": "住所", "sensitive": True},
]


@pytest.fixture
def record(database: Database) -> EvidenceRecord:
    """Evidence queries."""
    return EvidenceRecord(database)


def entry(numbers: range, case: str = CASE, key: str = "run-1") -> LedgerWrite:
    """A case with alerts of these numbers, one minute apart."""
    at = {number: minutes(number).isoformat() for number in numbers}
    made = (
        an_alert(number, evidence=PIECES, occurred_at=at[number], score=0.5) for number in numbers
    )
    opened = a_case().model_copy(update={"id": case})
    received = tuple(ReceivedAlert(alert=each, at=T0) for each in made)
    return opening(opened, key=key).model_copy(update={"alerts": received})


def asking(
    item: int = 1,
    number: int = 1,
    minute: float = 0,
    most: int | None = 2,
    person: str = "U0SATO",
    case: str = CASE,
) -> RevealRequest:
    """A click at a minute; the quota covers the eight hours before it."""
    at = minutes(minute)
    since = at - timedelta(hours=8)
    alert = f"live-chat/chat-{number:06}"
    return RevealRequest(
        person=person, case=case, alert=alert, item=item, at=at, since=since, most=most
    )


async def test_alerts_are_read_newest_first_and_in_pages(
    ledger: Ledger, record: EvidenceRecord
) -> None:
    """Alerts have all their evidence; later alerts do not shift an open list."""
    await ledger.record(entry(range(1, 8)))
    late = T0 + timedelta(days=1)
    page = await record.page(CASE, 2, 3, late)
    assert page.total == 7
    assert [each.key for each in page.alerts] == [
        "live-chat/chat-000005",
        "live-chat/chat-000004",
        "live-chat/chat-000003",
    ]
    first = page.alerts[0]
    assert (first.kind, first.detector, first.score) == ("off_platform", "live-chat", 0.5)
    assert first.occurred_at == minutes(5)
    assert first.item(0) == TextEvidence(text="LINE ID ください")
    assert first.item(1) == ImageEvidence(url="https://images.market.example/1.png")
    assert (first.item(3), first.item(-1)) == (None, None)
    assert (await record.page(CASE, 0, 3, T0 - timedelta(seconds=1))).total == 0


async def test_what_was_merged_in_is_read_as_well(ledger: Ledger, record: EvidenceRecord) -> None:
    """Evidence of merged cases is included, over several merges."""
    await ledger.record(entry(range(1, 2)))
    await ledger.record(entry(range(2, 3), "K00000002", "run-2"))
    await ledger.record(entry(range(3, 4), "K00000003", "run-3"))
    taken = cmd.Absorb(case="K00000003", alerts=1, by="U0SATO")
    other = a_case().model_copy(update={"id": "K00000002"})
    await ledger.record(following(other, taken, key="run-2"))
    taken = cmd.Absorb(case="K00000002", alerts=2, by="U0SATO")
    await ledger.record(following(a_case(), taken))
    page = await record.page(CASE, 0, 10, T0 + timedelta(days=1))
    assert [each.key[-1] for each in page.alerts] == ["3", "2", "1"]
    assert await record.alert(CASE, "live-chat/chat-000003") is not None
    assert await record.alert("K00000003", "live-chat/chat-000001") is None


async def test_a_person_s_pieces_are_counted_up_to_the_cap(
    ledger: Ledger, database: Database
) -> None:
    """A repeated piece counts once, and each person has a separate quota; one alert a window."""
    await ledger.record(entry(range(1, 3)))
    expose = LedgerActivities(ledger.database).expose
    known = {"found": True, "image": True}
    assert await expose(asking(1)) == Exposed(**known)
    assert await expose(asking(1, minute=5)) == Exposed(**known, again=True)
    text = await expose(asking(2, minute=10))
    assert text == Exposed(found=True, image=False, seen=1, since=T0)
    full = Exposed(**known, seen=2, since=T0)
    assert await expose(asking(1, number=2, minute=20)) == full.model_copy(update={"alert": True})
    assert await expose(asking(1, number=2, minute=30)) == full
    assert await expose(asking(1, minute=30)) == Exposed(
        **known, again=True, seen=1, since=minutes(10)
    )
    assert await expose(asking(1, person="U0CLARK", minute=30)) == Exposed(**known)
    assert await count(database, exposures) == 3


async def test_what_is_long_ago_counts_no_more(ledger: Ledger) -> None:
    """The window slides: expired reveals free the quota."""
    await ledger.record(entry(range(1, 4)))
    expose = LedgerActivities(ledger.database).expose
    for item, minute in ((1, 0.0), (2, 60.0)):
        await expose(asking(item, minute=minute))
    assert (await expose(asking(1, number=2, minute=470))).seen == 2
    assert (await expose(asking(1, number=2, minute=481))).seen == 1
    assert await expose(asking(1, number=1, minute=482)) == Exposed(
        found=True, image=True, seen=2, since=minutes(60)
    )


async def test_a_hundred_presses_at_once_stay_below_the_cap(
    ledger: Ledger, database: Database
) -> None:
    """Concurrent clicks can't exceed the quota."""
    await ledger.record(entry(range(1, 31)))
    expose = LedgerActivities(ledger.database).expose
    presses = (asking(1, number, most=10) for number in range(1, 31))
    found = await asyncio.gather(*(expose(each) for each in presses))
    assert sorted(each.seen for each in found)[:11] == list(range(11))
    assert sum(each.seen >= 10 for each in found) == 20
    assert await count(database, exposures) == 10


@pytest.mark.parametrize(
    "made_up",
    [
        asking(item=0, number=99),
        asking(item=3),
        asking(case="K00000009"),
        asking().model_copy(update={"alert": "no-slash"}),
    ],
)
async def test_what_the_case_does_not_have_is_not_found(
    ledger: Ledger, database: Database, made_up: RevealRequest
) -> None:
    """An unknown piece does not count."""
    await ledger.record(entry(range(1, 2)))
    assert await LedgerActivities(ledger.database).expose(made_up) == Exposed()
    assert await count(database, exposures) == 0


def revealed(by: str = "U0SATO") -> LedgerWrite:
    """The write of a case at minute 1 with a revealed image."""
    person = SATO if by == SATO.id else TANAKA
    command = cmd.RevealEvidence(
        by=person,
        alert_key="live-chat/chat-000001",
        item=1,
        modal=cmd.Modal(id="evidence/1"),
        exposed=Exposed(found=True, image=True),
    )
    return following(a_case(), command)


async def test_who_looked_is_written_with_the_event_and_once(
    ledger: Ledger, database: Database, record: EvidenceRecord
) -> None:
    """A repeated write after a lost answer adds no second record."""
    await ledger.record(entry(range(1, 2)))
    key = "live-chat/chat-000001"
    assert not await record.is_recorded(CASE, "U0SATO", key, 1)
    for _ in range(3):
        await ledger.record(revealed())
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(lookups))).mappings().all()
    assert [{k: v for k, v in row.items() if k != "id"} for row in rows] == [
        {
            "at": minutes(1),
            "actor": "U0SATO",
            "subject_type": "user",
            "subject_id": "u_123",
            "why": "evidence revealed: live-chat/chat-000001 #2 (image)",
            "case_id": CASE,
            "revealed": False,
        }
    ]
    assert await record.is_recorded(CASE, "U0SATO", key, 1)
    assert not await record.is_recorded(CASE, "U0SATO", key, 2)
    assert not await record.is_recorded(CASE, "U0TANAKA", key, 1)


async def test_an_uploaded_image_is_remembered_and_forgotten(record: EvidenceRecord) -> None:
    """The newest file is reused; one that Slack lost is uploaded again."""
    key, now = "live-chat/chat-000001", datetime.now(T0.tzinfo)
    assert await record.file(key, 1) is None
    await record.begin_file(key, 1, "F0FIRST", now)
    assert await record.file(key, 1) is None, "not complete"
    await record.show_file("F0FIRST")
    await record.begin_file(key, 1, "F0SECOND", now + timedelta(seconds=1))
    await record.show_file("F0SECOND")
    assert (await record.file(key, 1), await record.file(key, 2)) == ("F0SECOND", None)
    await record.forget_file("F0SECOND")
    assert await record.file(key, 1) == "F0FIRST"
