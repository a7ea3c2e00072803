"""Activity options: the table covers every port, and nothing bypasses it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity

import workflows
from workflows.activity_options import LEDGER_PRESS, OPTIONS
from workflows.ports.appeals import AppealPort
from workflows.ports.bulk import BulkPort
from workflows.ports.cases import CasePort
from workflows.ports.reports import ReportPort, RetentionPort
from workflows.ports.storms import StormPort

PORTS = [
    each
    for port in (AppealPort, BulkPort, CasePort, ReportPort, RetentionPort, StormPort)
    for each in vars(port).values()
    if activity._Definition.from_callable(each) is not None
]


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.__name__)
def test_every_activity_has_options(port: Callable[..., Any]) -> None:
    """A workflow that starts one without would fail its task."""
    assert port in OPTIONS


def test_activities_are_started_by_the_table_only() -> None:
    """Timeouts and retry policies are in one file."""
    (folder,) = workflows.__path__
    found = [
        file.name
        for file in sorted(Path(folder).rglob("*.py"))
        if "_activity(" in file.read_text("utf-8") or "RetryPolicy(" in file.read_text("utf-8")
    ]
    assert found == ["activity_options.py"]


def test_what_a_press_waits_for_has_an_end() -> None:
    """A press that nobody can decide is refused, and does not hold up the next one without end."""
    waits = {each: OPTIONS[each].within for each in (CasePort.covers_of, CasePort.book)}
    assert waits == dict.fromkeys(waits, timedelta(seconds=8))
    assert LEDGER_PRESS.within == timedelta(seconds=8)
    assert OPTIONS[CasePort.expose].within == timedelta(seconds=8)
    assert OPTIONS[CasePort.roles_of].within == timedelta(seconds=8)
    assert OPTIONS[CasePort.strictness_now].within == timedelta(seconds=60)
