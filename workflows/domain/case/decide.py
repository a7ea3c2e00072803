"""Decision function of a case: `decide(case, command, now)` returns events or a refusal.

Pure: the workflow and the tests call the same function.
"""

from collections.abc import Iterable
from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Purpose
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case
from workflows.domain.case.planning import rules_of, undo_rules_of
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules
from workflows.domain.case.rules import (
    appeals,
    approvals,
    assignment,
    automatic,
    bulk,
    decisions,
    enforcement,
    escalation,
    evidence,
    holds,
    intake,
    notices,
    protections,
    tightening,
)
from workflows.domain.people import Role

_BY_APPROVERS = cmd.Approve | cmd.Reject | cmd.AskRequester


def decide(case: Case, command: cmd.Command, now: datetime) -> Outcome:
    """The events of `command` at `now`, possibly none, or its refusal."""
    if isinstance(command, cmd.PersonCommandBase):
        refusal = _role_missing(case, command) or assignment.just_claimed(case, command)
        if refusal is not None:
            return refusal
    return _RULES[type(command)](case, command, now)


def decide_in_turn(
    case: Case, commands: Iterable[cmd.Command], now: datetime
) -> tuple[tuple[ev.Event, ...], Case] | Refusal:
    """The events of commands, each on the case that the ones before leave, and the case after."""
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
        return approvals.refuse_approver(case, Reason.ROLE_NEEDED, allowed)
    return Refusal(reason=Reason.ROLE_NEEDED, roles=tuple(sorted(allowed)))


def _allowed(case: Case, command: cmd.PersonCommandBase) -> frozenset[Role]:
    """The roles that may give the command."""
    if isinstance(command, _BY_APPROVERS):
        needs = case.approval.needs if case.approval else ()
        return frozenset(need.role for need in needs) or frozenset({Role.LEAD})
    if isinstance(command, cmd.Undo) and _only_leads_undo(case):
        return frozenset({Role.LEAD})
    return command.roles


def _only_leads_undo(case: Case) -> bool:
    """Only leads undo what needed an approval, unless the undo has an approval rule of its own."""
    without_rule = [a for a in case.undoable if not undo_rules_of(case.policy, (a,))]
    if not without_rule:
        return False
    decisions = {action.decision for action in without_rule}
    limited = (each.over_limit or each.exempt for each in case.decisions if each.id in decisions)
    reviewed = case.approval is not None and case.approval.purpose is Purpose.REVIEW
    approved = (a for each in sorted(decisions) for a in case.actions_of(each))
    return reviewed or any(limited) or bool(rules_of(case.policy, approved))


def _tick(case: Case, command: cmd.Tick, now: datetime) -> Outcome:
    """The events that are due at `now`; each rule sees the events of the rules before it."""
    events: list[ev.Event] = []
    for rule in (approvals.approval_tick, holds.hold_tick, assignment.claim_tick):
        events += rule(apply_all(case, events), now)
    events += escalation.ladder_tick(apply_all(case, events), now, command.pauses, command.limit)
    return tuple(events)


_RULES: Rules = {
    cmd.Tick: _tick,
    **intake.RULES,
    **assignment.RULES,
    **holds.RULES,
    **escalation.RULES,
    **evidence.RULES,
    **decisions.RULES,
    **automatic.RULES,
    **approvals.RULES,
    **enforcement.RULES,
    **protections.RULES,
    **bulk.RULES,
    **notices.RULES,
    **appeals.RULES,
    **tightening.RULES,
}
