"""Baselines for whole cases: workflows with the same signals and activities, and no logic."""

from datetime import timedelta

from temporalio import activity, workflow

SIGNALS = 3
"""Alert, claim and preset."""
UNHURRIED = 11
"""open_case, roles_of, show ×4, record ×4 and carry_out, as a standard untimed case has them."""


@activity.defn
async def nothing() -> None:
    """Does nothing."""


async def _activities(count: int) -> None:
    for _ in range(count):
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))


@workflow.defn
class BaselineChild:
    """Runs one activity, as an enforcement with one action does."""

    @workflow.run
    async def run(self) -> None:
        """One activity."""
        await _activities(1)


@workflow.defn
class Baseline:
    """Waits for the signals, and runs the activities in between."""

    def __init__(self) -> None:
        self._signals = 0

    @workflow.signal
    def press(self) -> None:
        """Counts a click."""
        self._signals += 1

    @workflow.run
    async def run(self, activities: int, child: bool) -> None:
        """Runs `activities` of them; with `child` the last one in a child workflow."""
        left = activities - child
        for step in range(1, SIGNALS + 1):
            await workflow.wait_condition(lambda step=step: self._signals >= step)
            now = left // (SIGNALS + 1 - step)
            await _activities(now)
            left -= now
        if child:
            await workflow.execute_child_workflow(
                BaselineChild.run, id=f"{workflow.info().workflow_id}/child"
            )
