"""Start arguments of case and enforcement workflows."""

from datetime import datetime, timedelta

from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.decision import PersonNotice, PlannedAction
from workflows.domain.case.enforcement import ActionState, Ask, NoticeState, Proof, Terms
from workflows.domain.case.events import Recorded
from workflows.domain.case.snapshot import CaseSnapshot, ReceivedAlert
from workflows.domain.policy.playbook import Conduct, PackedPolicy
from workflows.domain.values import Value

TASK_TIMEOUT = timedelta(seconds=3)
"""A workflow task whose worker was killed is retried after this (default 10 s)."""


class PendingWork(Value):
    """Pending writes of the previous run.

    `events` and `alerts` are not in the ledger yet. `stale`: Slack shows an older state;
    `waited_for`: a person waits for the new one; `unsure_since`: when a write began that was
    cancelled, and may have posted.
    """

    events: tuple[Recorded, ...] = ()
    alerts: tuple[ReceivedAlert, ...] = ()
    stale: bool = False
    waited_for: bool = False
    unsure_since: datetime | None = None


class CaseStart(Value):
    """Start of a case: with its first alert, from `memory`, or from the ledger by id (`revive`).

    `policy` is that of the case, or of the next one of its group; a case reopened under its own id
    has it in `memory`. With `rebuilt` it was made from the ledger, and nothing of the case runs at
    Temporal: its enforcements start again. `alerts` arrived while the previous case was ending, or
    after the reopened case `after` had closed again.
    """

    workflow_id: str
    policy: PackedPolicy | None = None
    subject: Subject | None = None
    memory: CaseSnapshot | None = None
    revive: str | None = None
    alerts: tuple[Alert, ...] = ()
    under_way: PendingWork | None = None
    after: str = ""
    rebuilt: bool = False


class Job(Value):
    """One action of a decision, with the proof that its case decided it.

    With `state` an enforcement that was lost goes on from there, instead of making the change.
    `life` and `began` are those of its `ActionState`.
    """

    planned: PlannedAction
    terms: Terms
    proof: Proof
    state: ActionState | None = None
    life: int = 1
    began: datetime | None = None


class EnforcementStart(Value):
    """Start of an enforcement of `decision`, or with `undo` of its reversal.

    `protects`: an automatic protection (`decision` is its id), which lifts itself and needs no
    answer if it fails. `dry_run` changes nothing at the platform. `place` is the subject's place
    in a bulk decision, whose workflow id is then `workflow_id`. `notice` is sent to the person
    acted upon once an action took effect; with `notice_only` only that is left to do. `detectors`
    sent the alerts of what Koban does by itself. With
    `notice_state` it was tried already, and only a person repeats it. `asks` come first: a lift
    that is due must not overtake them.
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
    notice: PersonNotice | None = None
    notice_only: bool = False
    notice_state: NoticeState | None = None
    asks: tuple[Ask, ...] = ()
    detectors: tuple[str, ...] = ()
