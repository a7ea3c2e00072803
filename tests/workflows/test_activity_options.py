"""Activity options: the table covers every port, and nothing bypasses it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity

import workflows
from workflows.activity_options import OPTIONS
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
