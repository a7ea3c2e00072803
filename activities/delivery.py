"""Wakes closed cases up with what arrived for them."""

from temporalio import activity

from workflows.client import Cases
from workflows.ports import Delivery


class DeliveryActivities:
    """The activity that reaches back to the cases."""

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
