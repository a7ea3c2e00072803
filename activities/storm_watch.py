"""Notices storms: the ledger says how many cards wait, Temporal keeps the storm."""

import time
from collections.abc import Callable

import structlog

from activities.ledger.database import LedgerUnavailable
from activities.ledger.storms import Storms
from workflows.client import OutOfReach, StormClient
from workflows.domain.case.snapshot import CardRef
from workflows.domain.storm import Called, is_flooded

LOOK_AGAIN = 5.0
"""Seconds in which a channel is not counted again: every waiting card would ask."""

_log = structlog.get_logger(__name__)


class StormWatch:
    """`StormDoor` over the ledger and Temporal."""

    def __init__(
        self, storms: Storms, workflow_ids: StormClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._storms = storms
        self._routes = workflow_ids
        self._clock = clock
        self._looked_at: dict[str, float] = {}
        self._unwritten: dict[str, CardRef] = {}

    async def look(self, channel: str) -> None:
        """Begins a storm where too many cards wait. What fails is looked at again soon."""
        now = self._clock()
        if now - self._looked_at.get(channel, float("-inf")) < LOOK_AGAIN:
            return
        self._looked_at[channel] = now
        try:
            if is_flooded(await self._storms.waiting(channel)):
                await self._routes.begin(channel)
        except (LedgerUnavailable, OutOfReach) as away:
            _log.warning("storm_not_looked_for", channel=channel, error=type(away).__name__)

    async def posted(self, case: str, card: CardRef) -> None:
        """Writes down where a card stands: a case of one alert would not tell by itself.

        Without the ledger that is done with the next one.
        """
        self._unwritten[case] = card
        try:
            for each, stands in list(self._unwritten.items()):
                await self._storms.posted(each, stands)
                self._unwritten.pop(each, None)
        except LedgerUnavailable:
            _log.warning("card_not_written_down", cards=len(self._unwritten))

    async def called(self, channel: str, call: Called) -> bool:
        """Whether the channel's storm takes the call over. Raises `OutOfReach`."""
        return await self._routes.called(channel, call)
