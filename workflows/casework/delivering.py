"""Handing something on to a case that is closed by now, or runs elsewhere."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.ports import Delivery

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))


async def deliver(delivery: Delivery) -> None:
    """Wakes the case up with what arrived for it, however long that takes."""
    await workflow.execute_activity(
        ports.deliver,
        delivery,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_PATIENTLY,
    )
