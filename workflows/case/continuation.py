"""Continue-as-new of a case: when it is due, and how much state one payload holds."""

from temporalio import workflow

from workflows.inputs import CaseStart, PendingWork

LARGEST_START = 1_500_000
"""Bytes. Temporal refuses a payload of 2 MB, and a case whose next run can't start is lost."""

LARGEST_REST = 500_000
"""Bytes of ledger entries in a start; with more, the ledger is written first."""

LATER = 500
"""Events after which a failed attempt is repeated."""

SOON = 20
"""Events after which an attempt is repeated that a signal interrupted."""

URGENT = 1_000
"""Events for which continue-as-new waits for a running enforcement to report."""


class Continuation:
    """Length of one run's history, and the Koban version that began it."""

    def __init__(self) -> None:
        self._version = workflow.info().get_current_deployment_version()
        self._not_before = 0
        self._since: int | None = None

    @property
    def due(self) -> bool:
        """Whether the history is long, or another version of Koban began it."""
        info = workflow.info()
        if info.get_current_history_length() < self._not_before:
            return False
        other_version = info.get_current_deployment_version() != self._version
        return other_version or info.is_continue_as_new_suggested()

    @property
    def urgent(self) -> bool:
        """Whether it has been due for `URGENT` events."""
        length = workflow.info().get_current_history_length()
        return self._since is not None and length >= self._since + URGENT

    def update(self) -> None:
        """Notes since when it is due."""
        if self._since is None and self.due:
            self._since = workflow.info().get_current_history_length()

    def put_off(self, events: int = LATER) -> None:
        """Delays the next attempt: otherwise the case would repeat it at once, without end."""
        self._not_before = workflow.info().get_current_history_length() + events


def fitted(start: CaseStart) -> CaseStart | None:
    """Returns `start` in one payload, or None. The ledger recognizes dropped keys as well."""
    if start.under_way is not None and size(start.under_way) > LARGEST_REST:
        return None
    while size(start) > LARGEST_START:
        memory = start.memory
        if memory is None or not memory.seen:
            return None
        shorter = memory.model_copy(update={"seen": memory.seen[len(memory.seen) // 2 + 1 :]})
        start = start.model_copy(update={"memory": shorter})
    return start


def size(value: CaseStart | PendingWork) -> int:
    """Returns the bytes of `value` as JSON."""
    return len(value.model_dump_json().encode())
