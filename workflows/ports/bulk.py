"""Ports of bulk decisions: their subjects, and the state of each in the ledger."""

from datetime import datetime, timedelta
from typing import Protocol

from pydantic import Field
from temporalio import activity

from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import BULK, Bulk
from workflows.domain.case.decision import NoticeStatus, PersonNotice, PlannedAction
from workflows.domain.case.enforcement import ActionStatus, Ask, Problem, Proof, Terms
from workflows.domain.policy.playbook import Conduct
from workflows.domain.values import Value


class BulkRequest(Value):
    """Sources of a bulk decision's subjects: the case's own, look-ups, and `ids`.

    `starts` are the subjects from which look-ups begin, by type; `exempt` are keys of subjects
    that no bulk decision may have.
    """

    id: str
    case: str
    type: str
    starts: dict[str, Subject]
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    exempt: frozenset[str] = frozenset()


class BulkJob(Value):
    """One action of a bulk decision; the subject of its proof is the bulk decision."""

    action: str
    lasts: timedelta | None
    terms: Terms
    proof: Proof

    def planned(self, bulk: str) -> PlannedAction:
        """The action on all subjects of a bulk decision."""
        return PlannedAction(
            action=self.action, subject=Subject(type=BULK, id=bulk), lasts=self.lasts
        )


class BulkStart(Value):
    """Start of a bulk decision, or with `undo` of its reversal.

    The fields from `step` on are the state of the previous run. `fresh`: nothing was done yet;
    otherwise the ledger has the progress. `rebuilt`: Temporal lost an earlier run with the
    enforcements of its subjects. `began` is the time from which durations count. `notice` still has
    to be addressed to each subject.
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
    notice: PersonNotice | None = None
    fresh: bool = False
    rebuilt: bool = False
    undo: bool = False
    stopped: bool = False
    began: datetime | None = None
    asks: tuple[Ask, ...] = ()
    seen: tuple[str, ...] = ()
    step: int = 0
    marks: str = ""
    alive: str = ""
    notices: str = ""
    notice_problem: Problem | None = None
    undoing: bool = False
    asked_by: str | None = None
    problem: Problem | None = None
    until: datetime | None = None
    writes: int = 0
    end_reported: bool = False


class BulkPart(Value):
    """Some places of a bulk decision, with its actions; with `results` their states as well."""

    bulk: str
    places: tuple[int, ...]
    case: str = ""
    decision: str = ""
    jobs: tuple[BulkJob, ...] = ()
    results: bool = False


class BulkRow(Value):
    """State of one action on one subject; `life` as in `ActionState`."""

    place: int
    action: str
    status: ActionStatus
    until: datetime | None = None
    problem: Problem | None = None
    life: int = 1


class Member(Value):
    """One subject, the actions in effect on it, and a proof for each job.

    `rows` are its states in the ledger, `version` that of the latest write.
    """

    place: int
    subject: Subject
    in_force: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    rows: tuple[BulkRow, ...] = ()
    version: int = 0


class BulkRows(Value):
    """States of some subjects. `version` counts the writes: the latest one is valid.

    `notices` has the changed ones by place; None: no notice is due any more.
    """

    bulk: str
    case: str
    decision: str
    by: str | None
    at: datetime
    version: int
    rows: tuple[BulkRow, ...]
    notices: dict[int, NoticeStatus | None] = Field(default_factory=dict)


class BulkPort(Protocol):
    """Activities of bulk decisions."""

    @activity.defn(name="bulk_of")
    async def bulk_of(self, ask: BulkRequest) -> Bulk:
        """Fetches the subjects, drops duplicates and stores them; the first write is final.

        If there are none, or too many, they are only counted. Raises `ApplicationError`,
        retryable if platform or ledger are unreachable; otherwise the subjects can't be read.
        """

    @activity.defn(name="bulk_part")
    async def bulk_part(self, part: BulkPart) -> tuple[Member, ...]:
        """Returns the subjects at some places, in order, with proofs if the part's are valid."""

    @activity.defn(name="bulk_statuses")
    async def bulk_statuses(self, bulk: str) -> str:
        """Returns the state of each subject in the ledger, one `MemberStatus` letter each."""

    @activity.defn(name="bulk_notices")
    async def bulk_notices(self, bulk: str) -> str:
        """Returns the state of each subject's notice, one `NoticeMark` letter each."""

    @activity.defn(name="record_bulk")
    async def record_bulk(self, rows: BulkRows) -> None:
        """Writes the states of some subjects; idempotent."""
