"""Ports of reports: gathering and posting."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.report import Report, ReportKind
from workflows.domain.values import Value


class ReportStart(Value):
    """Kind of report; a shift report has the name of its `shift`."""

    kind: ReportKind
    shift: str | None = None


class ReportWanted(Value):
    """A report as of `at`, its due time. `key` makes posting idempotent."""

    key: str
    kind: ReportKind
    at: datetime
    shift: str | None = None


class ReportPort(Protocol):
    """Activities of reports."""

    @activity.defn(name="gather_report")
    async def gather_report(self, wanted: ReportWanted) -> Report | None:
        """Gathers a report; None if the policy has none, or the shift does not work then."""

    @activity.defn(name="post_report")
    async def post_report(self, report: Report) -> CardRef:
        """Posts a report with its picture, once; returns its message."""
