"""Bulk activities: collect the subjects of a bulk decision, and prove the action on each."""

from collections.abc import Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.ledger.bulk import BulkLedger
from activities.platform.client import TryAgain
from activities.platform.related import Found, RelatedReader, Unreadable
from activities.signatures import Proofs
from workflows.domain.case.bulk import MOST, Bulk, Impact
from workflows.domain.case.decision import PlannedAction
from workflows.domain.policy.platform import LookupCatalog
from workflows.ports.bulk import BulkPart, BulkRequest, Member


class BulkActivities:
    """Activities that read the subjects of a bulk decision."""

    def __init__(
        self,
        reader: RelatedReader,
        bulk_decisions: BulkLedger,
        catalog: Callable[[], LookupCatalog],
        proofs: Proofs,
    ) -> None:
        """`catalog` returns the current platform.yaml."""
        self._proofs = proofs
        self._reader = reader
        self._bulk_ledger = bulk_decisions
        self._catalog = catalog

    @activity.defn(name="bulk_of")
    async def bulk_of(self, ask: BulkRequest) -> Bulk:
        """The stored subjects. Raises `PlatformUnavailable`, retryable, or `bulk_unread`, not."""
        try:
            return await self._bulk(ask)
        except Unreadable as error:
            raise ApplicationError(str(error), type="bulk_unread", non_retryable=True) from None
        except TryAgain as error:
            raise ApplicationError(
                str(error), type="PlatformUnavailable", next_retry_delay=error.wait
            ) from None

    @activity.defn(name="bulk_part")
    async def bulk_part(self, part: BulkPart) -> tuple[Member, ...]:
        """The subjects at some places; their proofs are signed only if those of the bulk hold."""
        holds = all(
            self._proofs.holds(part.case, part.decision, job.planned(part.bulk), job.proof)
            for job in part.jobs
        )
        members = await self._bulk_ledger.members(part)
        return tuple(self._proven(part, each, holds) for each in members)

    def _proven(self, part: BulkPart, member: Member, holds: bool) -> Member:
        """The member with a proof for each job; without signatures unless the part's hold."""
        planned = (
            PlannedAction(action=job.action, subject=member.subject, lasts=job.lasts)
            for job in part.jobs
        )
        proofs = tuple(
            self._proofs.signed(part.case, part.decision, each, job.proof)
            if holds
            else job.proof.model_copy(update={"signature": ""})
            for each, job in zip(planned, part.jobs, strict=True)
        )
        return member.model_copy(update={"proofs": proofs})

    async def _bulk(self, ask: BulkRequest) -> Bulk:
        catalog = self._catalog()
        # The subjects stored by an earlier attempt count.
        before = await self._bulk_ledger.stored(ask.id)
        found = Found(before) if before else await self._gathered(catalog, ask)
        exempt = next((each.key for each in found.subjects if each.key in ask.exempt), "")
        bulk = Bulk(id=ask.id, type=ask.type, count=len(found.subjects), exempt=exempt)
        if not 0 < bulk.count <= MOST:
            return bulk
        stored = await self._bulk_ledger.store(ask.id, ask.case, found.subjects)
        touched = await self._reader.touched(catalog, Found(stored, found.facts))
        impact = Impact(
            sums=touched.sums,
            sanctioned=await self._bulk_ledger.sanctioned(stored),
            unknown=touched.unknown,
            dropped=found.dropped,
        )
        return bulk.model_copy(update={"count": len(stored), "impact": impact})

    async def _gathered(self, catalog: LookupCatalog, ask: BulkRequest) -> Found:
        return await self._reader.gather(catalog, ask.type, ask.starts, ask.sources, ask.ids)
