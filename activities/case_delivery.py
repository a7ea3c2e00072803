"""Delivery activities: restart closed cases, and read the result of an enforcement."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from workflows.client import Cases, StillRuns
from workflows.domain.case.enforcement import EnforcementReport
from workflows.ports.cases import Delivery


class DeliveryActivities:
    """Activities that call workflows."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    @activity.defn(name="deliver")
    async def deliver(self, delivery: Delivery) -> None:
        """Restarts a closed case with a delivery. Raises `OutOfReach`, retryable."""
        await self._cases.deliver(delivery)

    @activity.defn(name="outcome")
    async def outcome(self, enforcement: str) -> EnforcementReport | None:
        """The last report of an enforcement; None where it was terminated or deleted.

        Raises:
            ApplicationError: it still runs; retries cost no history and may go on for days.
            OutOfReach: Temporal does not answer; retryable.
        """
        try:
            return await self._cases.outcome(enforcement)
        except StillRuns as runs:
            raise ApplicationError(str(runs), category=ApplicationErrorCategory.BENIGN) from None
