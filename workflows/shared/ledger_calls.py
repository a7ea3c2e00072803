"""Calls to the ledger: bounded where a person waits for the answer, else until it comes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

R = TypeVar("R")

LOST = timedelta(seconds=2)
"""When a call is tried again whose worker was killed."""
ANSWER_WITHIN = timedelta(seconds=8)
"""How long a person's press waits for the ledger before it is refused with a sentence."""

_TRY = timedelta(seconds=10)
_SOON = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=2)
)
_PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)


async def ask(
    activity: Callable[..., Awaitable[R]],
    argument: object,
    *,
    within: timedelta = ANSWER_WITHIN,
) -> R:
    """The answer of `activity`. Raises `FailureError` where there is none `within` that time."""
    answer: R = await workflow.execute_activity(
        activity,
        argument,
        start_to_close_timeout=_TRY,
        schedule_to_close_timeout=within,
        heartbeat_timeout=LOST,
        retry_policy=_SOON,
        priority=Priority(priority_key=1),
    )
    return answer


async def ask_until_answered(activity: Callable[..., Awaitable[R]], argument: object) -> R:
    """The answer of `activity`, however long the ledger is away."""
    answer: R = await workflow.execute_activity(
        activity,
        argument,
        start_to_close_timeout=_TRY,
        heartbeat_timeout=LOST,
        retry_policy=_PATIENT,
    )
    return answer
