"""Reading a report from the platform: only what is new becomes an event."""

from datetime import datetime
from typing import Any

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Purpose, approval_for
from workflows.domain.case.enforcement import (
    STANDING,
    ActionReport,
    ActionState,
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import UNDECIDED, Case, Intent, Phase, Protection
from workflows.domain.case.planning import undo_rules_of
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules, outdated, refuse
from workflows.domain.case.rules import bulk
from workflows.domain.case.rules.appeals import caught_up
from workflows.domain.case.rules.approvals import closing
from workflows.domain.case.rules.notices import noticed
from workflows.domain.case.rules.protections import on_given_up, taken_over


def begins(case: Case, event: ev.Event) -> bool:
    """Whether the last decision is to be carried out now that `event` happened to `case`."""
    if case.phase is not Phase.ENFORCING or case.handing_over or not case.current_actions:
        return False
    if isinstance(event, ev.Approved):
        of_decision = case.approval is not None and case.approval.purpose is Purpose.DECISION
        return event.granted and of_decision
    return isinstance(event, ev.Decided | ev.EnforcementStarted)


_UNKNOWN = Problem(kind=ProblemKind.UNREACHABLE)
_S = ActionStatus
_TOOK = frozenset({_S.DONE, _S.VERIFIED, _S.DRIFTED})
_OUT = frozenset({_S.LIFTED, _S.KEPT, _S.FAILED, _S.ROLLED_BACK})
_NEXT: dict[ActionStatus, frozenset[ActionStatus]] = {
    _S.PENDING: _TOOK | _OUT | {_S.RETRYING, _S.SKIPPED, _S.DRY_RUN},
    _S.RETRYING: _TOOK | _OUT,
    _S.FAILED: _TOOK,
    _S.DONE: _OUT | {_S.VERIFIED, _S.DRIFTED},
    _S.VERIFIED: _OUT,
    _S.DRIFTED: _OUT,
    _S.UNDOING: frozenset({_S.UNDONE, _S.LIFTED, _S.FAILED}),
    _S.KEPT: frozenset({_S.LIFTED, _S.FAILED}),
}
"""What may follow a status; anything else is old news that arrived late."""


def reported(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The events of a report; a second delivery, or news of an ended action, makes none."""
    waits = case.phase is Phase.AWAITING_APPROVAL or case.handing_over
    if waits and case.decision is not None and report.decision == case.decision.id:
        return ()  # nothing of it is being carried out
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
        problem=news.problem or (_UNKNOWN if failed else None),
        matches=news.status is _S.VERIFIED,
        undo=state.status in (*STANDING, _S.UNDOING, _S.KEPT),
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
    """Tries again what failed."""
    if case.phase is not Phase.ENFORCING or not case.failed or case.decision is None:
        return refuse(case, Reason.NOTHING_FAILED)
    refusal = outdated(case, command)
    return refusal or (ev.ActionRetried(at=now, by=command.by.id, decision=case.decision.id),)


def give_up(case: Case, command: cmd.GiveUp, now: datetime) -> Outcome:
    """Lets be what failed; the case closes with what stands, else it is undecided again."""
    if case.phase is not Phase.ENFORCING or not case.failed or case.decision is None:
        return refuse(case, Reason.NOTHING_FAILED)
    refusal = outdated(case, command)
    if refusal is not None:
        return refusal
    if case.acting:
        # Nobody can decide anew while a part of this decision is still being carried out.
        return Refusal(reason=Reason.STILL_ACTING)
    given_up = ev.ActionsGivenUp(at=now, by=command.by.id, decision=case.decision.id)
    after = apply_all(case, (given_up,))
    return (given_up, *on_given_up(after, now, command.by.id), *closing(after, now))


def undo(case: Case, command: cmd.Undo, now: datetime) -> Outcome:
    """Takes actions back, with an approval where one of them asks for it.

    Those of a closed case, or of one that a review sent back and whose undo came to nothing.
    """
    if case.phase not in (Phase.CLOSED, *UNDECIDED) or not case.undoable:
        return refuse(case, Reason.NOTHING_TO_UNDO)
    refusal = outdated(case, command)
    if refusal is not None:
        return refusal
    if case.pending(Purpose.UNDO):
        return ()
    rules = undo_rules_of(case.policy.catalog, case.undoable)
    decision = case.undoable[0].decision
    approval = approval_for(decision, rules, now, command.by.id, Purpose.UNDO)
    if approval is not None:
        return (ev.ApprovalRequested(at=now, by=command.by.id, approval=approval),)
    return (ev.UndoRequested(at=now, by=command.by.id, decision=decision),)


def report(case: Case, command: cmd.Report, now: datetime) -> Outcome:
    """News from the platform; the decision that waited for a protection begins when it let go."""
    events = (
        *bulk.progressed(case, command.report, now),
        *reported(case, command.report, now),
        *noticed(case, command.report, now),
    )
    events = (*events, *taken_over(apply_all(case, events), events, now))
    after = apply_all(case, events)
    nothing = bulk.came_to_nothing(after, now)
    events, after = (*events, *nothing), apply_all(after, nothing)
    idle = _nothing_left_to_undo(after, now)
    events, after = (*events, *idle), apply_all(after, idle)
    ends = closing(after, now)
    falls = caught_up(case, apply_all(after, ends), now)
    return (*events, *_begins(case, after, now), *ends, *falls)


def _nothing_left_to_undo(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Nobody is asked to agree to the undo of what ended by itself meanwhile."""
    if not case.pending(Purpose.UNDO) or case.undoable or case.approval is None:
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
    cmd.Report: report,
}
