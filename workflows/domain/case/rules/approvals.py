"""Approval rules: approve, reject, ask, withdraw, and the time events of a request."""

from collections.abc import Iterable
from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, already_agreed, consent_of, missing
from workflows.domain.case.decision import KOBAN
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import (
    Outcome,
    Reason,
    Refusal,
    Rules,
    outdated,
    refuse,
    text_missing,
    trimmed,
)
from workflows.domain.case.rules.protections import lift_kept, lift_unused, on_decision, resume_held
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry


def close(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Closes a case whose decision has no action left to carry out."""
    if case.phase is not Phase.ENFORCING or case.unsettled or case.decision is None:
        return ()
    if case.rolling_back or case.pending(Purpose.REVIEW):
        return ()
    # The decider answers for the outcome, however long the platform took.
    return (ev.CaseClosed(at=now, by=case.decision.person, verdict=case.decision.verdict),)


def barred(case: Case, approval: Approval) -> frozenset[str]:
    """The people who may not approve: the requester and the decider."""
    names = {approval.by}
    if approval.purpose is not Purpose.UNDO and case.decision is not None:
        names.add(case.decision.by)
    return frozenset(names) - {KOBAN}


def cannot_agree(case: Case, approval: Approval) -> frozenset[str]:
    """The people whose approval does not count: barred, or counted already (also by a cover)."""
    given = {person for each in approval.consents for person in (each.by, each.covers)}
    return barred(case, approval) | {person for person in given if person is not None}


def refuse_approver(case: Case, reason: Reason, allowed: Iterable[Role]) -> Refusal:
    """Refuses an approval, with the roles that may give it and the people who may not."""
    approval = case.approval
    others = cannot_agree(case, approval) if approval is not None else frozenset()
    return Refusal(reason=reason, roles=tuple(sorted(allowed)), barred=tuple(sorted(others)))


def _approvable(case: Case, command: cmd.PersonCommandBase, now: datetime) -> Approval | Refusal:
    """The pending request, or the refusal of a command about it."""
    approval = case.approval
    if approval is None or case.decision is None or not approval.pending:
        return refuse(case, Reason.NOT_WAITING)
    if approval.question is None and now >= approval.expires_at:
        return Refusal(reason=Reason.EXPIRED, at=approval.expires_at)
    if command.by.id in barred(case, approval):
        needed = {need.role for need in missing(approval)}
        return refuse_approver(case, Reason.OWN_DECISION, needed)
    return outdated(case, command) or approval


def approve(case: Case, command: cmd.Approve, now: datetime) -> Outcome:
    """Adds a consent; with a complete quorum the request is granted."""
    approval = _approvable(case, command, now)
    if isinstance(approval, Refusal):
        return approval
    if already_agreed(approval, command.by.id):
        return Refusal(reason=Reason.ALREADY_APPROVED)
    consent = consent_of(approval, command.by, now, barred(case, approval))
    if consent is None:
        needed = {need.role for need in missing(approval)}
        return refuse_approver(case, Reason.ROLE_NEEDED, needed)
    after = approval.model_copy(update={"consents": (*approval.consents, consent)})
    agreed = ev.Approved(
        at=now,
        by=command.by.id,
        decision=after.decision,
        consent=consent,
        granted=not missing(after),
    )
    return (agreed, *_granted(case, approval, agreed, now)) if agreed.granted else (agreed,)


def _granted(
    case: Case, approval: Approval, agreed: ev.Approved, now: datetime
) -> tuple[ev.Event, ...]:
    if approval.purpose is Purpose.DECISION:
        after = apply_all(case, (agreed,))
        assert after.decision is not None
        return on_decision(after, after.decision, waits=False, now=now)
    if approval.purpose is Purpose.UNDO:
        return (ev.UndoRequested(at=now, by=approval.by, decision=approval.decision),)
    if approval.purpose is Purpose.RETRY:
        return (ev.ActionRetried(at=now, by=approval.by, decision=approval.decision),)
    return close(apply_all(case, (agreed,)), now)


def reject(case: Case, command: cmd.Reject, now: datetime) -> Outcome:
    """Rejects the request; actions before a review are undone."""
    approval = _approvable(case, command, now)
    if isinstance(approval, Refusal):
        return approval
    if not command.reason.strip():
        return Refusal(reason=Reason.REASON_NEEDED)
    if approval.purpose is Purpose.REVIEW and case.acting:
        return Refusal(reason=Reason.STILL_ACTING)
    rejected = ev.Rejected(
        at=now, by=command.by.id, decision=approval.decision, reason=trimmed(command.reason)
    )
    return (rejected, *_after_refusal(case, approval, now, command.by.id))


def _after_refusal(
    case: Case, approval: Approval, now: datetime, by: str | None
) -> tuple[ev.Event, ...]:
    """The events after a request that was not granted."""
    if approval.purpose is Purpose.DECISION:
        return resume_held(case, now)
    if approval.purpose is Purpose.REVIEW:
        given_up = give_up_failed(case, approval.decision, now, by)
        return (*given_up, *undo(case, approval.decision, now, by))
    return ()


def undo(case: Case, decision: str, now: datetime, by: str | None) -> tuple[ev.Event, ...]:
    """Undoes the actions of the decision that are in effect, without an approval."""
    if not any(state.decision == decision for state in case.undoable):
        return ()
    return (ev.UndoRequested(at=now, by=by, decision=decision),)


def give_up_failed(
    case: Case, decision: str, now: datetime, by: str | None
) -> tuple[ev.Event, ...]:
    """Gives up the failed actions of the last decision, and those that a pause stopped."""
    stopped = (state for state in case.current_actions if state.stopped)
    if not any(state.decision == decision for state in (*case.failed, *stopped)):
        return ()
    events = (ev.ActionsGivenUp(at=now, by=by, decision=decision),)
    after = apply_all(case, events)
    return (*events, *lift_unused(after, now, by), *lift_kept(after, now))


def withdraw(case: Case, command: cmd.Withdraw, now: datetime) -> Outcome:
    """Withdraws a request of one's own; a review can't be withdrawn."""
    approval = case.approval
    if approval is None or not approval.pending or approval.purpose is Purpose.REVIEW:
        return refuse(case, Reason.NOT_WAITING)
    if command.by.id != approval.by:
        return Refusal(reason=Reason.NOT_YOUR_REQUEST, by=approval.by)
    gone = ev.ApprovalWithdrawn(at=now, by=command.by.id, decision=approval.decision)
    return (gone, *_after_refusal(case, approval, now, command.by.id))


def ask_requester(case: Case, command: cmd.AskRequester, now: datetime) -> Outcome:
    """Asks the requester; the time pauses until the answer, for `within` at most."""
    approval = _approvable(case, command, now)
    if isinstance(approval, Refusal):
        return approval
    if refusal := text_missing(command.question):
        return refusal
    if (asked := approval.question) is not None:
        return Refusal(reason=Reason.ALREADY_ASKED, by=asked.by, at=asked.at)
    return (
        ev.ApprovalAsked(
            at=now,
            by=command.by.id,
            decision=approval.decision,
            question=trimmed(command.question),
            until=now + approval.within,
        ),
    )


def answer_approver(case: Case, command: cmd.AnswerApprover, now: datetime) -> Outcome:
    """Answers the approver's question."""
    approval = case.approval
    if approval is None or not approval.pending or approval.question is None:
        return Refusal(reason=Reason.NOTHING_ASKED)
    if command.by.id not in barred(case, approval):
        return Refusal(reason=Reason.NOT_YOUR_REQUEST, by=approval.by)
    return text_missing(command.answer) or (
        ev.ApprovalAnswered(
            at=now,
            by=command.by.id,
            decision=approval.decision,
            answer=trimmed(command.answer),
            expires_at=now + approval.question.left,
        ),
    )


def count_approvers(case: Case, command: cmd.CountApprovers, now: datetime) -> Outcome:
    """Tells the requester once that too few people can approve, instead of waiting for the end."""
    approval = case.approval
    if approval is None or not approval.pending or approval.requested_at != command.requested_at:
        return ()
    left = missing(approval)
    roles = tuple(need.role for need in left if command.able.get(need.role, 0) < need.quorum)
    if approval.decision != command.decision or not roles or roles == approval.lacking:
        return ()
    missed = ev.ApproversMissing(at=now, decision=approval.decision, to=approval.by, roles=roles)
    return (missed,)


def approval_tick(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """All time events of a request up to `now`."""
    events: tuple[ev.Event, ...] = ()
    while more := _next_of_approval(apply_all(case, events), now):
        events += more
    return events


def _next_of_approval(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """The next time event: an unanswered question, a reminder, or the expiry."""
    approval = case.approval
    if approval is None or not approval.pending:
        return ()
    if (question := approval.question) is not None:
        decision, ends = approval.decision, question.until + question.left
        unanswered = ev.ApprovalAnswered(at=now, decision=decision, answer="", expires_at=ends)
        return () if now < question.until else (unanswered,)
    if approval.expires_at <= now:
        return _expired(case, approval, now)
    if approval.reminds_at <= now and not approval.reminded:
        decision, until = approval.decision, approval.expires_at
        return (ev.ApprovalReminded(at=now, decision=decision, expires_at=until),)
    return ()


def _expired(case: Case, approval: Approval, now: datetime) -> tuple[ev.Event, ...]:
    # Actions in progress can't be undone: the request is repeated instead.
    acting = approval.purpose is Purpose.REVIEW and case.acting
    refuse = approval.on_expiry is OnExpiry.REFUSE and not acting
    expired = ev.ApprovalExpired(
        at=now,
        decision=approval.decision,
        outcome=OnExpiry.REFUSE if refuse else OnExpiry.ESCALATE,
        renewed=None if refuse else now + approval.within,
    )
    return (expired, *_after_refusal(case, approval, now, None)) if refuse else (expired,)


RULES: Rules = {
    cmd.Approve: approve,
    cmd.Reject: reject,
    cmd.AskRequester: ask_requester,
    cmd.AnswerApprover: answer_approver,
    cmd.Withdraw: withdraw,
    cmd.CountApprovers: count_approvers,
}
