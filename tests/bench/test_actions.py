"""Action counts of histories written by hand."""

from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.bench.actions import Cost, cost_of


def history(*kinds: tuple[str, dict[str, Any]] | str) -> list[HistoryEvent]:
    """Numbered events by name, with the attributes that are counted."""
    made = []
    for number, kind in enumerate(kinds, start=1):
        name, given = (kind, {}) if isinstance(kind, str) else kind
        event = HistoryEvent(
            event_id=number, event_type=EventType.Value(f"EVENT_TYPE_{name.upper()}"), **given
        )
        made.append(event)
    return made


def local(task: int) -> tuple[str, dict[str, Any]]:
    """The marker of a local activity that workflow task `task` reported."""
    given = {"marker_name": "core_local_activity", "workflow_task_completed_event_id": task}
    return "marker_recorded", {"marker_recorded_event_attributes": given}


def test_a_start_with_its_first_signal_is_one_action() -> None:
    """Signal-with-start costs as much as a signal."""
    signalled = history("workflow_execution_started", "workflow_execution_signaled")
    assert cost_of(signalled) == Cost(events=2, actions=1, signals=1)
    assert cost_of(history("workflow_execution_started")).actions == 1


def test_every_further_signal_is_one_action() -> None:
    """Three clicks cost three."""
    seen = history(
        "workflow_execution_started",
        "workflow_execution_signaled",
        "workflow_task_scheduled",
        "workflow_execution_signaled",
        "workflow_execution_signaled",
    )
    assert cost_of(seen) == Cost(events=5, actions=3, signals=3)


def test_local_activities_of_one_workflow_task_are_one_action() -> None:
    """Two tasks with three local activities cost two."""
    seen = history(
        "workflow_execution_started", "workflow_task_completed", local(2), local(2),
        "workflow_task_completed", local(5),
    )  # fmt: skip
    assert cost_of(seen) == Cost(events=6, actions=3, local_activities=3)


def test_other_markers_are_free() -> None:
    """A patch marker is no local activity."""
    patch = ("marker_recorded", {"marker_recorded_event_attributes": {"marker_name": "patch"}})
    assert cost_of(history("workflow_execution_started", patch)).actions == 1


def test_each_attempt_of_an_activity_is_one_action() -> None:
    """The event of the third attempt counts three."""
    started = {"scheduled_event_id": 2, "attempt": 3}
    seen = history(
        "workflow_execution_started",
        "activity_task_scheduled",
        ("activity_task_started", {"activity_task_started_event_attributes": started}),
        "activity_task_scheduled",
    )
    assert cost_of(seen) == Cost(events=4, actions=5, activities=2)


def test_a_child_is_two_actions_and_its_own_start_is_none() -> None:
    """Both are billed to the parent."""
    parent = history(
        "workflow_execution_started",
        "start_child_workflow_execution_initiated",
        "child_workflow_execution_started",
    )
    child = history(
        (
            "workflow_execution_started",
            {
                "workflow_execution_started_event_attributes": {
                    "parent_workflow_execution": {"workflow_id": "case/other/1"}
                }
            },
        )
    )
    assert cost_of(parent).actions == 3
    assert cost_of(child).actions == 0


def test_timers_and_signals_to_others_are_one_action_each() -> None:
    """Firing and cancelling a timer are free."""
    seen = history(
        "workflow_execution_started",
        "timer_started",
        "timer_fired",
        "timer_started",
        "timer_canceled",
        "signal_external_workflow_execution_initiated",
        "external_workflow_execution_signaled",
    )
    assert cost_of(seen) == Cost(events=7, actions=4, timers=2)


def test_costs_add_up() -> None:
    """A case and its enforcement are one bill."""
    assert Cost(5, 3, 1, 1, 0, 1) + Cost(7, 4, 0, 2, 2, 0) == Cost(12, 7, 1, 3, 2, 1)
