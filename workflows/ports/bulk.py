"""What rings ask of the world: their subjects, and the record of what became of each."""

from datetime import datetime, timedelta

from temporalio import activity

from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import BULK, Bulk
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    Ask,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.playbook import Conduct
from workflows.domain.values import Value


class BulkRequest(Value):
    """Whom a ring is made of: the case's own subject, those of the look-ups, and `ids`.

    `starts` are the subjects from which look-ups begin, by their type.
    """

    id: str
    case: str
    type: str
    starts: dict[str, Subject]
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class BulkJob(Value):
    """One action of a ring with what the platform needs to know for it."""

    action: str
    lasts: timedelta | None
    spec: ActionSpec


class BulkStart(Value):
    """A ring to be carried out; with `undo`, to be taken back.

    `marks` and what follows is carried over from the run before; `fresh` where nothing was done
    yet, else the ledger tells how far it got.
    """

    case: str
    workflow_id: str
    decision: str
    actor: str | None
    bulk: str
    count: int
    jobs: tuple[BulkJob, ...]
    rank: int = 3
    conduct: Conduct = Conduct()
    dry_run: bool = False
    fresh: bool = False
    undo: bool = False
    stopped: bool = False
    asks: tuple[Ask, ...] = ()
    step: int = 0
    marks: str = ""
    alive: str = ""
    undoing: bool = False
    asked_by: str | None = None
    problem: Problem | None = None
    until: datetime | None = None
    writes: int = 0
    end_reported: bool = False


def lost_bulk(start: BulkStart, unique: str) -> EnforcementReport:
    """What a case hears when its ring vanished: it stands where its last tally left it."""
    problem = Problem(kind=ProblemKind.UNREACHABLE)
    subject = Subject(type=BULK, id=start.bulk)
    return EnforcementReport(
        id=unique,
        case=start.case,
        decision=start.decision,
        actions=tuple(
            ActionReport(
                action=PlannedAction(action=job.action, subject=subject).key,
                status=ActionStatus.FAILED,
                problem=problem,
            )
            for job in start.jobs
        ),
    )


class BulkPart(Value):
    """Some places of a ring."""

    bulk: str
    places: tuple[int, ...]


class Member(Value):
    """One subject, and the actions on it that stand."""

    place: int
    subject: Subject
    standing: tuple[str, ...] = ()


class BulkRow(Value):
    """Where one action on one subject stands."""

    place: int
    action: str
    status: ActionStatus
    until: datetime | None = None
    problem: Problem | None = None


class BulkRows(Value):
    """What became of some subjects. `version` counts a ring's writes: the latest one holds."""

    bulk: str
    case: str
    decision: str
    by: str | None
    at: datetime
    version: int
    rows: tuple[BulkRow, ...]


@activity.defn(name="bulk_of")
async def bulk_of(ask: BulkRequest) -> Bulk:
    """Fetches the subjects, drops doubles, and stores them for good; the first writing holds.

    One without subjects, or with too many, is only counted.

    Raises:
        ApplicationError: retryable, where platform or ledger are away; else the ring can't be read.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="bulk_part")
async def bulk_part(part: BulkPart) -> tuple[Member, ...]:
    """The subjects at some places, in their order."""
    raise RuntimeError("a port has no body")


@activity.defn(name="bulk_statuses")
async def bulk_statuses(bulk: str) -> str:
    """Where each subject stands, as `ring_marks.Mark`, by the ledger."""
    raise RuntimeError("a port has no body")


@activity.defn(name="record_bulk")
async def record_bulk(rows: BulkRows) -> None:
    """Writes what became of some subjects; the same rows twice change nothing."""
    raise RuntimeError("a port has no body")
