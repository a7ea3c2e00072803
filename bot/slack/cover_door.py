"""The ledger's covers as the listeners use them."""

from collections.abc import Sequence
from datetime import datetime

from activities.ledger.covers import Covers
from activities.ledger.errors import LedgerUnavailable
from activities.ledger.queries import Row
from bot.slack.doors import Covering, Unavailable
from workflows.domain.people import Cover


class LedgerCovers:
    """`CoverDoor` over the real ledger."""

    def __init__(self, covers: Covers) -> None:
        self._covers = covers

    async def begin(self, person: str, cover: Cover, now: datetime) -> None:
        """From now on `person` covers, until the cover's time."""
        try:
            await self._covers.begin(person, cover, now)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def end(self, covers_for: str, now: datetime) -> int:
        """Ends what others cover for a person; how many there were."""
        try:
            return await self._covers.end(covers_for, now)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def end_around(self, person: str, by: str, now: datetime) -> tuple[Covering, ...]:
        """`by` ends every cover that `person` gives or has; those that were ended."""
        try:
            return _covering(await self._covers.end_around(person, by, now))
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """What `person` covers now."""
        try:
            return await self._covers.of(person, now)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def around(self, person: str, now: datetime) -> tuple[Covering, ...]:
        """Every cover that `person` gives or has now."""
        try:
            return _covering(await self._covers.around(person, now))
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def all(self, now: datetime) -> tuple[Covering, ...]:
        """Every cover that is valid now."""
        try:
            return _covering(await self._covers.all(now))
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error


def _covering(rows: Sequence[Row]) -> tuple[Covering, ...]:
    return tuple(Covering.model_validate(dict(row)) for row in rows)
