"""Keeps alerts out that a case took so long ago that it forgot their ids."""

from collections.abc import Iterable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from workflows import ports
from workflows.domain.alert import Alert
from workflows.domain.memory import Memory

_ONCE = RetryPolicy(maximum_attempts=1)
_SOON = timedelta(seconds=2)
_AT_ONCE = 400


def forgot(memory: Memory) -> bool:
    """Whether the case counts more alerts than it remembers the ids of."""
    case = memory.case
    return case is not None and case.alerts > sum(key.startswith("alert/") for key in memory.seen)


class Sieve:
    """Asks the ledger, many alerts at a time. Where it does not answer an alert counts as new."""

    def __init__(self) -> None:
        self._new: set[str] = set()
        self._old: set[str] = set()

    def is_old(self, alert: Alert) -> bool:
        """Whether the ledger has had this alert before; True once, since it is dropped then."""
        self._new.discard(alert.key)
        if alert.key not in self._old:
            return False
        self._old.discard(alert.key)
        return True

    async def ask(self, alert: Alert, waiting: Iterable[object]) -> None:
        """Finds out about `alert`, and about those behind it in the same go."""
        if alert.key in self._new or alert.key in self._old:
            return
        alerts = [alert.key, *(each.key for each in waiting if isinstance(each, Alert))]
        keys = tuple(dict.fromkeys(alerts))[:_AT_ONCE]
        known = await _known(keys)
        self._old |= known
        self._new |= set(keys) - known


async def _known(keys: tuple[str, ...]) -> set[str]:
    try:
        return set(
            await workflow.execute_local_activity(
                ports.known_alerts,
                keys,
                schedule_to_close_timeout=_SOON,
                retry_policy=_ONCE,
            )
        )
    except FailureError:
        return set()
