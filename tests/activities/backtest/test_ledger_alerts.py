"""Alerts of a backtest from the ledger, on both databases."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from activities.backtest.alerts import LedgerAlerts, Line
from activities.backtest.files import BacktestInputError
from activities.ledger.alert_records import AlertRecords
from activities.ledger.cases import Ledger
from activities.ledger.database import Database, LedgerGone, LedgerUnavailable
from activities.ledger.erasure import SubjectEraser
from activities.ledger.schema import alerts, cases, events
from activities.signatures import Signer
from tests.activities.ledger.personal_data import SIGNER
from tests.activities.ledger.recording import opening
from tests.activities.ledger.test_alert_records import a_record
from tests.workflows.domain.builders import T0, an_alert
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.decision import Verdict
from workflows.domain.case.snapshot import ReceivedAlert

PERSON = Subject(type="user", id="u_123")
SINCE, UNTIL = T0 - timedelta(days=1), T0 + timedelta(days=1)


@pytest.fixture
def signer() -> Signer:
    """Keys, because an erasure needs them."""
    return SIGNER


def read(url: str, since: datetime = SINCE, until: datetime = UNTIL, size: int = 100) -> list[Line]:
    """All alerts between two times."""
    return list(chain.from_iterable(LedgerAlerts(url, since, until).chunks(size)))


async def lines(database: Database, *times: datetime) -> list[Line]:
    """The same, in a thread without an event loop."""
    return await asyncio.to_thread(read, address(database), *times)


def address(database: Database) -> str:
    """The URL of a ledger."""
    return database.engine.url.render_as_string(hide_password=False)


def data(alert: Alert) -> dict[str, Any]:
    """An alert as the ledger has it."""
    return alert.model_dump(mode="json", exclude_none=True)


def ids(found: list[Line]) -> list[str]:
    """The ids of alerts."""
    return [json.loads(line.body)["id"] for line in found]


async def take(ledger: Ledger, *alerts: Alert, at: datetime = T0) -> None:
    """Records alerts in the one case, received at a time."""
    received = tuple(ReceivedAlert(alert=each, at=at) for each in alerts)
    await ledger.record(opening().model_copy(update={"alerts": received}))


async def judge(database: Database, verdict: Verdict | None) -> None:
    """The case gets a verdict."""
    value = verdict.value if verdict else None
    await database.execute(sa.update(cases).values(verdict=value))


async def test_alerts_of_cases_and_recorded_ones_come_by_their_time(
    ledger: Ledger, database: Database
) -> None:
    """As they were sent; `at` is the time of the event, not of its receipt."""
    late = an_alert(1, occurred_at="2026-11-23T02:59:58.250Z")
    middle = an_alert(2, occurred_at="2026-11-23T02:30:00Z")
    early = an_alert(3, occurred_at="2026-11-23T02:00:00Z")
    await take(ledger, late, early)
    await AlertRecords(database, lambda: T0).add([a_record(middle)])
    found = await lines(database)
    assert [json.loads(line.body) for line in found] == [
        data(each) for each in (early, middle, late)
    ]
    assert [line.at for line in found] == [
        (T0 - timedelta(minutes=60)).timestamp(),
        (T0 - timedelta(minutes=30)).timestamp(),
        (T0 - timedelta(seconds=1.75)).timestamp(),
    ]


async def test_equal_times_come_in_the_order_of_receipt(ledger: Ledger, database: Database) -> None:
    """Then by detector and id."""
    await take(ledger, an_alert(4), an_alert(3), at=T0 + timedelta(minutes=1))
    await AlertRecords(database, lambda: T0).add([a_record(an_alert(9))])
    assert ids(await lines(database)) == ["chat-000009", "chat-000003", "chat-000004"]


async def test_a_decision_by_koban_is_no_label(ledger: Ledger, database: Database) -> None:
    """It says nothing about the rules that made it; what a person decides later does."""
    await take(ledger, an_alert(1))
    await judge(database, Verdict.VIOLATION)
    happened = {"case_id": opening().case, "at": T0, "data_digest": "", "prev_hash": "", "hash": ""}
    koban = {"seq": 2, "kind": "auto_decided", "actor": None}
    await database.execute(sa.insert(events), {**happened, **koban})
    assert [line.label for line in await lines(database)] == [None]
    person = {"seq": 3, "kind": "decided", "actor": "U0SATO"}
    await database.execute(sa.insert(events), {**happened, **person})
    assert [line.label for line in await lines(database)] == [True]


@pytest.mark.parametrize(
    ("verdict", "label"),
    [
        (Verdict.VIOLATION, True),
        (Verdict.NO_VIOLATION, False),
        (Verdict.FALSE_POSITIVE, False),
        (None, None),
    ],
)
async def test_the_verdict_of_the_case_is_the_label(
    ledger: Ledger, database: Database, verdict: Verdict | None, label: bool | None
) -> None:
    """A recorded alert has none, although its record names the case."""
    await take(ledger, an_alert(1))
    await judge(database, verdict)
    record = a_record(an_alert(2), case=opening().case)
    await AlertRecords(database, lambda: T0).add([record])
    assert [line.label for line in await lines(database)] == [label, None]


async def test_an_alert_of_a_case_that_is_gone_has_no_label(
    ledger: Ledger, database: Database
) -> None:
    """It is still an alert."""
    await take(ledger, an_alert(1))
    await database.execute(sa.delete(cases))
    assert [line.label for line in await lines(database)] == [None]


async def test_each_alert_comes_once(ledger: Ledger, database: Database) -> None:
    """Also if a case and several playbooks have it."""
    await take(ledger, an_alert(1))
    records = [
        a_record(an_alert(1), beside=True),
        a_record(an_alert(1), playbook="other"),
        a_record(an_alert(2)),
        a_record(an_alert(2), playbook="other"),
        a_record(an_alert(2), playbook="third", beside=True),
    ]
    await AlertRecords(database, lambda: T0).add(records)
    assert ids(await lines(database)) == ["chat-000001", "chat-000002"]
    counted = await asyncio.to_thread(LedgerAlerts(address(database), SINCE, UNTIL).count)
    assert counted == 2


async def test_the_time_of_receipt_is_in_the_window(ledger: Ledger, database: Database) -> None:
    """The first moment belongs to it, the last one does not."""
    await take(ledger, an_alert(1), at=T0)
    await AlertRecords(database, lambda: T0 + timedelta(hours=1)).add([a_record(an_alert(2))])
    hour = timedelta(hours=1)
    assert ids(await lines(database, T0, T0 + hour)) == ["chat-000001"]
    assert ids(await lines(database, T0 + hour, T0 + 2 * hour)) == ["chat-000002"]
    assert ids(await lines(database, T0 - hour, T0)) == []


async def test_an_erased_alert_comes_as_it_is_stored(closed: Ledger, database: Database) -> None:
    """Its title and evidence are gone."""
    await SubjectEraser(database, SIGNER).erase_subject(PERSON, "ticket 7", T0 + timedelta(days=5))
    (line,) = await lines(database)
    stored = (await database.rows(sa.select(alerts.c.body)))[0]["body"]
    assert json.loads(line.body) == stored
    assert "LINE ID" not in line.body


async def test_only_the_last_chunk_is_shorter(ledger: Ledger, database: Database) -> None:
    """Seven alerts in chunks of three; none is unreadable."""
    await take(ledger, *(an_alert(number) for number in range(7)))
    reader = LedgerAlerts(address(database), SINCE, UNTIL)
    chunks = await asyncio.to_thread(lambda: list(reader.chunks(3)))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert reader.unreadable == 0


async def test_an_iterator_that_is_closed_early_ends_its_connection(
    ledger: Ledger, database: Database
) -> None:
    """Another process can write and read at once."""
    await take(ledger, *(an_alert(number) for number in range(7)))

    def first(chunks: Iterator[list[Line]]) -> list[Line]:
        found = next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        return found

    reader = LedgerAlerts(address(database), SINCE, UNTIL)
    assert len(await asyncio.to_thread(first, reader.chunks(2))) == 2
    await judge(database, Verdict.VIOLATION)
    assert [line.label for line in await lines(database)] == [True] * 7


def test_a_missing_ledger_is_unavailable(tmp_path: Path) -> None:
    """A file of SQLite is not made, and a server that does not run is named."""
    file = tmp_path / "ledger.db"
    missing = LedgerAlerts(f"sqlite+aiosqlite:///{file}", SINCE, UNTIL)
    with pytest.raises(LedgerGone, match="is missing"):
        missing.count()
    with pytest.raises(LedgerGone, match="is missing"):
        list(missing.chunks(5))
    assert not file.exists()
    nobody = LedgerAlerts(f"postgresql+asyncpg://koban@/koban?host={tmp_path}", SINCE, UNTIL)
    with pytest.raises(LedgerUnavailable, match="does not answer"):
        nobody.count()


def test_a_database_without_tables_is_no_ledger(url: str, tmp_path: Path) -> None:
    """The sentence names the address."""
    if url.startswith("sqlite"):
        (tmp_path / "ledger.db").touch()
    with pytest.raises(BacktestInputError, match=r"has no ledger: check its address\.$"):
        LedgerAlerts(url, SINCE, UNTIL).count()
    with pytest.raises(BacktestInputError, match=r"has no ledger: check its address\.$"):
        list(LedgerAlerts(url, SINCE, UNTIL).chunks(5))
