"""Decisions, and the second person behind them."""

from datetime import datetime
from typing import Literal

from workflows.domain.approval import Approval, Consent
from workflows.domain.decision import Decision, Verdict
from workflows.domain.enforcement import ActionState
from workflows.domain.happened.base import Happened
from workflows.domain.playbook.actions import OnExpiry


class Decided(Happened):
    """A person decided; `actions` is what will be done, once it is approved.

    `due` is until when it was to be decided; None in events of an older version.
    """

    kind: Literal["decided"] = "decided"
    decision: Decision
    actions: tuple[ActionState, ...]
    due: datetime | None = None


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


class CaseClosed(Happened):
    """Nothing is left to do."""

    kind: Literal["case_closed"] = "case_closed"
    verdict: Verdict


class ApprovalAsked(Happened):
    """An approver asks back; the approval's time stands still until `until` at the latest."""

    kind: Literal["approval_asked"] = "approval_asked"
    decision: str
    question: str
    until: datetime


class ApprovalAnswered(Happened):
    """The question was answered, or nobody did (`by` None): the time runs until `expires_at`."""

    kind: Literal["approval_answered"] = "approval_answered"
    decision: str
    answer: str
    expires_at: datetime


class ApprovalReminded(Happened):
    """The approval will expire soon."""

    kind: Literal["approval_reminded"] = "approval_reminded"
    decision: str
    expires_at: datetime


class ApprovalWithdrawn(Happened):
    """Who asked for the approval does not want it any more."""

    kind: Literal["approval_withdrawn"] = "approval_withdrawn"
    decision: str


class CaseReopened(Happened):
    """A closed case is worked again, by `by`."""

    kind: Literal["case_reopened"] = "case_reopened"
    reason: str
