"""Four eyes: who must agree before a decision is carried out, and until when."""

from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.model import Value
from workflows.domain.people import Actor, Role
from workflows.domain.playbook.actions import ApprovalRule, OnExpiry


class Need(Value):
    """So many different people of one role."""

    role: Role
    quorum: int


class Consent(Value):
    """One person's approval, counted for one role."""

    by: str
    role: Role
    at: datetime


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Approval(Value):
    """An approval that a decision waits for or waited for."""

    decision: str
    needs: tuple[Need, ...]
    within: timedelta
    on_expiry: OnExpiry
    requested_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.PENDING
    consents: tuple[Consent, ...] = ()
    escalations: int = 0

    @property
    def pending(self) -> bool:
        """Whether somebody is still waited for."""
        return self.state is ApprovalState.PENDING


def approval_for(decision: str, rules: tuple[ApprovalRule, ...], now: datetime) -> Approval | None:
    """The strictest approval that satisfies every rule, or None where no rule asks for one."""
    if not rules:
        return None
    quorums: dict[Role, int] = {}
    for rule in rules:
        quorums[rule.by] = max(rule.quorum, quorums.get(rule.by, 0))
    within = min(rule.within for rule in rules)
    refuse = any(rule.on_expiry is OnExpiry.REFUSE for rule in rules)
    return Approval(
        decision=decision,
        needs=tuple(Need(role=role, quorum=quorum) for role, quorum in sorted(quorums.items())),
        within=within,
        on_expiry=OnExpiry.REFUSE if refuse else OnExpiry.ESCALATE,
        requested_at=now,
        expires_at=now + within,
    )


def missing(approval: Approval) -> tuple[Need, ...]:
    """Who is still needed: the needs with the part of their quorum that is open."""
    left = []
    for need in approval.needs:
        given = sum(consent.role is need.role for consent in approval.consents)
        if given < need.quorum:
            left.append(Need(role=need.role, quorum=need.quorum - given))
    return tuple(left)


def consent_of(approval: Approval, person: Actor, now: datetime) -> Consent | None:
    """The consent that `person` can give: None if no open need is for one of their roles."""
    for need in missing(approval):
        if need.role in person.roles:
            return Consent(by=person.id, role=need.role, at=now)
    return None
