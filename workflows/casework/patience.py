"""A quick local try first, and an ordinary activity for as long as it takes.

A local activity that outlasts its workflow task makes an empty task before the next one, and a
replay sees the two as one, with the time of the second: the case would replay to another story.
So none may last that long. An ordinary activity also costs nothing while an outage goes on.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

R = TypeVar("R")

QUICK = timedelta(seconds=1)
"""Well below the time (0.8 of `starts.TASK_TIMEOUT`) at which the empty task would be made."""

_ONCE = RetryPolicy(maximum_attempts=1)
_TRY = timedelta(seconds=10)
SILENT = timedelta(seconds=2)
"""An answer that died with a worker or with Temporal is asked for again after that."""

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)
)


async def quickly(activity: Callable[..., Awaitable[R]], *arguments: object) -> R:
    """One local try. Raises `FailureError`."""
    answer: R = await workflow.execute_local_activity(
        activity, args=arguments, start_to_close_timeout=QUICK, retry_policy=_ONCE
    )
    return answer


async def at_last(activity: Callable[..., Awaitable[R]], *arguments: object) -> R:
    """What `activity` returns, however long its other end is away."""
    try:
        return await quickly(activity, *arguments)
    except FailureError:
        answer: R = await workflow.execute_activity(
            activity,
            args=arguments,
            start_to_close_timeout=_TRY,
            heartbeat_timeout=SILENT,
            retry_policy=_RETRY,
        )
        return answer
