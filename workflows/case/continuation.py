"""When a case begins a new history, and how much it may take along."""

from temporalio import workflow

from workflows.activity_options import execute
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.model import Case
from workflows.domain.ids import enforcement_workflow_id
from workflows.inputs import CaseStart, PendingWork, vanished
from workflows.ports import cases

LARGEST_START = 1_500_000
"""Bytes. Temporal refuses a payload of 2 MB, and a case whose next run can't start is lost."""

LARGEST_REST = 500_000
"""Bytes of ledger entries that are carried; with more of them the ledger comes first."""

LATER = 500
"""Events after which a renewal that was not possible is tried again."""

SOON = 20
"""The same after something came in between."""

URGENT = 1_000
"""Events that a renewal may wait for an enforcement to report by itself."""


class Continuation:
    """Watches over the length of one run's history, and over the version that works on it."""

    def __init__(self) -> None:
        self._version = workflow.info().get_current_deployment_version()
        self._not_before = 0
        self._since: int | None = None

    @property
    def due(self) -> bool:
        """Whether this history is long, or was begun by another version of Koban."""
        info = workflow.info()
        if info.get_current_history_length() < self._not_before:
            return False
        moved = info.get_current_deployment_version() != self._version
        return moved or info.is_continue_as_new_suggested()

    @property
    def urgent(self) -> bool:
        """Whether it has been due for so long that it can't wait for a better moment."""
        length = workflow.info().get_current_history_length()
        return self._since is not None and length >= self._since + URGENT

    def update(self) -> None:
        """Notes since when a renewal is due."""
        if self._since is None and self.due:
            self._since = workflow.info().get_current_history_length()

    def put_off(self, events: int = LATER) -> None:
        """Not now: without this the case would try again at once, for ever."""
        self._not_before = workflow.info().get_current_history_length() + events


def fitted(start: CaseStart) -> CaseStart | None:
    """`start` as it fits into one payload, or None where it does not.

    Ids of old messages are dropped first: for old alerts the ledger has the last word.
    """
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
    """Bytes of `value` on its way to Temporal."""
    return len(value.model_dump_json().encode())


async def end_of(case: Case) -> EnforcementReport:
    """The last word of an enforcement that an earlier run of the case began."""
    decision = case.current_actions[0].decision
    report = await execute(cases.outcome, enforcement_workflow_id(case.id, decision))
    return report or vanished(
        case.id, decision, (action.planned for action in case.current_actions), workflow.uuid4().hex
    )
