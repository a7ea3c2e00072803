"""Accepted alerts: whatever the endpoint accepts can be stored, drawn, counted and found."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from activities.ledger.cases import Ledger
from activities.ledger.database import Database, migrate
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.search import Search
from activities.ledger.statistics import Statistics
from activities.slack.cards.case import case_card
from bot.http.validation import Window, read_alerts
from bot.slack.evidence.pages import ALERTS, ListState, Start, list_view, page_at
from tests.activities.slack.cases import POLICY, ROUTE
from tests.slack_shapes.checks import faults_of, sandbox_faults
from tests.slack_shapes.scene import Scene
from tests.slack_shapes.sent import message, view
from workflows.domain.alerts import Alert, brief
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.evolve import opened
from workflows.domain.case.model import Case
from workflows.domain.case.projection import case_row
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.domain.case.view import view_of
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Language
from workflows.ports.cases import LedgerWrite

WINDOW = Window(oldest=timedelta(days=365), newest=timedelta(minutes=5))

ODD = st.sampled_from(
    [
        *("", " ", "\u200b", "\u0000", "\ud83d", "\u202e", "\ufeff", "\u3164", "\n", "\x1b[31m"),
        *(
            "<!channel>",
            "<@U0SATO>",
            "*_~`",
            "```",
            "&lt;",
            "<https://x.example|見る>",
            "'; --",
            "%",
        ),
        *(
            "👩‍👩‍👧",
            "あ" * 3_000,
            "𠮷" * 700,
            "a" * 257,
            "{subject.id}",
            "\\",
            '"',
            "é\u0301" * 200,
        ),
    ]
)
TEXTS = ODD | st.text(max_size=40) | st.text(st.characters(codec=None), max_size=8)
NUMBERS = st.integers() | st.floats() | st.sampled_from([1e27, -1e308, 2**63, 2**63 - 1, -1, True])
ATTRIBUTES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
IDS = st.sampled_from(["u_123", "販売 者", "x" * 256, "a/b", "a:b", "<!here>"]) | TEXTS
TYPES = st.sampled_from(["user", "stream", "x" * 64, "a.b-c_d"])
SUBJECTS = st.fixed_dictionaries({"type": TYPES, "id": IDS})
PIECES = st.fixed_dictionaries(
    {"kind": st.just("text"), "text": TEXTS}, optional={"sensitive": st.booleans()}
) | st.fixed_dictionaries(
    {
        "kind": st.just("image"),
        "url": st.sampled_from(["https://i.example/1.png", "https://[::1]/ü?q=1#x", ""]) | TEXTS,
    }
)
TIMES = st.sampled_from(
    ["2026-11-23T03:04:05Z", "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00", "-1"]
)
LATELY = st.integers(-370 * 86_400, 300).map(
    lambda seconds: (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
)
RAW = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["off_platform", "x" * 64]),
        "subject": SUBJECTS,
        "occurred_at": LATELY | LATELY | LATELY | TIMES,
    },
    optional={
        "related": st.lists(SUBJECTS, max_size=12),
        "score": st.floats(-0.1, 1.1) | st.sampled_from([0, 1, True, "0.5"]),
        "title": TEXTS | st.dictionaries(st.sampled_from(["ja", "en", "jp"]), TEXTS, max_size=2),
        "evidence": st.lists(PIECES, max_size=5),
        "attributes": st.dictionaries(TEXTS | st.just("viewers"), ATTRIBUTES, max_size=4),
    },
)
NUMBER = itertools.count()
EXAMPLES = 150


def as_body(raw: dict[str, Any]) -> bytes:
    """JSON that keeps what JSON has no words for: NaN, and halves of surrogate pairs."""
    return json.dumps(raw).encode()


def accepted(raw: dict[str, Any]) -> Alert | None:
    """The alert as the endpoint passes it on, read again from Temporal's payload."""
    [read] = read_alerts(as_body(raw), None, frozenset(), WINDOW)
    if not isinstance(read, Alert):
        return None
    stored = Alert.model_validate_json(read.model_dump_json())
    assert stored == read
    return stored


def case_of(alert: Alert, number: int) -> tuple[Case, LedgerWrite]:
    """The case that the alert opens, and its first write to the ledger."""
    now = datetime.now(UTC)
    event = CaseOpened(
        at=now,
        case=f"K{number:08d}",
        playbook="off_platform",
        subject=alert.subject,
        severity=Severity.CRITICAL,
        alert=brief(alert),
    )
    case = opened(ROUTE, POLICY, event)
    write = LedgerWrite(
        case=case.id,
        owner_key=f"run-{number}",
        events=(Recorded(seq=1, event=event),),
        row=case_row(case),
        alerts=(ReceivedAlert(alert=alert, at=now),),
    )
    return case, write


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Database]]:
    """A loop with a migrated ledger, for all examples."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    with asyncio.Runner() as runner:
        runner.run(migrate(database))
        yield runner, database
        runner.run(database.aclose())


async def check_stored(database: Database, alert: Alert, case: Case, write: LedgerWrite) -> None:
    """The alert is stored, its evidence drawn, its case found and counted."""
    await Ledger(database).record(write)
    later = datetime.now(UTC) + timedelta(seconds=1)
    page = await EvidenceRecord(database).page(case.id, 0, ALERTS, later)
    assert [each.key for each in page.alerts] == [alert.key]
    found = await Search(database).cases(alert.subject.id, None, 0, 10_000)
    assert case.id in {row["id"] for row in found}
    numbers = await Statistics(database).numbers(later - timedelta(days=1), later)
    assert numbers is not None
    for language in Language:
        reader = Scene(language).reader
        state = ListState(
            workflow_id=ROUTE,
            case=case.id,
            version=1,
            channel="C0123456789",
            thread="1763900000.000100",
            language=language,
            until=later,
        )
        drawn = list_view(page_at(Start(0, 0), page.alerts, 1), 1, state, reader)
        assert faults_of(view(drawn)) == []
        assert sandbox_faults(view(drawn)) == []


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=RAW)
def test_an_accepted_alert_becomes_a_card(
    raw: dict[str, Any], runner: tuple[asyncio.Runner, Database]
) -> None:
    """The card is valid in both languages; evidence, search and numbers can read the alert."""
    number, (loop, database) = next(NUMBER), runner
    alert = accepted({**raw, "id": f"a{number}"})
    event(f"accepted: {alert is not None}")
    if alert is None:
        return
    case, write = case_of(alert, number)
    for language in Language:
        card = message(case_card(view_of(case), Scene(language).reader))
        assert faults_of(card) == []
        assert sandbox_faults(card) == []
    loop.run(check_stored(database, alert, case, write))
