"""What happened to a case: the events that card, thread, ledger and numbers are read from."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.approval import Approval, Consent
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionState, Problem
from workflows.domain.case.enforcement_events import (
    ActionDryRun,
    ActionFailed,
    ActionLifted,
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
from workflows.domain.case.event_base import EventBase
from workflows.domain.case.model import SubjectHistory
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.playbook import Notify, Severity, Unless, Via
from workflows.domain.values import Value


class AppealAnswered(EventBase):
    """Somebody else reviewed a decision; an overturn is followed by its undo."""

    kind: Literal["appeal_answered"] = "appeal_answered"
    answer: AppealAnswer


class Decided(EventBase):
    """A person decided; `actions` is what will be done, once it is approved.

    `due` is until when it was to be decided; None in events of an older version.
    """

    kind: Literal["decided"] = "decided"
    decision: Decision
    actions: tuple[ActionState, ...]
    due: datetime | None = None


class ApprovalRequested(EventBase):
    """The decision waits for a second person."""

    kind: Literal["approval_requested"] = "approval_requested"
    approval: Approval


class Approved(EventBase):
    """One person agreed; `granted` when nobody is missing any more."""

    kind: Literal["approved"] = "approved"
    decision: str
    consent: Consent
    granted: bool


class Rejected(EventBase):
    """The decision goes back to the decider."""

    kind: Literal["rejected"] = "rejected"
    decision: str
    reason: str


class ApprovalExpired(EventBase):
    """Nobody agreed in time: the decision is off, or the lead is asked again until `renewed`."""

    kind: Literal["approval_expired"] = "approval_expired"
    decision: str
    outcome: OnExpiry
    renewed: datetime | None = None


class CaseClosed(EventBase):
    """Nothing is left to do."""

    kind: Literal["case_closed"] = "case_closed"
    verdict: Verdict


class ApprovalAsked(EventBase):
    """An approver asks back; the approval's time stands still until `until` at the latest."""

    kind: Literal["approval_asked"] = "approval_asked"
    decision: str
    question: str
    until: datetime


class ApprovalAnswered(EventBase):
    """The question was answered, or nobody did (`by` None): the time runs until `expires_at`."""

    kind: Literal["approval_answered"] = "approval_answered"
    decision: str
    answer: str
    expires_at: datetime


class ApprovalReminded(EventBase):
    """The approval will expire soon."""

    kind: Literal["approval_reminded"] = "approval_reminded"
    decision: str
    expires_at: datetime


class ApprovalWithdrawn(EventBase):
    """Who asked for the approval does not want it any more."""

    kind: Literal["approval_withdrawn"] = "approval_withdrawn"
    decision: str


class CaseReopened(EventBase):
    """A closed case is worked again, by `by`."""

    kind: Literal["case_reopened"] = "case_reopened"
    reason: str


class NoticeSent(EventBase):
    """The platform took the notice of a decision."""

    kind: Literal["notice_sent"] = "notice_sent"
    decision: str


class NoticeDelayed(EventBase):
    """The platform does not answer as it should; Koban keeps trying to send the notice."""

    kind: Literal["notice_delayed"] = "notice_delayed"
    decision: str
    problem: Problem | None = None


class NoticeFailed(EventBase):
    """The notice was not sent, and is not tried again by itself."""

    kind: Literal["notice_failed"] = "notice_failed"
    decision: str
    problem: Problem


class NoticeRetried(EventBase):
    """A person asked to send the notice again."""

    kind: Literal["notice_retried"] = "notice_retried"
    decision: str


class BulkProgressed(EventBase):
    """A wave of a ring is over, or its lifts or its undo went on."""

    kind: Literal["bulk_progressed"] = "bulk_progressed"
    decision: str
    tally: Tally


class BulkStopped(EventBase):
    """A person stopped a ring: the wave under way is finished, the rest is skipped."""

    kind: Literal["bulk_stopped"] = "bulk_stopped"
    decision: str


class CaseOpened(EventBase):
    """The first alert of a group opened a case."""

    kind: Literal["case_opened"] = "case_opened"
    case: str
    playbook: str
    subject: Subject
    severity: Severity
    alert: AlertBrief
    known: SubjectHistory = SubjectHistory()


class AlertJoined(EventBase):
    """One more alert of the same group; `severity` is that of the case from now on."""

    kind: Literal["alert_joined"] = "alert_joined"
    severity: Severity
    alert: AlertBrief


class CaseClaimed(EventBase):
    """`by` took the case."""

    kind: Literal["case_claimed"] = "case_claimed"


class CaseReleased(EventBase):
    """The case has no assignee any more."""

    kind: Literal["case_released"] = "case_released"
    owner: str


class CaseEscalated(EventBase):
    """A step of the ladder was due (`step`), or a person asked for it (`step` None).

    `round` is 0 for a step's first call, then counts its repetitions; `last` where none follows.
    """

    kind: Literal["case_escalated"] = "case_escalated"
    notify: Notify
    step: int | None = None
    unless: Unless | None = None
    role: Role | None = None
    person: str | None = None
    via: Via = Via.THREAD
    round: int = 0
    last: bool = True


class CaseAcknowledged(EventBase):
    """`by` has seen the call; nobody owns the case for that."""

    kind: Literal["case_acknowledged"] = "case_acknowledged"


class CaseHandedOver(EventBase):
    """The case went from `owner` to `to`, with a note."""

    kind: Literal["case_handed_over"] = "case_handed_over"
    owner: str
    to: str
    note: str


class ClaimWarned(EventBase):
    """The owner has not been seen for a while: the claim ends at `until`."""

    kind: Literal["claim_warned"] = "claim_warned"
    owner: str
    until: datetime


class ClaimExpired(EventBase):
    """The claim ended because its owner was not seen any more."""

    kind: Literal["claim_expired"] = "claim_expired"
    owner: str


class CaseSnoozed(EventBase):
    """Nobody is called until `until`. Where it `pauses`, the decide clock stands still as well."""

    kind: Literal["case_snoozed"] = "case_snoozed"
    until: datetime
    pauses: bool


class CaseWaiting(EventBase):
    """The case waits for information from elsewhere, `until` at the latest; its clock stands."""

    kind: Literal["case_waiting"] = "case_waiting"
    until: datetime
    note: str


class Why(StrEnum):
    """Why a hold ended."""

    ASKED = "asked"
    TIME = "time"
    WORSE = "worse"


class CaseResumed(EventBase):
    """A hold ended."""

    kind: Literal["case_resumed"] = "case_resumed"
    why: Why


class CaseWatched(EventBase):
    """`by` wants to hear how the case goes on."""

    kind: Literal["case_watched"] = "case_watched"


class CaseUnwatched(EventBase):
    """`by` does not want to hear of the case any more."""

    kind: Literal["case_unwatched"] = "case_unwatched"


class NoteAdded(EventBase):
    """`by` left a note for the colleagues."""

    kind: Literal["note_added"] = "note_added"
    note: str


class EvidenceRevealed(EventBase):
    """`by` was shown hidden evidence: the `item` (from 0) of an alert, by its key."""

    kind: Literal["evidence_revealed"] = "evidence_revealed"
    alert_key: str
    item: int
    image: bool


class CaseMerged(EventBase):
    """The case ended because another case, `into`, goes on for it."""

    kind: Literal["case_merged"] = "case_merged"
    into: str
    workflow_id: str = ""


class CaseAbsorbed(EventBase):
    """The alerts of another case on the same subject are worked here from now on."""

    kind: Literal["case_absorbed"] = "case_absorbed"
    case: str
    alerts: int


__all__ = [
    "ActionDryRun",
    "ActionFailed",
    "ActionLifted",
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
    "BulkProgressed",
    "BulkStopped",
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
    "EventBase",
    "EvidenceRevealed",
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
    | ActionDryRun
    | EnforcementStarted
    | ProtectionStarted
    | ProtectionWithheld
    | ProtectionHeld
    | ProtectionResumed
    | ProtectionConfirmed
    | ProtectionDismissed
    | ProtectionLifted
    | ProtectionKept
    | BulkProgressed
    | BulkStopped
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
