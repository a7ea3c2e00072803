"""Alert claims of a case, on both databases."""

import asyncio
from datetime import datetime

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import alerts
from activities.ledger.team import Automation
from tests.activities.ledger.recording import count, opening
from tests.workflows.domain.builders import T0, TANAKA, a_case, an_alert, minutes
from workflows.domain.alerts import Alert
from workflows.domain.automation import AutomationChange, AutomationPause, PauseChange
from workflows.ports.cases import ClaimAlerts, ClaimedAlerts

CASE, OTHER = "K7Q2F9XM0", "K00000002"


def claim(*numbers: int, case: str = CASE, minute: float = 1) -> ClaimAlerts:
    """A claim of the alerts with these numbers."""
    claimed = tuple(map(an_alert, numbers))
    return ClaimAlerts(case=case, at=minutes(minute), alerts=claimed)


def known(*numbers: int) -> ClaimedAlerts:
    """The answer with these alerts as duplicates of another case."""
    return ClaimedAlerts(known=tuple(f"live-chat/chat-{number:06}" for number in numbers))


async def owners(database: Database) -> dict[str, tuple[str, datetime]]:
    """Case and claim time of each alert."""
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(alerts))).all()
    return {row.alert_id: (row.case_id, row.received_at) for row in rows}


async def test_new_alerts_are_stored_with_their_case(ledger: Ledger, database: Database) -> None:
    """New alerts are stored with the time of the claim."""
    assert await ledger.claim_alerts(claim(2, 3)) == ClaimedAlerts()
    assert await owners(database) == {
        "chat-000002": (CASE, minutes(1)),
        "chat-000003": (CASE, minutes(1)),
    }


async def test_a_second_attempt_of_a_claim_is_no_duplicate(
    ledger: Ledger, database: Database
) -> None:
    """On a retry the alerts are still new to the case, and stored once."""
    for _ in range(3):
        assert await ledger.claim_alerts(claim(2, 3)) == ClaimedAlerts()
    assert await count(database, alerts) == 2


async def test_a_second_attempt_gives_the_first_answer(ledger: Ledger) -> None:
    """A retry returns the same duplicates as the first attempt."""
    await ledger.record(opening())
    for _ in range(2):
        assert await ledger.claim_alerts(claim(1, 2)) == known(1)


async def test_a_later_claim_of_the_same_case_finds_a_duplicate(
    ledger: Ledger, database: Database
) -> None:
    """The same alert one minute later is a duplicate and keeps its first time."""
    await ledger.claim_alerts(claim(2))
    assert await ledger.claim_alerts(claim(2, 3, minute=2)) == known(2)
    assert (await owners(database))["chat-000002"] == (CASE, minutes(1))


async def test_an_alert_of_another_case_is_known(ledger: Ledger, database: Database) -> None:
    """It stays in the case that claimed it first, even if both claims have the same time."""
    await ledger.claim_alerts(claim(2, 3, case=OTHER))
    assert await ledger.claim_alerts(claim(2, 3, 4)) == known(2, 3)
    assert {case for case, _ in (await owners(database)).values()} == {OTHER, CASE}
    assert (await owners(database))["chat-000004"] == (CASE, minutes(1))


async def test_the_alert_that_opened_a_case_is_known(ledger: Ledger) -> None:
    """A repeated first alert counts once."""
    await ledger.record(opening())
    assert await ledger.claim_alerts(claim(1)) == known(1)


async def test_an_alert_that_comes_twice_in_one_claim_is_stored_once(
    ledger: Ledger, database: Database
) -> None:
    """A duplicate within one claim does not make the claim fail."""
    assert await ledger.claim_alerts(claim(2, 2)) == ClaimedAlerts()
    assert await count(database, alerts) == 1


async def test_two_detectors_may_use_one_id(ledger: Ledger, database: Database) -> None:
    """An alert is identified by its detector and id."""
    await ledger.claim_alerts(claim(2))
    other: Alert = an_alert(2).model_copy(update={"detector": "other"})
    asked = ClaimAlerts(case=OTHER, at=minutes(2), alerts=(other,))
    assert await ledger.claim_alerts(asked) == ClaimedAlerts()
    assert await count(database, alerts) == 2


async def test_an_id_with_a_slash_is_found_again(ledger: Ledger) -> None:
    """A retry recognizes it."""
    odd = an_alert(2).model_copy(update={"id": "a/b/c"})
    asked = ClaimAlerts(case=CASE, at=minutes(1), alerts=(odd,))
    for _ in range(2):
        assert await ledger.claim_alerts(asked) == ClaimedAlerts()


async def test_of_many_claims_at_once_one_has_the_alert(ledger: Ledger) -> None:
    """Twenty cases claim the same hundred alerts, and each alert joins exactly one."""
    numbers = range(1, 101)
    claims = [claim(*numbers, case=f"K{number:08}") for number in range(20)]
    found = await asyncio.gather(*map(ledger.claim_alerts, claims))
    assert sum(100 - len(each.known) for each in found) == 100


async def test_claims_in_different_orders_do_not_stop_each_other(ledger: Ledger) -> None:
    """Two cases claim the same alerts in opposite orders without a deadlock."""
    numbers = range(1, 101)
    for round_ in range(10):
        pair = (
            claim(*(round_ * 100 + number for number in numbers), case=CASE),
            claim(*(round_ * 100 + number for number in reversed(numbers)), case=OTHER),
        )
        found = await asyncio.gather(*map(ledger.claim_alerts, pair))
        assert sum(100 - len(each.known) for each in found) == 100


async def test_an_empty_claim_reads_only_the_pause(ledger: Ledger, database: Database) -> None:
    """Nothing is stored."""
    assert await ledger.claim_alerts(claim()) == ClaimedAlerts()
    assert await count(database, alerts) == 0


@pytest.mark.parametrize("asks", [True, False])
async def test_the_answer_has_the_pauses_where_a_protection_is_due(
    ledger: Ledger, database: Database, asks: bool
) -> None:
    """A claim of alerts that only count has none."""
    pause = AutomationChange(kind=PauseChange.PAUSED, by=TANAKA.id, at=T0, playbook="off_platform")
    await Automation(database).change(lambda _: pause)
    asked = claim(2).model_copy(update={"automation": asks})
    current = AutomationPause(playbook="off_platform", by="U0TANAKA", at=T0)
    assert (await ledger.claim_alerts(asked)).pauses == ((current,) if asks else ())


async def test_a_claim_needs_no_row_of_its_case(ledger: Ledger, database: Database) -> None:
    """A case with a lost row still gets its alerts."""
    assert await ledger.claim_alerts(claim(2, case="K00000009")) == ClaimedAlerts()
    assert a_case().id not in {case for case, _ in (await owners(database)).values()}
