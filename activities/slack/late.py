"""What a write that waited should show: the case as it is by now, and not as it was asked for."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.slack.pacing import Turn
from workflows.ports import Show

LATE = 1.0
"""Seconds from asking to writing; within them the case is not asked again."""

Newest = Callable[[str, str], Awaitable[Show | None]]
"""What the workflow of this id and run wants to show now; None where it does not tell in time."""


async def no_news(workflow: str, run: str) -> Show | None:
    """Nobody can be asked."""
    return None


class Renewing:
    """Renews one `show`. Made within the activity."""

    def __init__(self, newest: Newest, turn: Turn) -> None:
        """`turn` tells how long the activity stood in line; Temporal, how long it did before."""
        info = activity.info()
        self._newest = newest
        self._turn = turn
        # Both by Temporal's clock: ours may be off.
        self._before = (info.started_time - info.scheduled_time).total_seconds()
        self._workflow, self._run = info.workflow_id, info.workflow_run_id

    async def renew(self, wanted: Show) -> Show:
        """What to show now. From here on the write can't be called off any more."""
        newest = None
        if wanted.background and self._before + self._turn.waited > LATE:
            newest = await self._newest(self._workflow or "", self._run or "")
        self._turn.begun = True
        known = newest is not None and newest.view.id == wanted.view.id
        return newest if known and newest is not None else wanted
