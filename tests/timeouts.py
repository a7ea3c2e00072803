"""Timeouts for tests on a busy machine, longer than in production."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import httpx
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from bot.timeouts import Timeouts
from deploy.sandbox.slack.person import wait_until
from workflows.client import OutOfReach

T = TypeVar("T")

SECONDS = 20.0
RPC_TIMEOUT = timedelta(seconds=SECONDS)
LONG_TIMEOUTS = Timeouts(
    ack=3 * int(SECONDS),
    approvers=0.0,
    gather=SECONDS,
    impact=SECONDS,
    manual=SECONDS,
    look_up=SECONDS,
    ledger=SECONDS,
    others=SECONDS,
    statement=SECONDS,
    case=SECONDS,
    temporal=SECONDS,
    store=SECONDS,
    error=SECONDS,
    roles=SECONDS,
    workspace=SECONDS,
    language=SECONDS,
)

PLATFORM_TIMEOUT = httpx.Timeout(3 * SECONDS)

_LATE = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.FAILED_PRECONDITION})
"""No worker answered in time, or its last task took longer than the SDK allows and is repeated."""


async def answered(query: Callable[[], Awaitable[T]]) -> T:
    """Repeats a query until a worker answers it; a busy one may be late, or about to go on."""

    async def look() -> tuple[T] | None:
        try:
            return (await query(),)
        except (OutOfReach, WorkflowQueryFailedError):
            return None
        except RPCError as error:
            if error.status in _LATE:
                return None
            raise

    return (await wait_until(look, what="an answer to a query"))[0]


AFTER_CLAIM = {"case.claim": 1.6}
"""Seconds between a claim and the next press; Koban refuses a decision within 1.5 s."""
