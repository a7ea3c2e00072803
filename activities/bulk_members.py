"""Reading a ring: platform and ledger together, as a case asks for it."""

from collections.abc import Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.ledger.bulk import Rings
from activities.platform.client import TryAgain
from activities.platform.related import Found, RelatedReader, Unreadable
from workflows.domain.case.bulk import MOST, Blast, Ring
from workflows.domain.policy.platform import LookupCatalog
from workflows.ports.bulk import RingAsk


class RingActivities:
    """The activity that finds out who is in a ring."""

    def __init__(
        self, reader: RelatedReader, rings: Rings, catalog: Callable[[], LookupCatalog]
    ) -> None:
        """`catalog` is platform.yaml as it stands now."""
        self._reader = reader
        self._rings = rings
        self._catalog = catalog

    @activity.defn(name="ring_of")
    async def ring_of(self, ask: RingAsk) -> Ring:
        """Fetches the subjects, stores them for good, and sums up what they stand for.

        Raises:
            ApplicationError: retryable, where the platform is away; else it can't be read.
        """
        try:
            return await self._ring(ask)
        except Unreadable as error:
            raise ApplicationError(str(error), type="ring_unread", non_retryable=True) from None
        except TryAgain as error:
            raise ApplicationError(
                str(error), type="PlatformUnavailable", next_retry_delay=error.wait
            ) from None

    async def _ring(self, ask: RingAsk) -> Ring:
        catalog = self._catalog()
        # An earlier try may have stored it: what was stored first is the ring.
        stands = await self._rings.stored(ask.id)
        found = Found(stands) if stands else await self._gathered(catalog, ask)
        ring = Ring(id=ask.id, type=ask.type, count=len(found.subjects))
        if not 0 < ring.count <= MOST:
            return ring
        stored = await self._rings.store(ask.id, ask.case, found.subjects)
        touched = await self._reader.touched(catalog, Found(stored, found.facts))
        blast = Blast(
            sums=touched.sums,
            sanctioned=await self._rings.sanctioned(stored),
            unknown=touched.unknown,
            dropped=found.dropped,
        )
        return ring.model_copy(update={"count": len(stored), "blast": blast})

    async def _gathered(self, catalog: LookupCatalog, ask: RingAsk) -> Found:
        return await self._reader.gather(catalog, ask.type, ask.starts, ask.sources, ask.ids)
