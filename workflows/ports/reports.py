"""Ports of scheduled work: reports and retention."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.report import Report, ReportKind
from workflows.domain.policy.reports import Kept
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


class RetentionStep(Value):
    """One batch of a run that was due `at`: rows of a `kind`, `after` those of earlier batches."""

    run: str
    at: datetime
    kind: Kept
    after: str = ""


class RetentionStart(Value):
    """The beginning of a run, or with `step` its continuation."""

    step: RetentionStep | None = None


class ErasedBatch(Value):
    """The number of erased rows; `after` is where the next batch begins, None at the end.

    `redraw` are closed cases whose cards still show what was erased.
    """

    erased: int = 0
    after: str | None = None
    redraw: tuple[str, ...] = ()


class RetentionRun(Value):
    """A run that was due `at`."""

    run: str
    at: datetime


class RetentionPort(Protocol):
    """Activities of retention."""

    @activity.defn(name="erase_batch")
    async def erase_batch(self, step: RetentionStep) -> ErasedBatch:
        """Erases a batch in the ledger, if the policy has a time for its kind; idempotent."""

    @activity.defn(name="delete_pictures")
    async def delete_pictures(self, step: RetentionStep) -> ErasedBatch:
        """Deletes a batch of pictures from Slack; one that Slack refuses is left for later runs."""

    @activity.defn(name="end_retention")
    async def end_retention(self, run: RetentionRun) -> dict[str, int]:
        """Records the end of a run; returns its counts by kind."""
