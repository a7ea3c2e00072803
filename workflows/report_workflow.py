"""A report, begun by its schedule: gathered, posted once, and over."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.activity_options import execute
from workflows.domain.case.snapshot import CardRef
from workflows.ports import reports
from workflows.ports.reports import ReportStart, ReportWanted

# https://docs.temporal.io/search-attribute: set on what a schedule starts.
_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn
class ReportWorkflow:
    """One report. What it tells is read when it is due, not when Slack takes it."""

    @workflow.run
    async def run(self, start: ReportStart) -> CardRef | None:
        """Posts the report; returns where it stands, None where there is none to post."""
        wanted = ReportWanted(
            key=workflow.info().workflow_id, kind=start.kind, at=_due_at(), shift=start.shift
        )
        report = await execute(reports.gather_report, wanted)
        return None if report is None else await execute(reports.post_report, report)


def _due_at() -> datetime:
    """When the schedule wanted it, also where a server that was away begins it later."""
    info = workflow.info()
    return info.typed_search_attributes.get(_SCHEDULED) or info.start_time
