"""The rules of a case: `decide(case, command, now) → events | refusal`, pure.

The workflow, the tests and the backtest call the same function, so they cannot drift.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.approval import Purpose
from workflows.domain.case_state import Case
from workflows.domain.history import apply_all
from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.planning import rules_of, undo_rules_of
from workflows.domain.refusal import Reason, Refusal
from workflows.domain.rules import (
    acting,
    appealing,
    approving,
    calling,
    deciding,
    holding,
    joining,
    owning,
    protecting,
    revealing,
    ringing,
    telling,
)
from workflows.domain.rules.outcome import Outcome

_BY_APPROVERS = cmd.Approve | cmd.Reject | cmd.AskBack


def decide(case: Case, command: cmd.Command, now: datetime) -> Outcome:
    """What `command` makes of `case` at `now`: events in their order, or a refusal."""
    if isinstance(command, cmd.Asked):
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


def _role_missing(case: Case, command: cmd.Asked) -> Refusal | None:
    allowed = _allowed(case, command)
    person = command.by
    agreeing = isinstance(command, _BY_APPROVERS)
    if person.may_approve(allowed) if agreeing else person.may(allowed):
        return None
    if agreeing:
        return approving.approvers_only(case, Reason.ROLE_NEEDED, allowed)
    return Refusal(reason=Reason.ROLE_NEEDED, roles=tuple(sorted(allowed)))


def _allowed(case: Case, command: cmd.Asked) -> frozenset[Role]:
    """Which roles may give this command."""
    if isinstance(command, _BY_APPROVERS):
        needs = case.approval.needs if case.approval else ()
        return frozenset(need.role for need in needs) or frozenset({Role.LEAD})
    if isinstance(command, cmd.Undo) and _only_leads_undo(case):
        return frozenset({Role.LEAD})
    if isinstance(command, cmd.Watch | cmd.Unwatch):
        return frozenset(Role)
    if isinstance(command, cmd.RevealEvidence):
        return revealing.MAY_LOOK
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
        approving.approval_tick,
        holding.hold_tick,
        owning.claim_tick,
    ):
        events += rule(apply_all(case, events), now)
    events += calling.ladder_tick(apply_all(case, events), now, command.halt)
    return tuple(events)


_RULES: dict[type[Any], Callable[[Case, Any, datetime], Outcome]] = {
    cmd.Claim: owning.claim,
    cmd.Release: owning.release,
    cmd.HandOver: owning.hand_over,
    cmd.Watch: owning.watch,
    cmd.Unwatch: owning.unwatch,
    cmd.AddNote: owning.add_note,
    cmd.RevealEvidence: revealing.reveal,
    cmd.Acknowledge: calling.acknowledge,
    cmd.Escalate: calling.escalate,
    cmd.Snooze: holding.snooze,
    cmd.Wait: holding.wait,
    cmd.Resume: holding.resume,
    cmd.ChoosePreset: deciding.choose_preset,
    cmd.Decide: deciding.decide,
    cmd.DecideRing: ringing.decide_ring,
    cmd.StopRing: ringing.stop,
    cmd.Clear: deciding.clear,
    cmd.Confirm: deciding.confirm,
    cmd.Reopen: deciding.reopen,
    cmd.LiftProtection: protecting.lift,
    cmd.ProtectNow: protecting.protect,
    cmd.Approve: approving.approve,
    cmd.Reject: approving.reject,
    cmd.AskBack: approving.ask_back,
    cmd.AnswerBack: approving.answer_back,
    cmd.Withdraw: approving.withdraw,
    cmd.Retry: acting.retry,
    cmd.GiveUp: acting.give_up,
    cmd.RetryNotice: telling.retry_notice,
    cmd.Undo: acting.undo,
    cmd.Report: acting.report,
    cmd.JoinAlert: joining.join,
    cmd.Merge: joining.merge,
    cmd.Absorb: joining.absorb,
    cmd.AnswerAppeal: appealing.answered,
    cmd.Tick: _tick,
}
