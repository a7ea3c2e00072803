"""What happened to a case: the events that card, thread, ledger and numbers are read from."""

from typing import Annotated

from pydantic import Field

from workflows.domain.happened.actions import (
    ActionFailed,
    ActionLifted,
    ActionRehearsed,
    ActionRetried,
    ActionRetrying,
    ActionRolledBack,
    ActionsGivenUp,
    ActionSkipped,
    ActionSucceeded,
    ActionUndone,
    ActionVerified,
    EnforcementStarted,
    ProtectionConfirmed,
    ProtectionDismissed,
    ProtectionHeld,
    ProtectionKept,
    ProtectionLifted,
    ProtectionResumed,
    ProtectionStarted,
    ProtectionWithheld,
    UndoRequested,
)
from workflows.domain.happened.appeals import AppealAnswered
from workflows.domain.happened.base import Happened
from workflows.domain.happened.decisions import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalExpired,
    ApprovalReminded,
    ApprovalRequested,
    ApprovalWithdrawn,
    Approved,
    CaseClosed,
    CaseReopened,
    Decided,
    Rejected,
)
from workflows.domain.happened.notices import (
    NoticeDelayed,
    NoticeFailed,
    NoticeRetried,
    NoticeSent,
)
from workflows.domain.happened.ring import RingProgressed, RingStopped
from workflows.domain.happened.work import (
    AlertJoined,
    CaseAbsorbed,
    CaseAcknowledged,
    CaseClaimed,
    CaseEscalated,
    CaseHandedOver,
    CaseMerged,
    CaseOpened,
    CaseReleased,
    CaseResumed,
    CaseSnoozed,
    CaseUnwatched,
    CaseWaiting,
    CaseWatched,
    ClaimExpired,
    ClaimWarned,
    EvidenceRevealed,
    NoteAdded,
    Why,
)
from workflows.domain.model import Value

__all__ = [
    "ActionFailed",
    "ActionLifted",
    "ActionRehearsed",
    "ActionRetried",
    "ActionRetrying",
    "ActionRolledBack",
    "ActionSkipped",
    "ActionSucceeded",
    "ActionUndone",
    "ActionVerified",
    "ActionsGivenUp",
    "AlertJoined",
    "AppealAnswered",
    "ApprovalAnswered",
    "ApprovalAsked",
    "ApprovalExpired",
    "ApprovalReminded",
    "ApprovalRequested",
    "ApprovalWithdrawn",
    "Approved",
    "CaseAbsorbed",
    "CaseAcknowledged",
    "CaseClaimed",
    "CaseClosed",
    "CaseEscalated",
    "CaseHandedOver",
    "CaseMerged",
    "CaseOpened",
    "CaseReleased",
    "CaseReopened",
    "CaseResumed",
    "CaseSnoozed",
    "CaseUnwatched",
    "CaseWaiting",
    "CaseWatched",
    "ClaimExpired",
    "ClaimWarned",
    "Decided",
    "EnforcementStarted",
    "Event",
    "EvidenceRevealed",
    "Happened",
    "NoteAdded",
    "NoticeDelayed",
    "NoticeFailed",
    "NoticeRetried",
    "NoticeSent",
    "ProtectionConfirmed",
    "ProtectionDismissed",
    "ProtectionHeld",
    "ProtectionKept",
    "ProtectionLifted",
    "ProtectionResumed",
    "ProtectionStarted",
    "ProtectionWithheld",
    "Recorded",
    "Rejected",
    "RingProgressed",
    "RingStopped",
    "UndoRequested",
    "Why",
]

Event = Annotated[
    CaseOpened
    | AlertJoined
    | CaseClaimed
    | CaseReleased
    | CaseEscalated
    | CaseAcknowledged
    | CaseHandedOver
    | ClaimWarned
    | ClaimExpired
    | CaseSnoozed
    | CaseWaiting
    | CaseResumed
    | CaseWatched
    | CaseUnwatched
    | NoteAdded
    | EvidenceRevealed
    | CaseMerged
    | CaseAbsorbed
    | Decided
    | ApprovalRequested
    | Approved
    | Rejected
    | ApprovalExpired
    | CaseClosed
    | ApprovalAsked
    | ApprovalAnswered
    | ApprovalReminded
    | ApprovalWithdrawn
    | CaseReopened
    | ActionRetrying
    | ActionSucceeded
    | ActionVerified
    | ActionFailed
    | ActionRetried
    | ActionsGivenUp
    | UndoRequested
    | ActionUndone
    | ActionLifted
    | ActionSkipped
    | ActionRolledBack
    | ActionRehearsed
    | EnforcementStarted
    | ProtectionStarted
    | ProtectionWithheld
    | ProtectionHeld
    | ProtectionResumed
    | ProtectionConfirmed
    | ProtectionDismissed
    | ProtectionLifted
    | ProtectionKept
    | RingProgressed
    | RingStopped
    | AppealAnswered
    | NoticeSent
    | NoticeDelayed
    | NoticeFailed
    | NoticeRetried,
    Field(discriminator="kind"),
]


class Recorded(Value):
    """An event with its place in the case's story; `seq` starts at 1 and has no gaps."""

    seq: int
    event: Event
