"""New cases in the ledger, on both databases."""

import asyncio

import pytest

from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from activities.ledger.database import Database, Row
from activities.ledger.queries import Queries
from activities.ledger.schema import alerts, cases, events
from activities.ledger.team import Automation
from tests.activities.ledger.recording import closing, count, following, opening, wanted
from tests.workflows.domain.builders import PLAYBOOK, SATO, T0, TANAKA, a_case, minutes
from workflows.domain.automation import AutomationChange, AutomationPause, PauseChange
from workflows.domain.case import commands as cmd
from workflows.domain.case.events import CaseOpened
from workflows.domain.case.model import Case, SubjectHistory
from workflows.domain.ids import case_id
from workflows.ports.cases import OpenCase, OpenedCase

FIRST, NEXT = "K6V6VC9YM", "K0GHK05EK"
"""The candidates for the key `run-1`."""
SECOND = "K254QERZX"
"""The first candidate for the key `run-2`."""


async def rows(database: Database) -> tuple[int, int, int]:
    """Numbers of cases, alerts and events."""
    return (
        await count(database, cases),
        await count(database, alerts),
        await count(database, events),
    )


async def opened(ledger: Ledger, asked: OpenCase) -> CaseOpened:
    """The event of a new case."""
    found = await ledger.open_case(asked)
    assert found.event is not None
    return found.event


async def the_row(queries: Queries, case: str) -> Row:
    row = await queries.case(case)
    assert row is not None
    return row


async def test_a_case_opens_with_its_row_its_alert_and_its_event(
    ledger: Ledger, queries: Queries
) -> None:
    """One call writes all three under an id derived from the key."""
    event = await opened(ledger, wanted())
    assert (event.case, event.at, event.history) == (FIRST, T0, SubjectHistory())
    row = await the_row(queries, FIRST)
    assert (row["owner_key"], row["phase"], row["version"]) == ("run-1", "open", 1)
    assert (row["workflow_id"], row["alerts"]) == ("case/off_platform/TEST", 1)
    (story,) = await queries.events_of(FIRST)
    assert (story["seq"], story["kind"], story["data"]["case"]) == (1, "case_opened", FIRST)
    found = await queries.case_of_alert("live-chat", "chat-000001")
    assert found is not None
    assert found["id"] == FIRST


async def test_a_second_attempt_finds_the_first(ledger: Ledger, database: Database) -> None:
    """The same key returns the same answer and adds no row."""
    first = await ledger.open_case(wanted())
    later = wanted().event.model_copy(update={"at": minutes(1)})
    for again in (wanted(), wanted().model_copy(update={"event": later})):
        assert await ledger.open_case(again) == first
    assert await rows(database) == (1, 1, 1)


async def test_a_second_attempt_finds_a_case_that_went_on(ledger: Ledger) -> None:
    """The answer is the first event, even after later ones."""
    first = await ledger.open_case(wanted())
    await ledger.record(following(named(FIRST), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO)))
    assert await ledger.open_case(wanted()) == first


async def test_many_attempts_at_once_open_one_case(ledger: Ledger, database: Database) -> None:
    """Concurrent attempts all return the same answer."""
    first, *others = await asyncio.gather(*(ledger.open_case(wanted()) for _ in range(20)))
    assert first.event is not None
    assert others == [first] * 19
    assert await rows(database) == (1, 1, 1)


async def test_two_cases_that_race_for_one_id_both_open(ledger: Ledger, database: Database) -> None:
    """The later case takes its next candidate id."""
    for round_ in range(10):
        number, key = 10 + 2 * round_, f"run-{10 + round_}"
        rival = following(named(case_id(key)), cmd.Claim(by=SATO), key="somebody-else")
        opening_, _ = await asyncio.gather(
            ledger.open_case(wanted(key, number)),
            ledger.record(rival.model_copy(update={"events": ()})),
            return_exceptions=True,
        )
        assert isinstance(opening_, OpenedCase), opening_
        assert opening_.event is not None
    assert await count(database, events) == 10


async def test_a_known_alert_opens_no_case(ledger: Ledger, database: Database) -> None:
    """Nothing is written, even after the alert's case closed."""
    await ledger.open_case(wanted())
    for _ in range(2):
        assert await ledger.open_case(wanted("run-2")) == OpenedCase()
        assert await rows(database) == (1, 1, 1)
    await ledger.record(following(named(FIRST), cmd.MarkNoViolation(by=SATO)))
    assert await ledger.open_case(wanted("run-3")) == OpenedCase()


async def test_an_id_of_another_case_is_passed_over(ledger: Ledger, queries: Queries) -> None:
    """The second candidate id is used, and a retry finds it."""
    taken = a_case().model_copy(update={"id": FIRST})
    await ledger.record(opening(taken, key="somebody-else", number=9))
    for _ in range(2):
        event = await opened(ledger, wanted())
        assert event.case == NEXT
    assert (await the_row(queries, FIRST))["owner_key"] == "somebody-else"


def named(case: str) -> Case:
    """The case as its workflow has it."""
    return a_case().model_copy(update={"id": case})


async def reopened(ledger: Ledger) -> str:
    """A case of the group that was closed and reopened."""
    case = named((await opened(ledger, wanted())).case)
    reopen = cmd.Reopen(by=SATO, reason="新しい証拠")
    await ledger.record(closing(case, cmd.MarkNoViolation(by=SATO)))
    await ledger.record(following(case, cmd.MarkNoViolation(by=SATO), reopen))
    return case.id


async def test_the_alert_of_a_reopened_group_joins_the_reopened_case(
    ledger: Ledger, database: Database
) -> None:
    """No second case opens, and the alert stays unclaimed."""
    case = await reopened(ledger)
    before = await rows(database)
    for _ in range(2):
        assert await ledger.open_case(wanted("run-2", 2)) == OpenedCase(joins=case)
    assert await rows(database) == before


async def test_alerts_given_back_by_a_reopened_case_open_the_next_one(ledger: Ledger) -> None:
    """`after` names that case, so it does not get them again."""
    case = await reopened(ledger)
    event = await opened(ledger, wanted("run-2", 2, after=case))
    assert event.case == SECOND
    assert event.history.open_cases == (case,)


async def test_a_case_that_was_never_closed_takes_no_alert_of_the_next(ledger: Ledger) -> None:
    """An operator ended its workflow, so the alert would stay unhandled."""
    await ledger.open_case(wanted())
    assert (await opened(ledger, wanted("run-2", 2))).case == SECOND


async def test_another_group_is_not_joined(ledger: Ledger) -> None:
    """A reopened case only takes alerts of its own group."""
    await reopened(ledger)
    other = a_case().model_copy(update={"workflow_id": "case/off_platform/OTHER"})
    assert (await opened(ledger, wanted("run-2", 2, other))).case == SECOND


async def test_the_opening_has_the_history_of_its_subject(ledger: Ledger) -> None:
    """Open cases are named and closed ones counted, without the new case."""
    await ledger.record(opening())
    closed = a_case().model_copy(update={"id": "K00000002"})
    await ledger.record(opening(closed, key="run-0", number=3))
    await ledger.record(following(closed, cmd.MarkNoViolation(by=SATO), key="run-0"))
    event = await opened(ledger, wanted("run-2", 2))
    assert event.history == SubjectHistory(open_cases=("K7Q2F9XM0",), closed_cases=1)
    again = await opened(ledger, wanted("run-2", 2))
    assert again.history == event.history


@pytest.mark.parametrize("asks", [True, False])
async def test_the_answer_has_the_pauses_where_the_case_would_protect(
    ledger: Ledger, database: Database, asks: bool
) -> None:
    """The first attempt and a retry both have it."""
    pause = AutomationChange(
        kind=PauseChange.PAUSED, by=TANAKA.id, at=T0, playbook=PLAYBOOK.playbook
    )
    await Automation(database).change(lambda _: pause)
    current = AutomationPause(playbook="off_platform", by="U0TANAKA", at=T0)
    for _ in range(2):
        asked = wanted().model_copy(update={"automation": asks})
        assert (await LedgerActivities(ledger.database).open_case(asked)).pauses == (
            (current,) if asks else ()
        )


async def test_a_case_that_stayed_closed_takes_no_alert_of_the_next(ledger: Ledger) -> None:
    """Only a reopened case takes one."""
    case = named((await opened(ledger, wanted())).case)
    await ledger.record(closing(case, cmd.MarkNoViolation(by=SATO)))
    assert (await opened(ledger, wanted("run-2", 2))).case == SECOND
