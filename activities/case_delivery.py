"""Reaches back to the workflows: wakes closed cases up, and asks how an enforcement ended."""

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from workflows.client import Cases, StillRuns
from workflows.domain.case.enforcement import EnforcementReport
from workflows.ports.cases import Delivery


class DeliveryActivities:
    """The activities that reach back to the cases."""

    def __init__(self, cases: Cases) -> None:
        """`cases` is the door to the workflows."""
        self._cases = cases

    @activity.defn(name="deliver")
    async def deliver(self, delivery: Delivery) -> None:
        """Wakes a closed case up with what arrived for it.

        Raises:
            OutOfReach: where Temporal does not take it; the activity is tried again.
        """
        await self._cases.deliver(delivery)

    @activity.defn(name="outcome")
    async def outcome(self, enforcement: str) -> EnforcementReport | None:
        """How an enforcement ended; None where an operator ended it or it is long gone.

        Raises:
            ApplicationError: while it runs. A try costs no history, so it may last for days.
            OutOfReach: where Temporal does not answer; the activity is tried again.
        """
        try:
            return await self._cases.outcome(enforcement)
        except StillRuns as runs:
            raise ApplicationError(str(runs), category=ApplicationErrorCategory.BENIGN) from None
