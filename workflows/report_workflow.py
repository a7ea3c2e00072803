"""Report workflow: a scheduled report is gathered, and posted once."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.activity_options import execute
from workflows.domain.case.snapshot import CardRef
from workflows.ports.reports import ReportPort, ReportStart, ReportWanted

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


def _due_at() -> datetime:
    """Returns when the schedule was due, which can be earlier than the start after an outage."""
    info = workflow.info()
    return info.typed_search_attributes.get(_SCHEDULED) or info.start_time
