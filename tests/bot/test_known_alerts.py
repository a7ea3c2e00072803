"""Coalesced duplicate checks: many requests share one query."""

import asyncio
from collections.abc import Sequence

import pytest

from activities.ledger.database import LedgerUnavailable
from bot.admission import RECENT_FOR, AlertSubmitter, CoalescedQuery, Pair
from tests.bot.http.conftest import no_record, target_of
from tests.bot.http.fakes import KnownKeys, RecordingCases
from tests.workflows.domain.builders import an_alert
from workflows.domain.alerts import Outcome


class SlowLedger:
    """A ledger that answers when the test lets it."""

    def __init__(self) -> None:
        self.asked: list[set[Pair]] = []
        self.begun, self.open = asyncio.Event(), asyncio.Event()
        self.away = False

    async def __call__(self, pairs: Sequence[Pair]) -> frozenset[Pair]:
        """Returns every alert of the detector `old`."""
        self.asked.append(set(pairs))
        self.begun.set()
        await self.open.wait()
        if self.away:
            raise LedgerUnavailable("away")
        return frozenset(pair for pair in pairs if pair[0] == "old")


async def test_a_request_during_a_query_joins_the_next_one() -> None:
    """Three requests make two queries, and each gets its own result."""
    ledger = SlowLedger()
    known = CoalescedQuery(ledger)
    first = asyncio.create_task(known([("old", "1")]))
    await ledger.begun.wait()
    others = [asyncio.create_task(known([(name, "2")])) for name in ("old", "new")]
    await asyncio.sleep(0)
    ledger.open.set()
    assert await first == frozenset({("old", "1")})
    assert [await other for other in others] == [frozenset({("old", "2")}), frozenset()]
    assert ledger.asked == [{("old", "1")}, {("old", "2"), ("new", "2")}]


async def test_a_cancelled_request_does_not_disturb_the_others() -> None:
    """The shared query continues."""
    ledger = SlowLedger()
    known = CoalescedQuery(ledger)
    hasty, patient = (asyncio.create_task(known([("old", name)])) for name in ("1", "2"))
    await asyncio.sleep(0)
    hasty.cancel()
    ledger.open.set()
    assert await patient == frozenset({("old", "2")})


async def test_a_failed_query_fails_for_every_request_that_shares_it() -> None:
    """The next request starts another query."""
    ledger = SlowLedger()
    ledger.away = True
    ledger.open.set()
    known = CoalescedQuery(ledger)
    with pytest.raises(LedgerUnavailable):
        await known([("old", "1")])
    ledger.away = False
    assert await known([("old", "1")]) == frozenset({("old", "1")})


async def test_an_accepted_alert_that_the_ledger_never_got_is_no_duplicate_for_ever() -> None:
    """Temporal may have lost it: after ten minutes the ledger is asked again."""
    now = 0.0
    cases, ledger = RecordingCases(), KnownKeys()
    submitter = AlertSubmitter(cases, target_of, ledger, clock=lambda: now, record=no_record)  # type: ignore[arg-type]
    (first,) = await submitter.submit([an_alert()])
    (again,) = await submitter.submit([an_alert()])
    now = RECENT_FOR
    (later,) = await submitter.submit([an_alert()])
    outcomes = [each.outcome for each in (first, again, later)]
    assert outcomes == [Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.ACCEPTED]
    assert len(cases.taken) == 2
