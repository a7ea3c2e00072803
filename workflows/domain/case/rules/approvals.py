"""The second person: agree, send back, ask; and what time does to a request."""

from collections.abc import Iterable
from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, already_agreed, consent_of, missing
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
from workflows.domain.case.rules.decisions import approved_now
from workflows.domain.case.rules.protections import on_given_up, on_sent_back
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry


def closing(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Closes a case whose decision has been carried out as far as it ever will be."""
    if case.phase is not Phase.ENFORCING or case.unsettled or case.decision is None:
        return ()
    if case.pending(Purpose.REVIEW):
        return ()
    # The decider answers for the outcome, however long the platform took.
    return (ev.CaseClosed(at=now, by=case.decision.by, verdict=case.decision.verdict),)


def barred(case: Case, approval: Approval) -> frozenset[str]:
    """Who brings no second pair of eyes: who asked, and who decided what is agreed to."""
    names = {approval.by}
    if approval.purpose is not Purpose.UNDO and case.decision is not None:
        names.add(case.decision.by)
    return frozenset(names)


def cannot_agree(case: Case, approval: Approval) -> frozenset[str]:
    """Whose agreement would not help: who is barred, and who agreed or was stood in for already."""
    given = {person for each in approval.consents for person in (each.by, each.covers)}
    return barred(case, approval) | {person for person in given if person is not None}


def approvers_only(case: Case, reason: Reason, allowed: Iterable[Role]) -> Refusal:
    """Refuses an approval; it names the roles that could give it, and who of them can't."""
    approval = case.approval
    others = cannot_agree(case, approval) if approval is not None else frozenset()
    return Refusal(reason=reason, roles=tuple(sorted(allowed)), barred=tuple(sorted(others)))


def _not_approvable(case: Case, command: cmd.PersonCommandBase, now: datetime) -> Refusal | None:
    approval = case.approval
    if approval is None or case.decision is None or not approval.pending:
        return refuse(case, Reason.NOT_WAITING)
    if approval.question is None and now >= approval.expires_at:
        return Refusal(reason=Reason.EXPIRED, at=approval.expires_at)
    if command.by.id in barred(case, approval):
        needed = {need.role for need in missing(approval)}
        return approvers_only(case, Reason.OWN_DECISION, needed)
    return outdated(case, command)


def approve(case: Case, command: cmd.Approve, now: datetime) -> Outcome:
    """One person agrees; when nobody is missing any more it is carried out."""
    refusal = _not_approvable(case, command, now)
    if refusal is not None:
        return refusal
    approval = case.approval
    assert approval is not None
    if already_agreed(approval, command.by.id):
        return Refusal(reason=Reason.ALREADY_APPROVED)
    consent = consent_of(approval, command.by, now, barred(case, approval))
    if consent is None:
        needed = {need.role for need in missing(approval)}
        return approvers_only(case, Reason.ROLE_NEEDED, needed)
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
        return approved_now(case, agreed, now)
    if approval.purpose is Purpose.UNDO:
        return (ev.UndoRequested(at=now, by=approval.by, decision=approval.decision),)
    return closing(apply_all(case, (agreed,)), now)


def reject(case: Case, command: cmd.Reject, now: datetime) -> Outcome:
    """It goes back to who asked; what was done at once already is taken back."""
    refusal = _not_approvable(case, command, now)
    if refusal is not None:
        return refusal
    if not command.reason.strip():
        return Refusal(reason=Reason.REASON_NEEDED)
    approval = case.approval
    assert approval is not None
    if approval.purpose is Purpose.REVIEW and case.acting:
        return Refusal(reason=Reason.STILL_ACTING)
    rejected = ev.Rejected(
        at=now, by=command.by.id, decision=approval.decision, reason=trimmed(command.reason)
    )
    return (rejected, *_taken_back(case, approval, now, command.by.id))


def _taken_back(
    case: Case, approval: Approval, now: datetime, by: str | None
) -> tuple[ev.Event, ...]:
    """What follows when a request came to nothing."""
    if approval.purpose is Purpose.DECISION:
        return on_sent_back(case, now)
    if approval.purpose is Purpose.REVIEW:
        return _undone(case, approval.decision, now, by)
    return ()


def _undone(case: Case, decision: str, now: datetime, by: str | None) -> tuple[ev.Event, ...]:
    """What was done at once is taken back; what failed is not tried any more."""
    events = list(given_up(case, decision, now, by))
    if any(state.decision == decision for state in case.undoable):
        events.append(ev.UndoRequested(at=now, by=by, decision=decision))
    return tuple(events)


def given_up(case: Case, decision: str, now: datetime, by: str | None) -> tuple[ev.Event, ...]:
    """What failed of the last decision is not tried any more."""
    if not any(state.decision == decision for state in case.failed):
        return ()
    events = (ev.ActionsGivenUp(at=now, by=by, decision=decision),)
    return (*events, *on_given_up(apply_all(case, events), now, by))


def withdraw(case: Case, command: cmd.Withdraw, now: datetime) -> Outcome:
    """Who asked takes the request back. What was done at once is for the reviewer to judge."""
    approval = case.approval
    if approval is None or not approval.pending or approval.purpose is Purpose.REVIEW:
        return refuse(case, Reason.NOT_WAITING)
    if command.by.id != approval.by:
        return Refusal(reason=Reason.NOT_YOUR_REQUEST, by=approval.by)
    gone = ev.ApprovalWithdrawn(at=now, by=command.by.id, decision=approval.decision)
    return (gone, *_taken_back(case, approval, now, command.by.id))


def ask_requester(case: Case, command: cmd.AskRequester, now: datetime) -> Outcome:
    """An approver asks; the time stands still until the answer, at most for a whole `within`."""
    refusal = _not_approvable(case, command, now) or text_missing(command.question)
    if refusal is not None:
        return refusal
    approval = case.approval
    assert approval is not None
    if approval.question is not None:
        asked = approval.question
        return Refusal(reason=Reason.ALREADY_ASKED, by=asked.by, at=asked.at)
    question = trimmed(command.question)
    return (
        ev.ApprovalAsked(
            at=now,
            by=command.by.id,
            decision=approval.decision,
            question=question,
            until=now + approval.within,
        ),
    )


def answer_approver(case: Case, command: cmd.AnswerApprover, now: datetime) -> Outcome:
    """Who asked for the approval answers."""
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


def approval_tick(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Everything that time did to a request, also where nobody looked for long."""
    events: tuple[ev.Event, ...] = ()
    while more := _next_of_approval(apply_all(case, events), now):
        events += more
    return events


def _next_of_approval(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """A question that nobody answered, a reminder, or the end of the time."""
    approval = case.approval
    if approval is None or not approval.pending:
        return ()
    if approval.question is not None:
        return _unanswered(approval, now)
    if approval.expires_at <= now:
        return _expired(case, approval, now)
    if approval.reminds_at <= now and not approval.reminded:
        decision, until = approval.decision, approval.expires_at
        return (ev.ApprovalReminded(at=now, decision=decision, expires_at=until),)
    return ()


def _unanswered(approval: Approval, now: datetime) -> tuple[ev.Event, ...]:
    question = approval.question
    if question is None or now < question.until:
        return ()
    ends = question.until + question.left
    return (ev.ApprovalAnswered(at=now, decision=approval.decision, answer="", expires_at=ends),)


def _expired(case: Case, approval: Approval, now: datetime) -> tuple[ev.Event, ...]:
    # What was done at once can't be taken back while it is still being done: then ask again.
    still = approval.purpose is Purpose.REVIEW and case.acting
    refuse = approval.on_expiry is OnExpiry.REFUSE and not still
    expired = ev.ApprovalExpired(
        at=now,
        decision=approval.decision,
        outcome=OnExpiry.REFUSE if refuse else OnExpiry.ESCALATE,
        renewed=None if refuse else now + approval.within,
    )
    return (expired, *_taken_back(case, approval, now, None)) if refuse else (expired,)


RULES: Rules = {
    cmd.Approve: approve,
    cmd.Reject: reject,
    cmd.AskRequester: ask_requester,
    cmd.AnswerApprover: answer_approver,
    cmd.Withdraw: withdraw,
}
