"""Automation pauses in the ledger, on both databases."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import automation
from activities.ledger.team import Automation
from tests.activities.ledger.recording import wanted
from tests.workflows.domain.builders import REED, SATO, T0, TANAKA, an_alert, minutes
from workflows.domain.automation import (
    EVERYTHING,
    AutomationChange,
    AutomationPause,
    PauseState,
    Scope,
    Unchanged,
    pause,
    resume,
)
from workflows.ports.cases import ClaimAlerts

HOUR = timedelta(hours=1)
STOP = partial(pause, by=SATO, scope=EVERYTHING, lasts=None, now=T0)


@pytest.fixture
def pauses(database: Database) -> Automation:
    """Automation pauses of an empty ledger."""
    return Automation(database)


async def kinds(database: Database) -> list[tuple[str, str]]:
    """Kind and actor of every row, in order."""
    query = sa.select(automation.c.kind, automation.c.actor).order_by(automation.c.id)
    async with database.reading() as connection:
        return [(row.kind, row.actor) for row in await connection.execute(query)]


async def test_a_pause_is_returned_until_its_end(ledger: Ledger, pauses: Automation) -> None:
    """The activity returns the pauses that are active at the worker's time."""
    await pauses.change(
        partial(pause, by=SATO, scope=Scope(playbook="off_platform"), lasts=HOUR, now=T0)
    )
    expected = AutomationPause(playbook="off_platform", by="U0SATO", at=T0, until=minutes(60))
    for minute, stands in ((0, (expected,)), (59, (expected,)), (60, ())):
        at = minutes(minute)
        activities = LedgerActivities(ledger.database, lambda at=at: at)
        assert await activities.automation_pauses("K1") == stands
    assert await pauses.active(T0) == (PauseState(pause=expected),)


async def test_a_detector_is_known_by_its_alerts(ledger: Ledger, pauses: Automation) -> None:
    """A detector without a file is known once the ledger has an alert of it, in any capitals."""
    assert await pauses.sender_named("live-chat") is None
    await ledger.open_case(wanted())
    assert await pauses.sender_named("live-chat") == "live-chat"
    assert await pauses.sender_named("live") is None
    alert = an_alert(2).model_copy(update={"detector": "Fraud-Bot"})
    await ledger.claim_alerts(ClaimAlerts(case="K7Q2F9XM0", at=T0, alerts=(alert,)))
    # A command is folded before it is read.
    assert await pauses.sender_named("fraud-bot") == "Fraud-Bot"


async def test_what_is_refused_leaves_no_row(pauses: Automation, database: Database) -> None:
    """A refused change writes no row; accepted ones stay on record."""
    outcome = await pauses.change(partial(resume, by=SATO, scope=EVERYTHING, now=T0))
    assert outcome is Unchanged.NOT_PAUSED
    assert await kinds(database) == []
    await pauses.change(STOP)
    await pauses.change(partial(resume, by=SATO, scope=EVERYTHING, now=T0))
    await pauses.change(partial(resume, by=TANAKA, scope=EVERYTHING, now=T0))
    assert await pauses.active(T0) == ()
    assert await kinds(database) == [
        ("paused", "U0SATO"),
        ("resume_asked", "U0SATO"),
        ("resumed", "U0TANAKA"),
    ]


async def test_concurrent_resumes_are_a_request_and_an_approval(
    pauses: Automation, database: Database
) -> None:
    """Two leads click at the same time: one requests, the other approves."""
    await pauses.change(STOP)
    outcomes = await asyncio.gather(
        *(pauses.change(partial(resume, by=by, scope=EVERYTHING, now=T0)) for by in (TANAKA, REED))
    )
    assert all(isinstance(each, AutomationChange) for each in outcomes)
    assert [kind for kind, _ in await kinds(database)] == ["paused", "resume_asked", "resumed"]


async def test_concurrent_requests_are_one_request(pauses: Automation, database: Database) -> None:
    """Where only requests are possible, the second one changes nothing, even by a lead."""
    await pauses.change(STOP)
    outcomes = await asyncio.gather(
        *(pauses.request_resume(by, EVERYTHING, T0) for by in (TANAKA, REED))
    )
    assert [each for each in outcomes if isinstance(each, Unchanged)] == [Unchanged.ALREADY_ASKED]
    assert [kind for kind, _ in await kinds(database)] == ["paused", "resume_asked"]
