"""Forty cases with kills, outages, lost answers and repeated clicks: nothing is lost."""

import os

import pytest

from tests.chaos.invariants import timers_are_kept
from tests.chaos.plan import make_plan
from tests.chaos.report import report
from tests.chaos.run import run

SEED = 2026


def busy_with_others() -> bool:
    """True if this machine's load exceeds its processors before the run."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


@pytest.mark.long
async def test_forty_cases_in_chaos() -> None:
    """Every invariant holds; the report has the violations and the command to repeat the run.

    On a machine with other load the timers are not checked, because two seconds of lateness mean
    nothing cluster. Every other invariant holds on any machine.
    """
    left_out = {timers_are_kept.NUMBER} if busy_with_others() else set()
    outcome = await run(make_plan(SEED, 40))
    assert [v for v in outcome.violations if v.invariant not in left_out] == [], report(outcome)
