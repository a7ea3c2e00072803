"""Temporal Cloud actions of a history, counted from its events.

Counted: the start (with its first signal), every further signal, timers, activities and their
retries, local activities, children, signals to others, updates, attributes set by queries, and
continue-as-new. A history does not have queries and heartbeats, so they are not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

CHILD = 2
"""Starting a child is two actions; the child's own start is one of them."""

LOCAL_ACTIVITY = "core_local_activity"
"""Marker that the SDK records for each completed local activity."""

_ONE_EACH = frozenset(
    {
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    }
)


@dataclass(frozen=True)
class Cost:
    """Counts of one or several histories."""

    events: int = 0
    actions: int = 0
    signals: int = 0
    activities: int = 0
    local_activities: int = 0
    timers: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.events + other.events,
            self.actions + other.actions,
            self.signals + other.signals,
            self.activities + other.activities,
            self.local_activities + other.local_activities,
            self.timers + other.timers,
        )


def cost_of(history: Iterable[HistoryEvent]) -> Cost:
    """Actions of one run. Signals include the one of signal-with-start."""
    events = list(history)
    signals = sum(_is_signal_from_outside(event) for event in events)
    return Cost(
        events=len(events),
        actions=(
            _of_the_start(events)
            + signals
            + _activity_starts(events)
            + _tasks_with_local_activities(events)
            + sum(event.event_type in _ONE_EACH for event in events)
            + CHILD * _number(events, EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
        ),
        signals=signals,
        activities=_number(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
        local_activities=sum(_is_local_activity(event) for event in events),
        timers=_number(events, EventType.EVENT_TYPE_TIMER_STARTED),
    )


def _number(events: list[HistoryEvent], kind: EventType.ValueType) -> int:
    return sum(event.event_type == kind for event in events)


def _of_the_start(events: list[HistoryEvent]) -> int:
    """The parent is billed for a child, the previous run for a continued run.

    A signal right after the start came with it: both are one action, counted as the signal.
    """
    first = events[0].workflow_execution_started_event_attributes
    if first.HasField("parent_workflow_execution") or first.continued_execution_run_id:
        return 0
    with_signal = (
        len(events) > 1 and events[1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    )
    return 0 if with_signal else 1


def _is_signal_from_outside(event: HistoryEvent) -> bool:
    """A signal from a workflow is billed to its sender."""
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        return False
    sender = event.workflow_execution_signaled_event_attributes
    return not sender.HasField("external_workflow_execution")


def _activity_starts(events: list[HistoryEvent]) -> int:
    """Attempts, retries included: the last attempt's event has its number."""
    started = {
        event.activity_task_started_event_attributes.scheduled_event_id: (
            event.activity_task_started_event_attributes.attempt
        )
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    }
    return sum(
        max(1, started.get(event.event_id, 1))
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    )


def _tasks_with_local_activities(events: list[HistoryEvent]) -> int:
    """Local activities of one workflow task are one action."""
    tasks: set[int] = set()
    for event in events:
        if _is_local_activity(event):
            tasks.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
    return len(tasks)


def _is_local_activity(event: HistoryEvent) -> bool:
    return (
        event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
        and event.marker_recorded_event_attributes.marker_name == LOCAL_ACTIVITY
    )
