"""What the workflows start with. Kept apart so that their classes' files hold no models."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.decision import Letter, NoticeStatus, PlannedAction
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
from workflows.domain.case.events import Recorded
from workflows.domain.case.snapshot import CaseSnapshot, ReceivedAlert
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.packed import PackedPolicy
from workflows.domain.policy.playbook import Conduct
from workflows.domain.values import Value

TASK_TIMEOUT = timedelta(seconds=3)
"""When a workflow task is tried again whose worker was killed (default 10 s)."""


class PendingWork(Value):
    """Work that one run left to the next.

    `events` and `alerts` are not in the ledger yet; `stale` says that Slack shows an older state,
    `waited_for` that a person waits to see the newest, `unsure_since` that a write to Slack was
    called off that began then.
    """

    events: tuple[Recorded, ...] = ()
    alerts: tuple[ReceivedAlert, ...] = ()
    stale: bool = False
    waited_for: bool = False
    unsure_since: datetime | None = None


class CaseStart(Value):
    """A case begins with its first alert, goes on from `memory`, or wakes up as `revive`.

    `policy` is that of the case, or of the next one of its group; a case that was reopened under
    its own id has it in its memory. `alerts` wait to join, or to open the next case: those that
    arrived while the case before was ending, or `after` a reopened case had closed again.
    """

    workflow_id: str
    policy: PackedPolicy | None = None
    subject: Subject | None = None
    memory: CaseSnapshot | None = None
    revive: str | None = None
    alerts: tuple[Alert, ...] = ()
    under_way: PendingWork | None = None
    after: str = ""


class Job(Value):
    """One action with what the platform needs to know for it."""

    planned: PlannedAction
    spec: ActionSpec


class EnforcementStart(Value):
    """A decision to be carried out; with `undo`, to be taken back.

    `protects` where Koban acts by itself (then `decision` is a protection's id): it lifts itself,
    and waits for nobody where it fails. `rehearse` changes nothing at the platform. With a `place`
    it is for one subject of a ring, and its `route` is the ring's. `notice` is for the person acted
    upon, once it took effect; with `told_only` all of it stands, and only that is left to do.
    """

    case: str
    workflow_id: str
    decision: str
    actor: str | None
    jobs: tuple[Job, ...]
    undo: bool = False
    rank: int = 3
    conduct: Conduct = Conduct()
    protects: bool = False
    dry_run: bool = False
    place: int | None = None
    notice: Letter | None = None
    told_only: bool = False


def lost(start: EnforcementStart, unique: str) -> EnforcementReport:
    """What a case hears when its enforcement vanished: every action failed for a reason unknown."""
    if start.told_only:
        problem = Problem(kind=ProblemKind.UNREACHABLE)
        notice = NoticeState(status=NoticeStatus.FAILED, problem=problem)
        return EnforcementReport(
            id=unique, case=start.case, decision=start.decision, actions=(), notice=notice
        )
    return vanished(start.case, start.decision, (job.planned for job in start.jobs), unique)


def vanished(
    case: str, decision: str, planned: Iterable[PlannedAction], unique: str
) -> EnforcementReport:
    """The same, where only the planned actions are at hand."""
    problem = Problem(kind=ProblemKind.UNREACHABLE)
    return EnforcementReport(
        id=unique,
        case=case,
        decision=decision,
        actions=tuple(
            ActionReport(action=each.key, status=ActionStatus.FAILED, problem=problem)
            for each in planned
        ),
    )
