"""Enforcement rules: reports of the platform, retry, give up and undo."""

from datetime import datetime
from typing import Any

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, approval_for, still_covers
from workflows.domain.case.enforcement import (
    ACTING,
    IN_FORCE,
    UNSETTLED,
    ActionReport,
    ActionState,
    ActionStatus,
    EnforcementReport,
    Proof,
)
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import UNDECIDED, Case, Intent, Phase, Protection
from workflows.domain.case.planning import rules_of_decision, undo_rules_of
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules, outdated, refuse
from workflows.domain.case.rules import bulk
from workflows.domain.case.rules.appeals import undo_overturned
from workflows.domain.case.rules.approvals import close, give_up_failed
from workflows.domain.case.rules.notices import UNKNOWN, notice_events
from workflows.domain.case.rules.protections import lift_kept, take_over


def begins(case: Case, event: ev.Event) -> bool:
    """Whether the last decision is carried out after `event`, which `case` has applied."""
    if case.phase is not Phase.ENFORCING or case.handing_over or not case.current_actions:
        return False
    if isinstance(event, ev.Approved):
        of_decision = case.approval is not None and case.approval.purpose is Purpose.DECISION
        return event.granted and of_decision
    return isinstance(event, ev.Decided | ev.EnforcementStarted)


def proof_of(
    case: Case, decision: str, *, by: str | None, undo: bool = False, dry_run: bool = False
) -> Proof:
    """The unsigned proof of a decision or protection, with the people who approved it."""
    approval = case.approval
    mine = approval is not None and approval.decision == decision
    consents = approval.consents if approval is not None and mine else ()
    return Proof(
        playbook=case.policy.playbook.playbook,
        policy=case.policy.version,
        by=by,
        approvers=tuple(each.by for each in consents),
        undo=undo,
        dry_run=dry_run,
    )


def stays_under_way(case: Case, decision: str) -> bool:
    """Whether a decision or protection needs its enforcement.

    It does for an answer, a retry, a lift or a notice of a bulk decision. One that waits for its
    approval or for the end of a protection has not begun.
    """
    states = case.actions_of(decision)
    if any(each.in_force and each.until is not None for each in states):
        return True
    if bulk.is_notifying(case, decision):
        return True
    protects = any(each.id == decision for each in case.protections)
    enforcing = case.phase is Phase.ENFORCING and not case.handing_over
    began = protects or case.undoing or enforcing
    last = protects or (case.decision is not None and case.decision.id == decision)
    left = case.rolling_back or any(each.status in UNSETTLED | ACTING for each in states)
    return began and last and left


_S = ActionStatus
_OUT = frozenset({_S.LIFTED, _S.KEPT, _S.FAILED, _S.ROLLED_BACK})
_NEXT: dict[ActionStatus, frozenset[ActionStatus]] = {
    _S.PENDING: IN_FORCE | _OUT | {_S.RETRYING, _S.SKIPPED, _S.DRY_RUN},
    _S.RETRYING: IN_FORCE | _OUT | {_S.SKIPPED},
    # A failure without an answer may have taken effect: its enforcement lifts it in time.
    _S.FAILED: IN_FORCE | {_S.LIFTED},
    _S.GIVEN_UP: frozenset({_S.LIFTED}),
    _S.DONE: _OUT | {_S.VERIFIED, _S.DRIFTED},
    _S.VERIFIED: _OUT,
    _S.DRIFTED: _OUT,
    _S.UNDOING: frozenset({_S.UNDONE, _S.LIFTED, _S.FAILED}),
    _S.KEPT: frozenset({_S.LIFTED, _S.FAILED}),
}
"""Possible next statuses; other reports are outdated."""


def action_events(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The events of a report; a second delivery, or a report about an ended action, has none."""
    waits = case.phase is Phase.AWAITING_APPROVAL or case.handing_over
    if waits and case.decision is not None and report.decision == case.decision.id:
        return ()  # it is not being carried out
    protection = next((each for each in case.protections if each.id == report.decision), None)
    states = {state.planned.key: state for state in case.actions_of(report.decision)}
    events = (
        _event(states[news.action], news, now, protection)
        for news in report.actions
        if news.action in states
    )
    return tuple(event for event in events if event is not None)


def _event(
    state: ActionState, news: ActionReport, now: datetime, protection: Protection | None
) -> ev.Event | None:
    event = _EVENTS.get(news.status)
    if event is None or news.status not in _NEXT.get(state.status, frozenset()):
        return None
    if not _fits(protection, state.status, news.status):
        return None
    if protection is not None and news.status is _S.LIFTED:
        event = ev.ProtectionLifted
    failed = news.status is _S.FAILED
    # Each event takes the fields that it has.
    made: ev.Event = event(
        at=now,
        decision=state.decision,
        action=news.action,
        until=news.until,
        would=news.would,
        life=max(news.life, state.life),
        problem=news.problem or (UNKNOWN if failed else None),
        matches=news.status is _S.VERIFIED,
        undo=news.undo or state.status in (*IN_FORCE, _S.UNDOING, _S.KEPT),
    )
    return made


def _fits(protection: Protection | None, before: ActionStatus, after: ActionStatus) -> bool:
    """Whether the news is possible for the protection, or (None) for a decision."""
    if protection is None:
        return after is not _S.KEPT
    if before is _S.KEPT:
        return protection.intent is Intent.LIFT_NOW
    return before is not _S.FAILED  # a failed protection is not retried: its enforcement is over


_EVENTS: dict[ActionStatus, type[Any]] = {
    _S.RETRYING: ev.ActionRetrying,
    _S.DONE: ev.ActionSucceeded,
    _S.VERIFIED: ev.ActionVerified,
    _S.DRIFTED: ev.ActionVerified,
    _S.FAILED: ev.ActionFailed,
    _S.UNDONE: ev.ActionUndone,
    _S.LIFTED: ev.ActionLifted,
    _S.KEPT: ev.ProtectionKept,
    _S.SKIPPED: ev.ActionSkipped,
    _S.ROLLED_BACK: ev.ActionRolledBack,
    _S.DRY_RUN: ev.ActionDryRun,
}


def retry(case: Case, command: cmd.Retry, now: datetime) -> Outcome:
    """Retries the failed actions; with a new approval if the granted one does not cover it."""
    if refusal := _nothing_failed(case, command):
        return refusal
    if case.pending(Purpose.RETRY):
        return ()
    wanted = _approval_of_retry(case, command, now)
    if wanted is None:
        return (ev.ActionRetried(at=now, by=command.by.id, decision=case.failed[0].decision),)
    if case.pending(Purpose.REVIEW):
        return Refusal(reason=Reason.REVIEW_FIRST)
    return (ev.ApprovalRequested(at=now, by=command.by.id, approval=wanted),)


def _approval_of_retry(case: Case, command: cmd.Retry, now: datetime) -> Approval | None:
    """The approval that a retry needs now; None if it needs none, or the granted one covers it."""
    decision, granted = case.decision, case.approval
    assert decision is not None
    rules = rules_of_decision(case.policy, decision, case.not_done, case.subject)
    wanted = approval_for(decision.id, rules, now, command.by.id, Purpose.RETRY)
    covered = wanted is None or (granted is not None and still_covers(granted, wanted, now))
    return None if covered else wanted


def _nothing_failed(case: Case, command: cmd.PersonCommandBase) -> Refusal | None:
    if case.phase is not Phase.ENFORCING or not case.failed:
        return refuse(case, Reason.NOTHING_FAILED)
    return outdated(case, command)


def give_up(case: Case, command: cmd.GiveUp, now: datetime) -> Outcome:
    """Gives failed actions up; the case closes, or is undecided again if none is in effect."""
    if refusal := _nothing_failed(case, command):
        return refusal
    if case.acting:
        # A new decision has to wait for the actions of this one.
        return Refusal(reason=Reason.STILL_ACTING)
    given_up = give_up_failed(case, case.failed[0].decision, now, command.by.id)
    return (*given_up, *close(apply_all(case, given_up), now))


def undo(case: Case, command: cmd.Undo, now: datetime) -> Outcome:
    """Undoes actions, also after a rejected review, with an approval if one of them requires it."""
    if case.phase not in (Phase.CLOSED, *UNDECIDED) or not case.undoable:
        return refuse(case, Reason.NOTHING_TO_UNDO)
    if refusal := outdated(case, command):
        return refusal
    if case.pending(Purpose.UNDO):
        return ()
    rules = undo_rules_of(case.policy, case.undoable)
    decision = case.undoable[0].decision
    approval = approval_for(decision, rules, now, command.by.id, Purpose.UNDO)
    if approval is not None:
        return (ev.ApprovalRequested(at=now, by=command.by.id, approval=approval),)
    return (ev.UndoRequested(at=now, by=command.by.id, decision=decision),)


def report(case: Case, command: cmd.Report, now: datetime) -> Outcome:
    """Records a report; a decision that waited for a protection starts once that has ended."""
    if command.report.unproven:
        return (ev.EnforcementRefused(at=now),)
    events = (
        *bulk.tally_events(case, command.report, now),
        *action_events(case, command.report, now),
        *notice_events(case, command.report, now),
    )
    events = (*events, *take_over(apply_all(case, events), events, now))
    after = apply_all(case, events)
    reset = bulk.reset_if_nothing_done(after, now)
    events, after = (*events, *reset), apply_all(after, reset)
    withdrawn = _nothing_left_to_approve(after, now)
    events, after = (*events, *withdrawn), apply_all(after, withdrawn)
    begun = (*lift_kept(after, now), *_begins(case, after, now))
    returned = _return_failed(after, now)
    after = apply_all(after, returned)
    ends = close(after, now)
    after = apply_all(after, ends)
    overturned = undo_overturned(case, after, now)
    reopened = reopen_undone(apply_all(after, overturned), now)
    return (*events, *begun, *returned, *ends, *overturned, *reopened)


def _return_failed(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Gives up what failed or was stopped of an automatic decision: people decide instead."""
    decision = case.decision
    if case.phase is not Phase.ENFORCING or decision is None or not decision.automatic:
        return ()
    if case.acting:
        return ()
    return give_up_failed(case, decision.id, now, None)


def reconsider(case: Case, command: cmd.Reconsider, now: datetime) -> Outcome:
    """Undoes what is in effect of an automatic decision, and reopens the case after that."""
    decision = case.decision
    if case.phase is not Phase.CLOSED or decision is None or not decision.automatic:
        return refuse(case, Reason.NOT_AUTOMATIC)
    if refusal := outdated(case, command):
        return refusal
    asked = ev.ReopeningRequested(at=now, by=command.by.id)
    undone = undo(case, cmd.Undo(by=command.by, version=command.version), now)
    events = (asked, *(() if isinstance(undone, Refusal) else undone))
    return (*events, *reopen_undone(apply_all(case, events), now))


def reopen_undone(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Reopens a case whose automatic decision was taken back, once nothing of it is in effect."""
    by = case.reopening_by
    if by is None or case.phase is not Phase.CLOSED or case.undoing or case.undoable:
        return ()
    return (ev.CaseReopened(at=now, by=by, reason=""),)


def _nothing_left_to_approve(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Withdraws the request to undo or retry actions that have ended or succeeded meanwhile."""
    undo = case.pending(Purpose.UNDO) and not case.undoable
    again = case.pending(Purpose.RETRY) and not case.failed
    if case.approval is None or not (undo or again):
        return ()
    return (ev.ApprovalWithdrawn(at=now, decision=case.approval.decision),)


def _begins(before: Case, after: Case, now: datetime) -> tuple[ev.Event, ...]:
    if not before.handing_over or after.handing_over or after.decision is None:
        return ()
    if after.phase is not Phase.ENFORCING:
        return ()
    return (ev.EnforcementStarted(at=now, decision=after.decision.id),)


RULES: Rules = {
    cmd.Retry: retry,
    cmd.GiveUp: give_up,
    cmd.Undo: undo,
    cmd.Reconsider: reconsider,
    cmd.Report: report,
}
