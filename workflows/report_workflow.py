"""A report, begun by its schedule: gathered, posted once, and over."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, SearchAttributeKey

from workflows.activity_options import slack_queue
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.report import Report
from workflows.ports import reports
from workflows.ports.reports import ReportStart, ReportWanted

USEFUL = timedelta(hours=6)
"""A report that comes later than this is not missed any more."""

_ONE_TRY = timedelta(seconds=60)
_MISSED = timedelta(seconds=10)
_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))
# https://docs.temporal.io/search-attribute: set on what a schedule starts.
_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn
class ReportWorkflow:
    """One report. What it tells is read when it is due, not when Slack takes it."""

    @workflow.run
    async def run(self, start: ReportStart) -> CardRef | None:
        """Posts the report; returns where it stands, None where there is none to post."""
        report = await self._gather(start)
        return None if report is None else await self._post(report)

    async def _gather(self, start: ReportStart) -> Report | None:
        wanted = ReportWanted(
            key=workflow.info().workflow_id, kind=start.kind, at=_due_at(), shift=start.shift
        )
        return await workflow.execute_activity(
            reports.gather_report,
            wanted,
            start_to_close_timeout=_ONE_TRY,
            schedule_to_close_timeout=USEFUL,
            retry_policy=_PATIENTLY,
        )

    async def _post(self, report: Report) -> CardRef:
        return await workflow.execute_activity(
            reports.post_report,
            report,
            task_queue=slack_queue(workflow.info().task_queue),
            start_to_close_timeout=_ONE_TRY,
            heartbeat_timeout=_MISSED,
            schedule_to_close_timeout=USEFUL,
            retry_policy=_PATIENTLY,
            # Behind every card.
            priority=Priority(priority_key=5),
        )


def _due_at() -> datetime:
    """When the schedule wanted it, also where a server that was away begins it later."""
    info = workflow.info()
    return info.typed_search_attributes.get(_SCHEDULED) or info.start_time
