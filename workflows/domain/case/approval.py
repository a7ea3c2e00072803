"""Approval of a decision by other people, with its quorum and deadline."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.people import Actor, Role
from workflows.domain.policy.actions import ApprovalRule, OnExpiry
from workflows.domain.values import Value


class Need(Value):
    """A `quorum` of different people of one role."""

    role: Role
    quorum: int


class Consent(Value):
    """One person's approval for one role; `covers` is the person they stand in for."""

    by: str
    role: Role
    at: datetime
    covers: str | None = None


class ApprovalState(StrEnum):
    """The state of an approval."""

    PENDING = "pending"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Purpose(StrEnum):
    """The purpose: a decision before its actions, a review after them, an undo, or a retry."""

    DECISION = "decision"
    REVIEW = "review"
    UNDO = "undo"
    RETRY = "retry"


class Question(Value):
    """A question of an approver. The time `left` runs again from the answer, or from `until`."""

    by: str
    at: datetime
    text: str
    left: timedelta
    until: datetime


class Exchange(Value):
    """A question with its answer by `by`; None: it timed out."""

    question: str
    answer: str
    asked_by: str
    by: str | None
    at: datetime


class Approval(Value):
    """An approval, requested by `by`.

    Once granted it covers retries while it is `valid`. `lacking` are the roles in which too few
    people can approve, as of the request. `ended_by` granted, rejected or withdrew it; None at the
    end of its time, and where it became pointless.
    """

    decision: str
    purpose: Purpose = Purpose.DECISION
    by: str = ""
    needs: tuple[Need, ...]
    within: timedelta
    remind: timedelta = timedelta()
    valid: timedelta = timedelta(hours=24)
    on_expiry: OnExpiry
    requested_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.PENDING
    consents: tuple[Consent, ...] = ()
    escalations: int = 0
    reminded: bool = False
    question: Question | None = None
    exchanges: tuple[Exchange, ...] = ()
    lacking: tuple[Role, ...] = ()
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def pending(self) -> bool:
        """Whether it waits for somebody."""
        return self.state is ApprovalState.PENDING

    @property
    def deadline(self) -> datetime | None:
        """The next time event: the end of a question, the reminder, or the expiry."""
        if not self.pending:
            return None
        if self.question is not None:
            return self.question.until
        return self.expires_at if self.reminded else min(self.reminds_at, self.expires_at)

    @property
    def reminds_at(self) -> datetime:
        """The time of the reminder."""
        return self.expires_at - self.remind


def approval_for(
    decision: str,
    rules: Iterable[ApprovalRule],
    now: datetime,
    by: str = "",
    purpose: Purpose = Purpose.DECISION,
) -> Approval | None:
    """The strictest approval that satisfies all rules, or None without rules."""
    rules = tuple(rules)
    if not rules:
        return None
    quorums: dict[Role, int] = {}
    for rule in rules:
        quorums[rule.by] = max(rule.quorum, quorums.get(rule.by, 0))
    shortest = min(rules, key=lambda rule: rule.within)
    refuse = any(rule.on_expiry is OnExpiry.REFUSE for rule in rules)
    return Approval(
        decision=decision,
        purpose=purpose,
        by=by,
        needs=tuple(Need(role=role, quorum=quorum) for role, quorum in sorted(quorums.items())),
        within=shortest.within,
        remind=shortest.reminded,
        valid=min(rule.valid for rule in rules),
        on_expiry=OnExpiry.REFUSE if refuse else OnExpiry.ESCALATE,
        requested_at=now,
        expires_at=now + shortest.within,
    )


def extended(approval: Approval, rules: Iterable[ApprovalRule], now: datetime) -> Approval:
    """The pending request with the needs of further rules, and the shorter of both times."""
    more = approval_for(approval.decision, rules, now)
    if more is None:
        return approval
    quorums = {need.role: need.quorum for need in approval.needs}
    for need in more.needs:
        quorums[need.role] = max(need.quorum, quorums.get(need.role, 0))
    refuse = OnExpiry.REFUSE in (approval.on_expiry, more.on_expiry)
    sooner = more.within < approval.within
    question = approval.question
    if question is not None and sooner:
        question = question.model_copy(update={"left": min(question.left, more.within)})
    return approval.model_copy(
        update={
            "needs": tuple(Need(role=role, quorum=each) for role, each in sorted(quorums.items())),
            "within": min(approval.within, more.within),
            "remind": more.remind if sooner else approval.remind,
            "valid": min(approval.valid, more.valid),
            "on_expiry": OnExpiry.REFUSE if refuse else OnExpiry.ESCALATE,
            "expires_at": min(approval.expires_at, more.expires_at),
            "question": question,
        }
    )


def still_covers(approval: Approval, wanted: Approval, now: datetime) -> bool:
    """Whether a granted approval is recent enough, and has all consents of the `wanted` one."""
    if approval.state is not ApprovalState.GRANTED or not approval.consents:
        return False
    granted_at = max(consent.at for consent in approval.consents)
    fresh = now - granted_at <= min(approval.valid, wanted.valid)
    given = wanted.model_copy(update={"consents": approval.consents})
    return fresh and not missing(given)


def missing(approval: Approval) -> tuple[Need, ...]:
    """The needs with the missing part of their quorum."""
    left = []
    for need in approval.needs:
        given = sum(consent.role is need.role for consent in approval.consents)
        if given < need.quorum:
            left.append(Need(role=need.role, quorum=need.quorum - given))
    return tuple(left)


def already_agreed(approval: Approval, person: str) -> bool:
    """Whether a person approved, or somebody did as their cover."""
    return any(person in (consent.by, consent.covers) for consent in approval.consents)


def consent_of(
    approval: Approval, person: Actor, now: datetime, barred: frozenset[str]
) -> Consent | None:
    """The consent that `person` can give; None if no need is for one of their roles.

    Own roles come first. A cover for somebody in `barred` (the decider), or for somebody who
    approved, does not count.
    """
    open_roles = {need.role for need in missing(approval)}
    for role in sorted(open_roles & person.roles):
        return Consent(by=person.id, role=role, at=now)
    for cover in person.covers:
        fresh = cover.person not in barred and not already_agreed(approval, cover.person)
        if cover.role in open_roles and fresh and now < cover.until:
            return Consent(by=person.id, role=cover.role, at=now, covers=cover.person)
    return None
