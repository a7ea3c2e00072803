"""Finding cases in the ledger, as the listeners use it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from activities.ledger.errors import LedgerUnavailable
from activities.ledger.finding import Finding
from activities.ledger.queries import Queries
from bot.slack.doors import CaseLine, Record, Unavailable
from bot.slack.ledger_door import line_of
from bot.slack.slash.wording import case_begun
from workflows.domain.alert import Subject


class LedgerFinding:
    """`FindDoor` over the real ledger."""

    def __init__(self, finding: Finding, queries: Queries) -> None:
        self._finding = finding
        self._queries = queries

    async def cases(self, text: str, first: int, size: int) -> tuple[CaseLine, ...]:
        """Cases with `text` in them, or whose id begins so."""
        async with _reached():
            rows = await self._finding.cases(text, case_begun(text), first, size)
        return tuple(line_of(row) for row in rows)

    async def near(self, case: str) -> tuple[str, ...]:
        """The ids of cases that differ in one character."""
        async with _reached():
            return tuple(await self._queries.cases_like(case))

    async def of_alert(self, detector: str, alert: str) -> CaseLine | None:
        """The case of an alert."""
        async with _reached():
            row = await self._queries.case_of_alert(detector, alert)
        return None if row is None else line_of(row)

    async def records(self, subjects: Sequence[Subject]) -> dict[str, Record]:
        """What there is on each of them."""
        async with _reached():
            found = await self._finding.records(subjects)
        return {
            key: Record(open_cases=cases, standing=standing)
            for key, (cases, standing) in found.items()
        }


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    try:
        yield
    except LedgerUnavailable as error:
        raise Unavailable(str(error)) from error
