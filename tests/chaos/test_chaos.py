"""Forty cases through kills, outages, lost answers and repeated presses: nothing may be lost."""

import pytest

from tests.chaos.plan import make_plan
from tests.chaos.report import report
from tests.chaos.run import run

SEED = 2026


@pytest.mark.timeout(240)
async def test_forty_cases_in_chaos() -> None:
    """Every promise holds; the report says which one does not, where, and how to play it again."""
    outcome = await run(make_plan(SEED, 40))
    assert outcome.violations == [], report(outcome)
