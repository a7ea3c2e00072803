"""What the workflows start with. Kept apart so that their classes' files hold no models."""

from workflows.domain.alert import Alert, Subject
from workflows.domain.case_state import Case
from workflows.domain.decision import PlannedAction
from workflows.domain.enforcement import (
    ActionReport,
    ActionState,
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.memory import Memory
from workflows.domain.model import Value
from workflows.domain.playbook.actions import ActionSpec
from workflows.domain.playbook.model import Policy


class CaseStart(Value):
    """A case begins with its first alert, goes on from `memory`, or wakes up as `revive`.

    `alerts` arrived while the case before was ending: they open the next one.
    """

    route: str
    policy: Policy | None = None
    subject: Subject | None = None
    memory: Memory | None = None
    revive: str | None = None
    alerts: tuple[Alert, ...] = ()


class Job(Value):
    """One action with what the platform needs to know for it."""

    planned: PlannedAction
    spec: ActionSpec


class EnforcementStart(Value):
    """A decision to be carried out; with `undo`, to be taken back."""

    case: str
    route: str
    decision: str
    actor: str
    jobs: tuple[Job, ...]
    undo: bool = False
    rank: int = 3


def enforcing(
    case: Case, route: str, jobs: tuple[ActionState, ...], undo: bool
) -> EnforcementStart:
    """The enforcement of the last decision's `jobs`, or of their undo; it reports to `route`."""
    decision, catalog = case.decision, case.policy.catalog
    assert decision is not None
    return EnforcementStart(
        case=case.id,
        route=route,
        decision=decision.id,
        actor=case.turn.by if undo and case.turn and case.turn.by else decision.by,
        jobs=tuple(Job(planned=j.planned, spec=catalog.actions[j.planned.action]) for j in jobs),
        undo=undo,
        rank=case.severity.rank,
    )


def lost(start: EnforcementStart, unique: str) -> EnforcementReport:
    """What a case hears when its enforcement vanished: every action failed for a reason unknown."""
    problem = Problem(kind=ProblemKind.UNREACHABLE)
    return EnforcementReport(
        id=unique,
        case=start.case,
        decision=start.decision,
        actions=tuple(
            ActionReport(action=job.planned.key, status=ActionStatus.FAILED, problem=problem)
            for job in start.jobs
        ),
    )
