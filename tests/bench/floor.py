"""Baseline for whole cases: a workflow with the same signals and activities, and no logic."""

from datetime import timedelta

from temporalio import activity, workflow

ACTIVITIES = 11
"""open_case, roles_of, show ×4, record ×4 and carry_out, as a standard untimed case has them."""


@activity.defn
async def nothing() -> None:
    """Does nothing."""


@workflow.defn
class Floor:
    """Waits for the signals and runs as many activities as a standard case."""

    def __init__(self) -> None:
        self._signals = 0

    @workflow.signal
    def press(self) -> None:
        """Counts a click."""
        self._signals += 1

    @workflow.run
    async def run(self) -> None:
        """Waits for alert, claim and preset, with activities in between."""
        for step in range(1, 4):
            await workflow.wait_condition(lambda step=step: self._signals >= step)
            for _ in range(ACTIVITIES // 3 + (step == 3) * (ACTIVITIES % 3)):
                await workflow.execute_activity(
                    nothing, start_to_close_timeout=timedelta(seconds=10)
                )
