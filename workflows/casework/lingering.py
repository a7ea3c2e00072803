"""In a storm alerts wait for each other: those that only count are written down in handfuls.

While a write to Slack waits for its turn, nobody sees one more alert before that write. So the case
takes the alerts that change nothing but a number together, a few seconds after the first of them.
Whatever is worse than before, or has to be protected from, is taken at once.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from temporalio import workflow

from workflows.casework.inbox import Inbox
from workflows.conditions import holds
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.rules.joining import only_counts

LINGER = timedelta(seconds=5)


class Lingering:
    """How long the alerts of one case may wait; a timer only runs while some do."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._timer: asyncio.Task[None] | None = None
        self._over = False

    def hear(self, alerts: Iterable[Alert], case: Case | None, idle: bool) -> None:
        """Takes alerts in; `idle` says that Slack shows the last state already."""
        for alert in alerts:
            lingers = not idle and case is not None and only_counts(case, alert, holds)
            self._inbox.put(alert, lingers)
            if lingers and self._timer is None:
                self._timer = asyncio.create_task(self._ring())

    def calls(self, idle: bool) -> bool:
        """Whether what waits should be taken now."""
        return self._inbox.presses or (bool(self._inbox) and (idle or self._over))

    def end(self) -> None:
        """Everything was taken."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._over = None, False

    async def _ring(self) -> None:
        await workflow.sleep(LINGER)
        self._over = True
