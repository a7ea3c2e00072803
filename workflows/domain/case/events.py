"""Events of a case: the facts that card, thread, ledger and reports are read from."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field

from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.case import automation_events as automation
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.approval import Approval, Consent, Purpose
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionState, Problem
from workflows.domain.case.event_base import (
    QUESTIONS,
    ActionEvent,
    ApprovalEvent,
    AttemptEvent,
    DecisionEvent,
    EventBase,
    NoticeEvent,
    Why,
    kind_of,
)
from workflows.domain.case.model import SubjectHistory
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.playbook import Notify, Severity, Unless, Via
from workflows.domain.policy.strictness import Tightening
from workflows.domain.values import Value, tagged

_REVIEW = frozenset({Purpose.REVIEW})


class CaseOpened(EventBase):
    """The first alert of a group opened a case."""

    in_thread = False
    counted = True
    alert_fields = ("alert",)
    kind: Literal["case_opened"] = "case_opened"
    case: str
    playbook: str
    subject: Subject
    severity: Severity
    alert: AlertBrief
    history: SubjectHistory = SubjectHistory()


class AlertJoined(EventBase):
    """Another alert of the group; `severity` is the case's after it."""

    in_thread = False
    alert_fields = ("alert",)
    kind: Literal["alert_joined"] = "alert_joined"
    severity: Severity
    alert: AlertBrief


class CaseMerged(EventBase):
    """The case ended; case `into` continues it."""

    notifies_watchers = True
    counted = True
    kind: Literal["case_merged"] = "case_merged"
    into: str
    workflow_id: str = ""


class CaseAbsorbed(EventBase):
    """Another case on the same subject was merged into this one, with its alerts."""

    kind: Literal["case_absorbed"] = "case_absorbed"
    case: str
    alerts: int


class CaseClaimed(EventBase):
    """`by` claimed the case; `received_at` is when their press of Claim was received.

    `due` is the end of the claim clock, None in events of earlier releases.
    """

    counted = True
    kind: Literal["case_claimed"] = "case_claimed"
    received_at: datetime | None = None
    due: datetime | None = None


class CaseReleased(EventBase):
    """`by` took the case away from `owner`, often themselves."""

    people = ("owner",)
    kind: Literal["case_released"] = "case_released"
    owner: str


class CaseHandedOver(EventBase):
    """`by` gave the case of `owner` to `to`, with a note."""

    counted = True
    people = ("owner", "to")
    words = ("note",)
    kind: Literal["case_handed_over"] = "case_handed_over"
    owner: str
    to: str
    note: str


class ClaimWarned(EventBase):
    """`owner` was inactive: their claim ends at `until`."""

    people = ("owner",)
    kind: Literal["claim_warned"] = "claim_warned"
    owner: str
    until: datetime


class ClaimExpired(EventBase):
    """The claim of `owner` ended because they were inactive."""

    people = ("owner",)
    kind: Literal["claim_expired"] = "claim_expired"
    owner: str


class CaseWatched(EventBase):
    """`by` watches the case."""

    in_thread = False
    watching = True
    kind: Literal["case_watched"] = "case_watched"


class CaseUnwatched(EventBase):
    """`by` stopped watching the case."""

    in_thread = False
    watching = False
    kind: Literal["case_unwatched"] = "case_unwatched"


class NoteAdded(EventBase):
    """`by` left a note for the team."""

    words = ("note",)
    kind: Literal["note_added"] = "note_added"
    note: str


class EvidenceRevealed(EventBase):
    """`by` was shown hidden evidence: item number `item` (from 0) of the alert `alert_key`."""

    in_thread = False
    redraws_card = False
    kind: Literal["evidence_revealed"] = "evidence_revealed"
    alert_key: str
    item: int
    image: bool


class CaseEscalated(EventBase):
    """An escalation step was due (`step`), or a person asked for it (`step` None).

    `round` is 0 for the first call of a step and counts its repetitions; `last` if none follows.
    """

    people = ("person",)
    kind: Literal["case_escalated"] = "case_escalated"
    notify: Notify
    step: int | None = None
    unless: Unless | None = None
    role: Role | None = None
    person: str | None = None
    via: Via = Via.THREAD
    round: int = 0
    last: bool = True


class CallMissed(EventBase):
    """A call did not reach `missed`. With `nobody` the next step follows at once."""

    people = ("person", "missed")
    kind: Literal["call_missed"] = "call_missed"
    notify: Notify
    step: int | None = None
    role: Role | None = None
    person: str | None = None
    missed: tuple[str, ...] = ()
    nobody: bool = False


class CaseAcknowledged(EventBase):
    """`by` saw the escalation; the case has no owner because of that."""

    kind: Literal["case_acknowledged"] = "case_acknowledged"


class CaseSnoozed(EventBase):
    """Escalation is silent until `until`; with `pauses` the clocks stop as well."""

    kind: Literal["case_snoozed"] = "case_snoozed"
    until: datetime
    pauses: bool


class CaseWaiting(EventBase):
    """The case waits for information until `until` at the latest; its clocks are paused."""

    words = ("note",)
    kind: Literal["case_waiting"] = "case_waiting"
    until: datetime
    note: str


class CaseResumed(EventBase):
    """A hold ended."""

    kind: Literal["case_resumed"] = "case_resumed"
    why: Why


class Decided(EventBase):
    """A person or Koban decided; `actions` run once it is approved. `due` is None in old events."""

    notifies_watchers = True
    counted = True
    words = ("decision.reason",)
    copies = ("actions.*.would",)
    kind: Literal["decided"] = "decided"
    decision: Decision
    actions: tuple[ActionState, ...]
    due: datetime | None = None


class CaseClosed(EventBase):
    """Nothing is left to do."""

    awaited = True
    notifies_watchers = True
    counted = True
    kind: Literal["case_closed"] = "case_closed"
    verdict: Verdict


class CaseReopened(EventBase):
    """`by` works a closed case again."""

    notifies_watchers = True
    counted = True
    words = ("reason",)
    ends_request = True
    kind: Literal["case_reopened"] = "case_reopened"
    reason: str


class AppealAnswered(EventBase):
    """A reviewer answered an appeal; after an overturn the undo follows."""

    copies, answer_fields = ("answer.reason",), ("answer",)
    kind: Literal["appeal_answered"] = "appeal_answered"
    answer: AppealAnswer


class ApprovalRequested(EventBase):
    """A decision or an undo waits for a second person."""

    on_requests = frozenset(Purpose)
    copies = QUESTIONS
    kind: Literal["approval_requested"] = "approval_requested"
    approval: Approval


class Approved(ApprovalEvent):
    """One person agreed; `granted` if the quorum is complete."""

    notifies_watchers = True
    counted = True
    people = ("consent.by", "consent.covers")
    ends_request = True
    kind: Literal["approved"] = "approved"
    consent: Consent
    granted: bool


class Rejected(ApprovalEvent):
    """The decision goes back to the decider."""

    notifies_watchers = True
    counted = True
    words = ("reason",)
    ends_request = True
    kind: Literal["rejected"] = "rejected"
    reason: str


class ApprovalExpired(ApprovalEvent):
    """The time was over: the decision is off, or the approvers are asked again until `renewed`."""

    counted = True
    ends_request = True
    kind: Literal["approval_expired"] = "approval_expired"
    outcome: OnExpiry
    renewed: datetime | None = None


class ApprovalWithdrawn(ApprovalEvent):
    """The request for the approval was taken back."""

    ends_request = True
    kind: Literal["approval_withdrawn"] = "approval_withdrawn"


class ApprovalAsked(ApprovalEvent):
    """An approver asked a question; the approval's time is paused until `until` at the latest."""

    words = ("question",)
    kind: Literal["approval_asked"] = "approval_asked"
    question: str
    until: datetime


class ApprovalAnswered(ApprovalEvent):
    """The question was answered, or (`by` None) timed out; the approval expires at `expires_at`."""

    words = ("answer",)
    kind: Literal["approval_answered"] = "approval_answered"
    answer: str
    expires_at: datetime


class ApprovalReminded(ApprovalEvent):
    """The approval expires soon."""

    kind: Literal["approval_reminded"] = "approval_reminded"
    expires_at: datetime


class ApproversMissing(ApprovalEvent):
    """Too few people of these roles can approve; the requester `to` gets a message."""

    people = ("to",)
    kind: Literal["approvers_missing"] = "approvers_missing"
    to: str
    roles: tuple[Role, ...]


class PolicyTightened(EventBase):
    """Today's policy is stricter; `approval` is the pending request with its further needs."""

    on_requests = frozenset(Purpose)
    copies = QUESTIONS
    kind: Literal["policy_tightened"] = "policy_tightened"
    change: Tightening
    approval: Approval | None = None


class EnforcementStarted(DecisionEvent):
    """A decision that waited for a protection is carried out now."""

    in_thread = False
    kind: Literal["enforcement_started"] = "enforcement_started"


class ActionRetrying(AttemptEvent):
    """The platform fails; Koban keeps retrying."""

    final = False
    kind: Literal["action_retrying"] = "action_retrying"
    problem: Problem | None = None


class ActionSucceeded(AttemptEvent):
    """The platform accepted the change; it was not read back."""

    final = False
    counted = True
    on_requests = _REVIEW
    kind: Literal["action_succeeded"] = "action_succeeded"
    until: datetime | None = None


class ActionVerified(AttemptEvent):
    """The change was read back; `matches` is False if the platform shows something else."""

    counted = True
    on_requests = _REVIEW
    kind: Literal["action_verified"] = "action_verified"
    matches: bool
    until: datetime | None = None


class ActionFailed(AttemptEvent):
    """The change failed, or with `undo` its undo."""

    on_requests = _REVIEW
    kind: Literal["action_failed"] = "action_failed"
    problem: Problem
    undo: bool = False


class ActionSkipped(ActionEvent):
    """The action was not done: an earlier one of its decision failed, or automation is paused."""

    on_requests = _REVIEW
    kind: Literal["action_skipped"] = "action_skipped"
    problem: Problem | None = None


class ActionRolledBack(ActionEvent):
    """The action was undone because another one of its decision failed."""

    on_requests = _REVIEW
    kind: Literal["action_rolled_back"] = "action_rolled_back"


class ActionDryRun(ActionEvent):
    """A dry run: `would` is the request that was not sent."""

    on_requests = _REVIEW
    copies = ("would",)
    kind: Literal["action_dry_run"] = "action_dry_run"
    would: str


class ActionRetried(DecisionEvent):
    """A person retries the failed actions of a decision."""

    on_requests = _REVIEW
    kind: Literal["action_retried"] = "action_retried"


class ActionsGivenUp(DecisionEvent):
    """The failed actions of a decision are not tried again."""

    ends_request = True
    kind: Literal["actions_given_up"] = "actions_given_up"


class UndoRequested(DecisionEvent):
    """The actions of a decision that are in effect are undone."""

    kind: Literal["undo_requested"] = "undo_requested"


class ActionUndone(ActionEvent):
    """The action was undone because a person asked for it."""

    kind: Literal["action_undone"] = "action_undone"


class ActionLifted(ActionEvent):
    """The action ended because its time was over."""

    kind: Literal["action_lifted"] = "action_lifted"


class BulkProgressed(DecisionEvent):
    """New counts of a bulk decision. Its end closes the case, so nobody waits for this."""

    in_thread = False
    awaited = False
    counted = True
    kind: Literal["bulk_progressed"] = "bulk_progressed"
    tally: Tally


class BulkStopped(DecisionEvent):
    """A person stopped a bulk decision: its current wave is finished, the rest is skipped."""

    kind: Literal["bulk_stopped"] = "bulk_stopped"


class NoticeSent(NoticeEvent):
    """The platform accepted the notice of a decision."""

    kind: Literal["notice_sent"] = "notice_sent"


class NoticeDelayed(NoticeEvent):
    """The platform fails; Koban keeps retrying to send the notice."""

    kind: Literal["notice_delayed"] = "notice_delayed"
    problem: Problem | None = None


class NoticeFailed(NoticeEvent):
    """The notice was not sent and is only retried by a person."""

    kind: Literal["notice_failed"] = "notice_failed"
    problem: Problem


class NoticeRetried(DecisionEvent):
    """A person sends the notice again."""

    kind: Literal["notice_retried"] = "notice_retried"


class EnforcementRefused(EventBase):
    """An enforcement in the case's name was refused: no decision of the case has its signature."""

    redraws_card = False
    kind: Literal["enforcement_refused"] = "enforcement_refused"


AutoDecided = automation.AutoDecided
DetectorSnoozed = automation.DetectorSnoozed
LimitReached = automation.LimitReached
ProtectionConfirmed = automation.ProtectionConfirmed
ProtectionDismissed = automation.ProtectionDismissed
ProtectionHeld = automation.ProtectionHeld
ProtectionKept = automation.ProtectionKept
ProtectionLifted = automation.ProtectionLifted
ProtectionResumed = automation.ProtectionResumed
ProtectionStarted = automation.ProtectionStarted
ProtectionWithheld = automation.ProtectionWithheld
ReopeningRequested = automation.ReopeningRequested
Sampled = automation.Sampled
SnoozeEnded = automation.SnoozeEnded

EVENTS = tagged(globals(), EventBase)
if TYPE_CHECKING:
    Event = EventBase
else:
    Event = Annotated[Union[EVENTS], Field(discriminator="kind")]  # noqa: UP007


def kinds(chosen: Callable[[type[EventBase]], bool]) -> frozenset[str]:
    """The kinds of the events whose class is `chosen`."""
    return frozenset(kind_of(each) for each in EVENTS if chosen(each))


WATCHING = {kind_of(each): each.watching for each in EVENTS if each.watching is not None}
"""Whether a person watches the case after an event, by its kind."""


class Recorded(Value):
    """An event with its number within the case; `seq` starts at 1 and has no gaps."""

    seq: int
    event: Event
