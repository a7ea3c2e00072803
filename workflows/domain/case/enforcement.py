"""What becomes of the actions of a decision at the platform."""

from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import NoticeStatus, PlannedAction
from workflows.domain.values import Value

FIRST_TRY = timedelta(seconds=8)
"""How long a change may fail before the card says that it is being retried."""


class ActionStatus(StrEnum):
    """Where one action stands."""

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


STANDING = frozenset({ActionStatus.DONE, ActionStatus.VERIFIED, ActionStatus.DRIFTED})
"""The action took effect and has not been taken back."""
TOOK_EFFECT = STANDING | {ActionStatus.LIFTED}
"""The person acted upon felt it, though its time may be over by now."""
UNSETTLED = frozenset({ActionStatus.PENDING, ActionStatus.RETRYING, ActionStatus.FAILED})
"""The case can't close before these come to an end."""
ACTING = frozenset({ActionStatus.PENDING, ActionStatus.RETRYING, ActionStatus.UNDOING})
"""Koban is at work at the platform."""
NOT_DONE = frozenset({ActionStatus.FAILED, ActionStatus.SKIPPED, ActionStatus.ROLLED_BACK})
"""What a retry tries again."""


class ProblemKind(StrEnum):
    """Why the platform did not do it."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNUSABLE_SUBJECT = "unusable_subject"
    NO_UNDO = "no_undo"


class Problem(Value):
    """A failure as it is shown: `status` is the HTTP status, where there was an answer."""

    kind: ProblemKind
    status: int | None = None


class ActionState(Value):
    """One action of one decision. `until` is set where Koban will lift it."""

    decision: str
    planned: PlannedAction
    status: ActionStatus = ActionStatus.PENDING
    undoable: bool = False
    until: datetime | None = None
    problem: Problem | None = None
    would: str = ""

    @property
    def standing(self) -> bool:
        """Whether it took effect and still stands."""
        return self.status in STANDING


class ActionReport(Value):
    """News of one action, by its `PlannedAction.key`."""

    action: str
    status: ActionStatus
    until: datetime | None = None
    problem: Problem | None = None
    would: str = ""


class NoticeState(Value):
    """Where the notice to the person acted upon stands."""

    status: NoticeStatus
    problem: Problem | None = None


class EnforcementReport(Value):
    """News of a decision's enforcement; `id` makes a second delivery harmless.

    `notice` is where the notice stands, once it was tried. Of one subject of a ring it has its
    `place`, of the ring as a whole its `tally`. It is `over` where nothing more will be told.
    """

    id: str
    case: str
    decision: str
    actions: tuple[ActionReport, ...]
    place: int | None = None
    over: bool = False
    tally: Tally | None = None
    notice: NoticeState | None = None


class AskKind(StrEnum):
    """What a case asks of a running enforcement.

    Four are for protections: do not lift yet, lift in time again, end without lifting (a decision
    takes over), lift now. STOP is for rings: finish what is under way, and no more. TELL sends the
    notice again.
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
    """A person's wish, on its way from the case to the enforcement."""

    kind: AskKind
    by: str | None


def idempotency_key(
    case: str, decision: str, planned: PlannedAction, undo: bool = False, life: int = 1
) -> str:
    """`{case}/{decision}/{action}/{subject}`, the same over all retries; `/undo` behind an undo.

    What was taken back and is made anew (`life` 2, 3, …) is another change: the platform would
    answer the old key with the old result.
    """
    key = f"{case}/{decision}/{planned.action}/{planned.subject.id}"
    key = key if life == 1 else f"{key}/{life}"
    return f"{key}/undo" if undo else key
