"""What happened to a case: the events that card, thread, ledger and numbers are read from."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from workflows.domain.alert import AlertBrief, Subject
from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.approval import Approval, Consent
from workflows.domain.decision import Decision, Verdict
from workflows.domain.enforcement import ActionState, Problem
from workflows.domain.model import Value
from workflows.domain.playbook.actions import OnExpiry
from workflows.domain.playbook.model import Notify, Severity, Unless


class Happened(Value):
    """Every event: when, and by whom (None: by Koban itself)."""

    at: datetime
    by: str | None = None


class CaseOpened(Happened):
    """The first alert of a group opened a case."""

    kind: Literal["case_opened"] = "case_opened"
    case: str
    playbook: str
    subject: Subject
    severity: Severity
    alert: AlertBrief


class AlertJoined(Happened):
    """One more alert of the same group; `severity` is that of the case from now on."""

    kind: Literal["alert_joined"] = "alert_joined"
    severity: Severity
    alert: AlertBrief


class CaseClaimed(Happened):
    """`by` took the case."""

    kind: Literal["case_claimed"] = "case_claimed"


class CaseReleased(Happened):
    """The case has no assignee any more."""

    kind: Literal["case_released"] = "case_released"
    owner: str


class CaseEscalated(Happened):
    """A step of the ladder was due (`step`), or a person asked for it (`step` None)."""

    kind: Literal["case_escalated"] = "case_escalated"
    notify: Notify
    step: int | None = None
    unless: Unless | None = None


class Decided(Happened):
    """A person decided; `actions` is what will be done, once it is approved."""

    kind: Literal["decided"] = "decided"
    decision: Decision
    actions: tuple[ActionState, ...]


class ApprovalRequested(Happened):
    """The decision waits for a second person."""

    kind: Literal["approval_requested"] = "approval_requested"
    approval: Approval


class Approved(Happened):
    """One person agreed; `granted` when nobody is missing any more."""

    kind: Literal["approved"] = "approved"
    decision: str
    consent: Consent
    granted: bool


class Rejected(Happened):
    """The decision goes back to the decider."""

    kind: Literal["rejected"] = "rejected"
    decision: str
    reason: str


class ApprovalExpired(Happened):
    """Nobody agreed in time: the decision is off, or the lead is asked again until `renewed`."""

    kind: Literal["approval_expired"] = "approval_expired"
    decision: str
    outcome: OnExpiry
    renewed: datetime | None = None


class ActionRetrying(Happened):
    """The platform does not answer as it should; Koban keeps trying."""

    kind: Literal["action_retrying"] = "action_retrying"
    decision: str
    action: str
    problem: Problem | None = None


class ActionSucceeded(Happened):
    """The platform took the change; there is nothing to read back, or not yet."""

    kind: Literal["action_succeeded"] = "action_succeeded"
    decision: str
    action: str
    until: datetime | None = None


class ActionVerified(Happened):
    """The platform was read back; `matches` is False where it shows something else."""

    kind: Literal["action_verified"] = "action_verified"
    decision: str
    action: str
    matches: bool
    until: datetime | None = None


class ActionFailed(Happened):
    """The change, or where `undo` its undo, was not made."""

    kind: Literal["action_failed"] = "action_failed"
    decision: str
    action: str
    problem: Problem
    undo: bool = False


class ActionRetried(Happened):
    """A person asked to try the failed actions of a decision again."""

    kind: Literal["action_retried"] = "action_retried"
    decision: str


class ActionsGivenUp(Happened):
    """A person gave up the failed actions of a decision."""

    kind: Literal["actions_given_up"] = "actions_given_up"
    decision: str


class UndoRequested(Happened):
    """A person asked to take the standing actions of a decision back."""

    kind: Literal["undo_requested"] = "undo_requested"
    decision: str


class ActionUndone(Happened):
    """The action was taken back because a person wanted it."""

    kind: Literal["action_undone"] = "action_undone"
    decision: str
    action: str


class ActionLifted(Happened):
    """The action ended because its time was over."""

    kind: Literal["action_lifted"] = "action_lifted"
    decision: str
    action: str


class AppealAnswered(Happened):
    """Somebody else reviewed a decision; an overturn is followed by its undo."""

    kind: Literal["appeal_answered"] = "appeal_answered"
    answer: AppealAnswer


class CaseClosed(Happened):
    """Nothing is left to do."""

    kind: Literal["case_closed"] = "case_closed"
    verdict: Verdict


Event = Annotated[
    CaseOpened
    | AlertJoined
    | CaseClaimed
    | CaseReleased
    | CaseEscalated
    | Decided
    | ApprovalRequested
    | Approved
    | Rejected
    | ApprovalExpired
    | ActionRetrying
    | ActionSucceeded
    | ActionVerified
    | ActionFailed
    | ActionRetried
    | ActionsGivenUp
    | UndoRequested
    | ActionUndone
    | ActionLifted
    | AppealAnswered
    | CaseClosed,
    Field(discriminator="kind"),
]


class Recorded(Value):
    """An event with its place in the case's story; `seq` starts at 1 and has no gaps."""

    seq: int
    event: Event
