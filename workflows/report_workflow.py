"""Scheduled workflows: a report that is posted once, and the daily run of retention."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError

from workflows.activity_options import execute
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.reports import Kept
from workflows.ports.cases import CasePort, Delivery
from workflows.ports.reports import (
    ErasedBatch,
    ReportPort,
    ReportStart,
    ReportWanted,
    RetentionPort,
    RetentionRun,
    RetentionStart,
    RetentionStep,
)

# https://docs.temporal.io/search-attribute: set on what a schedule starts.
_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn
class ReportWorkflow:
    """One report. Its data is read when it is due, not when Slack takes it."""

    @workflow.run
    async def run(self, start: ReportStart) -> CardRef | None:
        """Posts the report; returns its message, or None if there is none to post."""
        wanted = ReportWanted(
            key=workflow.info().workflow_id, kind=start.kind, at=_due_at(), shift=start.shift
        )
        report = await execute(ReportPort.gather_report, wanted)
        return None if report is None else await execute(ReportPort.post_report, report)


@workflow.defn
class RetentionWorkflow:
    """One run: each kind of personal data whose time is over is erased, a batch at a time.

    Then the batch's closed cases are started: they draw their cards.
    """

    @workflow.run
    async def run(self, start: RetentionStart) -> dict[str, int]:
        """Erases all kinds; returns the counts of the run."""
        run = workflow.info().workflow_id
        step = start.step or RetentionStep(run=run, at=_due_at(), kind=next(iter(Kept)))
        for kind in list(Kept)[list(Kept).index(step.kind) :]:
            after: str | None = step.after if kind is step.kind else ""
            while after is not None:
                step = step.model_copy(update={"kind": kind, "after": after})
                if workflow.info().is_continue_as_new_suggested():
                    workflow.continue_as_new(RetentionStart(step=step))
                batch = await _erased(step)
                for case in batch.redraw:
                    await execute(CasePort.deliver, Delivery(case=case, wake=True))
                after = batch.after
        return await execute(RetentionPort.end_retention, RetentionRun(run=step.run, at=step.at))


async def _erased(step: RetentionStep) -> ErasedBatch:
    if step.kind is not Kept.IMAGES:
        return await execute(RetentionPort.erase_batch, step)
    try:
        return await execute(RetentionPort.delete_pictures, step)
    except ActivityError:
        # Slack was out of reach for an hour. Tomorrow's run begins with the same pictures.
        return ErasedBatch()


def _due_at() -> datetime:
    """Returns when the schedule was due, which can be earlier than the start after an outage."""
    info = workflow.info()
    return info.typed_search_attributes.get(_SCHEDULED) or info.start_time
