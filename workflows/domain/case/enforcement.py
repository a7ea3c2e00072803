"""Enforcement of actions at the platform: statuses, reports and requests."""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import NoticeStatus, PlannedAction
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.values import Text, Value

FIRST_TRY = timedelta(seconds=8)
"""Failing time after which the card shows the retries."""


class ActionStatus(StrEnum):
    """The status of an action."""

    PENDING = "pending"
    RETRYING = "retrying"
    DONE = "done"
    VERIFIED = "verified"
    DRIFTED = "drifted"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"
    DRY_RUN = "dry_run"
    UNDOING = "undoing"
    UNDONE = "undone"
    LIFTED = "lifted"
    KEPT = "kept"


IN_FORCE = frozenset({ActionStatus.DONE, ActionStatus.VERIFIED, ActionStatus.DRIFTED})
"""The action is in effect."""
TOOK_EFFECT = IN_FORCE | {ActionStatus.LIFTED}
"""The action was in effect, and may have ended."""
UNSETTLED = frozenset({ActionStatus.PENDING, ActionStatus.RETRYING, ActionStatus.FAILED})
"""The case closes only after these."""
ACTING = frozenset({ActionStatus.PENDING, ActionStatus.RETRYING, ActionStatus.UNDOING})
"""Koban is calling the platform."""
ENDED = frozenset({ActionStatus.UNDONE, ActionStatus.LIFTED, ActionStatus.KEPT})
"""The action was in effect, and ended or was taken over."""
NOT_DONE = frozenset({ActionStatus.FAILED, ActionStatus.SKIPPED, ActionStatus.ROLLED_BACK})
"""A retry tries these again."""


class ProblemKind(StrEnum):
    """The reason of a failure."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    UNUSABLE_SUBJECT = "unusable_subject"
    NO_UNDO = "no_undo"
    UNKNOWN_ACTION = "unknown_action"
    UNPROVEN = "unproven"
    PAUSED = "paused"
    PAUSES_UNKNOWN = "pauses_unknown"


class Problem(Value):
    """A failure; `status` is the HTTP status of the response, if there was one."""

    kind: ProblemKind
    status: int | None = None


class ActionState(Value):
    """An action of a decision. `until` is set if Koban lifts it.

    `began` is the time from which its duration counts: the end is the same in each enforcement.
    `ended_at` is the time of its lift, undo or take-over; `ended_by` the person who asked for it,
    None for an end in time. `life` counts how often it was made again after an end.
    """

    decision: str
    planned: PlannedAction
    status: ActionStatus = ActionStatus.PENDING
    undoable: bool = False
    until: datetime | None = None
    problem: Problem | None = None
    would: str = ""
    ended_at: datetime | None = None
    ended_by: str | None = None
    life: int = 1
    began: datetime | None = None

    @property
    def in_force(self) -> bool:
        """Whether it is in effect."""
        return self.status in IN_FORCE

    @property
    def stopped(self) -> bool:
        """Whether a pause of automation stopped it before it was done."""
        paused = self.problem is not None and self.problem.kind is ProblemKind.PAUSED
        return self.status is ActionStatus.SKIPPED and paused

    def retried(self, at: datetime) -> "ActionState":
        """The action after a retry at `at`."""
        lasts = self.planned.lasts
        until = None if self.began is None or lasts is None else self.began + lasts
        changed: dict[str, Any] = {"status": ActionStatus.PENDING, "problem": None}
        if is_new_change(self.status, until, at):
            changed |= {"life": self.life + 1, "began": at}
        return self.model_copy(update=changed)


def is_new_change(status: ActionStatus, until: datetime | None, at: datetime) -> bool:
    """Whether a retry at `at` is a new change: after a rollback, or after its time is over.

    The platform would answer the old idempotency key with the old result.
    """
    return status is ActionStatus.ROLLED_BACK or (until is not None and until <= at)


class ActionReport(Value):
    """A report of an action, by its `PlannedAction.key`; `undo`: its undo failed."""

    action: str
    status: ActionStatus
    until: datetime | None = None
    problem: Problem | None = None
    would: str = ""
    life: int = 1
    undo: bool = False


class NoticeState(Value):
    """The state of a notice."""

    status: NoticeStatus
    problem: Problem | None = None


class EnforcementReport(Value):
    """A report of a decision's enforcement; a second one with the same `id` is ignored.

    `notice` is set after the first try. A report about one subject of a bulk decision has its
    `place`, one about all of them its `tally`. `over`: no report follows. `unproven`: nothing was
    done, because no case had decided it.
    """

    id: str
    case: str
    decision: str
    actions: tuple[ActionReport, ...]
    unproven: bool = False
    place: int | None = None
    over: bool = False
    tally: Tally | None = None
    notice: NoticeState | None = None


class AskKind(StrEnum):
    """The kind of a request to a running enforcement.

    HOLD, RESUME, KEEP and LIFT are for protections: do not lift, lift in time again, end without a
    lift, lift now. STOP ends a bulk decision after its current wave. TELL sends the notice again.
    """

    RETRY = "retry"
    GIVE_UP = "give_up"
    UNDO = "undo"
    HOLD = "hold"
    RESUME = "resume"
    KEEP = "keep"
    LIFT = "lift"
    STOP = "stop"
    TELL = "tell"


class Ask(Value):
    """A request of the case to its enforcement workflow; a second one with an `id` is ignored.

    `at` is the time of its event.
    """

    kind: AskKind
    by: str | None
    id: str = ""
    at: datetime | None = None


class Terms(Value):
    """The parts of an action's specification that its workflow needs; requests are not."""

    title: Text
    deadline: timedelta
    verified: bool
    undoable: bool


def terms_of(spec: ActionSpec) -> Terms:
    """The terms of an action of actions.yaml."""
    return Terms(
        title=spec.title,
        deadline=spec.deadline,
        verified=spec.verify is not None,
        undoable=spec.undo is not None,
    )


class Proof(Value):
    """Proof that a case decided an action: its policy, people and time, and a signature.

    `policy` is the version of the policy of `playbook`. `undo`: only the undo was decided;
    `dry_run`: nothing may be sent. `signature` is empty without signing keys.
    """

    playbook: str
    policy: str
    by: str | None = None
    approvers: tuple[str, ...] = ()
    undo: bool = False
    dry_run: bool = False
    at: datetime | None = None
    signature: str = ""


PROOF_LASTS = timedelta(days=1)
"""An enforcement starts within this time of its proof: a copy of its start is refused later."""


def proven_content(case: str, decision: str, planned: PlannedAction, proof: Proof) -> str:
    """The signed text of a proof."""
    parts = {
        "case": case,
        "decision": decision,
        "planned": planned.model_dump(mode="json"),
        "proof": proof.model_dump(mode="json", exclude={"signature"}),
    }
    return json.dumps(parts, sort_keys=True, ensure_ascii=True)


def idempotency_key(
    case: str, decision: str, planned: PlannedAction, undo: bool = False, life: int = 1
) -> str:
    """`{case}/{decision}/{action}/{subject}`, the same for all retries; an undo adds `/undo`.

    An action repeated after its undo (`life` 2, 3, …) has a key of its own: the platform would
    answer the old key with the old result.
    """
    key = f"{case}/{decision}/{planned.action}/{planned.subject.id}"
    key = key if life == 1 else f"{key}/{life}"
    return f"{key}/undo" if undo else key
