"""The rules of a case: `decide(case, command, now) → events | refusal`, pure.

The workflow, the tests and the backtest call the same function, so they cannot drift.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Purpose
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case
from workflows.domain.case.planning import rules_of, undo_rules_of
from workflows.domain.case.refusals import Outcome, Reason, Refusal
from workflows.domain.case.rules import (
    appeals,
    approvals,
    assignment,
    bulk,
    decisions,
    enforcement,
    escalation,
    evidence,
    holds,
    intake,
    notices,
    protections,
)
from workflows.domain.people import WORKING_ROLES, Role

_BY_APPROVERS = cmd.Approve | cmd.Reject | cmd.AskRequester


def decide(case: Case, command: cmd.Command, now: datetime) -> Outcome:
    """What `command` makes of `case` at `now`: events in their order, or a refusal."""
    if isinstance(command, cmd.PersonCommandBase):
        refusal = _role_missing(case, command)
        if refusal is not None:
            return refusal
    return _RULES[type(command)](case, command, now)


def decide_in_turn(
    case: Case, commands: Iterable[cmd.Command], now: datetime
) -> tuple[tuple[ev.Event, ...], Case] | Refusal:
    """The events of several commands, one after another, and the case after them.

    The first refusal ends it.
    """
    events: list[ev.Event] = []
    for command in commands:
        outcome = decide(case, command, now)
        if isinstance(outcome, Refusal):
            return outcome
        case = apply_all(case, outcome)
        events += outcome
    return tuple(events), case


def _role_missing(case: Case, command: cmd.PersonCommandBase) -> Refusal | None:
    allowed = _allowed(case, command)
    person = command.by
    agreeing = isinstance(command, _BY_APPROVERS)
    if person.may_approve(allowed) if agreeing else person.may(allowed):
        return None
    if agreeing:
        return approvals.approvers_only(case, Reason.ROLE_NEEDED, allowed)
    return Refusal(reason=Reason.ROLE_NEEDED, roles=tuple(sorted(allowed)))


def _allowed(case: Case, command: cmd.PersonCommandBase) -> frozenset[Role]:
    """Which roles may give this command."""
    if isinstance(command, _BY_APPROVERS):
        needs = case.approval.needs if case.approval else ()
        return frozenset(need.role for need in needs) or frozenset({Role.LEAD})
    if isinstance(command, cmd.Undo) and _only_leads_undo(case):
        return frozenset({Role.LEAD})
    if isinstance(command, cmd.Watch | cmd.Unwatch):
        return frozenset(Role)
    if isinstance(command, cmd.RevealEvidence):
        return evidence.MAY_LOOK
    return WORKING_ROLES


def _only_leads_undo(case: Case) -> bool:
    """What took an approval is a lead's to undo, unless its undo has an approval of its own."""
    alone = tuple(a for a in case.undoable if not undo_rules_of(case.policy.catalog, (a,)))
    by_two = any(d.over_limit and d.id == a.decision for d in case.decisions for a in alone)
    reviewed = case.approval is not None and case.approval.purpose is Purpose.REVIEW
    together = tuple(a for each in alone for a in case.actions_of(each.decision))
    return bool(alone) and (reviewed or by_two or bool(rules_of(case.policy.catalog, together)))


def _tick(case: Case, command: cmd.Tick, now: datetime) -> Outcome:
    """Everything that time brings, one thing after another: each sees what came before it."""
    events: list[ev.Event] = []
    for rule in (
        approvals.approval_tick,
        holds.hold_tick,
        assignment.claim_tick,
    ):
        events += rule(apply_all(case, events), now)
    events += escalation.ladder_tick(apply_all(case, events), now, command.halt)
    return tuple(events)


_RULES: dict[type[Any], Callable[[Case, Any, datetime], Outcome]] = {
    cmd.Claim: assignment.claim,
    cmd.Release: assignment.release,
    cmd.HandOver: assignment.hand_over,
    cmd.Watch: assignment.watch,
    cmd.Unwatch: assignment.unwatch,
    cmd.AddNote: assignment.add_note,
    cmd.RevealEvidence: evidence.reveal,
    cmd.Acknowledge: escalation.acknowledge,
    cmd.Escalate: escalation.escalate,
    cmd.Snooze: holds.snooze,
    cmd.Wait: holds.wait,
    cmd.Resume: holds.resume,
    cmd.ChoosePreset: decisions.choose_preset,
    cmd.Decide: decisions.decide,
    cmd.DecideBulk: bulk.decide_bulk,
    cmd.StopBulk: bulk.stop,
    cmd.MarkNoViolation: decisions.clear,
    cmd.Confirm: decisions.confirm,
    cmd.Reopen: decisions.reopen,
    cmd.LiftProtection: protections.lift,
    cmd.ProtectNow: protections.protect,
    cmd.Approve: approvals.approve,
    cmd.Reject: approvals.reject,
    cmd.AskRequester: approvals.ask_requester,
    cmd.AnswerApprover: approvals.answer_approver,
    cmd.Withdraw: approvals.withdraw,
    cmd.Retry: enforcement.retry,
    cmd.GiveUp: enforcement.give_up,
    cmd.RetryNotice: notices.retry_notice,
    cmd.Undo: enforcement.undo,
    cmd.Report: enforcement.report,
    cmd.JoinAlert: intake.join,
    cmd.Merge: intake.merge,
    cmd.Absorb: intake.absorb,
    cmd.AnswerAppeal: appeals.answered,
    cmd.Tick: _tick,
}
