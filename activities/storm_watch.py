"""Storm detection: counts waiting cards in the ledger and starts storm workflows."""

import time
from collections.abc import Callable

import structlog

from activities.ledger.database import LedgerUnavailable
from activities.ledger.storms import Storms
from workflows.client import OutOfReach, StormClient
from workflows.domain.case.snapshot import CardRef
from workflows.domain.storm import Called, is_flooded

LOOK_AGAIN = 5.0
"""Seconds between two counts of a channel."""

_log = structlog.get_logger(__name__)


class StormWatch:
    """`StormService` over ledger and Temporal."""

    def __init__(
        self, storms: Storms, client: StormClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._storms = storms
        self._client = client
        self._clock = clock
        self._looked_at: dict[str, float] = {}
        self._unwritten: dict[str, CardRef] = {}

    async def look(self, channel: str) -> None:
        """Starts a storm where too many cards wait. A failed count is repeated soon."""
        now = self._clock()
        if now - self._looked_at.get(channel, float("-inf")) < LOOK_AGAIN:
            return
        self._looked_at[channel] = now
        try:
            if is_flooded(await self._storms.waiting(channel)):
                await self._client.begin(channel)
        except (LedgerUnavailable, OutOfReach) as away:
            _log.warning("storm_not_looked_for", channel=channel, error=type(away).__name__)

    async def posted(self, case: str, card: CardRef) -> None:
        """Stores the card, which the case itself may write much later.

        After a failure the next call stores it.
        """
        self._unwritten[case] = card
        try:
            for each, stored in list(self._unwritten.items()):
                await self._storms.posted(each, stored)
                self._unwritten.pop(each, None)
        except LedgerUnavailable:
            _log.warning("card_not_written_down", cards=len(self._unwritten))

    async def called(self, channel: str, call: Called) -> bool:
        """Adds the call to the channel's storm. Raises `OutOfReach`."""
        return await self._client.called(channel, call)
