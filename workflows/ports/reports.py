"""What a report asks of the world: to be gathered, and to be posted."""

from datetime import datetime

from temporalio import activity

from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.report import Report, ReportKind
from workflows.domain.values import Value


class ReportStart(Value):
    """Which report; with the name of a `shift` where it is one of a shift."""

    kind: ReportKind
    shift: str | None = None


class ReportWanted(Value):
    """A report as of `at`, when it was due. `key` makes a second posting harmless."""

    key: str
    kind: ReportKind
    at: datetime
    shift: str | None = None


@activity.defn(name="gather_report")
async def gather_report(wanted: ReportWanted) -> Report | None:
    """Reads what the report tells; None where policy wants none, or the shift has no turn then."""
    raise RuntimeError("a port has no body")


@activity.defn(name="post_report")
async def post_report(report: Report) -> CardRef:
    """Posts it with its picture, once; where it stands."""
    raise RuntimeError("a port has no body")
