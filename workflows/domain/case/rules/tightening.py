"""Tightening rules: a case is decided by the stricter of its own policy and today's."""

from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, extended
from workflows.domain.case.model import Case
from workflows.domain.case.planning import rules_of_decision, undo_rules_of
from workflows.domain.case.refusals import Outcome, Rules
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.playbook import Policy
from workflows.domain.policy.strictness import differences
from workflows.domain.policy.strictness import tighten as tightened


def tighten(case: Case, command: cmd.Tighten, now: datetime) -> Outcome:
    """Adds the differences in which today's policy is stricter, also to a pending request."""
    change = differences(case.policy, command.current)
    if change is None:
        return ()
    approval = _further_needs(case, tightened(case.policy, change), now)
    return (ev.PolicyTightened(at=now, change=change, approval=approval),)


def _further_needs(case: Case, policy: Policy, now: datetime) -> Approval | None:
    """The pending request with what `policy` needs besides; None without one, or a change."""
    approval = case.approval
    if approval is None or not approval.pending:
        return None
    after = extended(approval, _rules(case, policy, approval), now)
    return None if _needs(after) == _needs(approval) else after


def _needs(approval: Approval) -> tuple[object, ...]:
    return approval.needs, approval.within, approval.valid, approval.on_expiry


def _rules(case: Case, policy: Policy, approval: Approval) -> tuple[ApprovalRule, ...]:
    if approval.purpose is Purpose.UNDO:
        return undo_rules_of(policy, case.undoable)
    if case.decision is None:
        return ()
    rules = rules_of_decision(policy, case.decision, case.current_actions)
    return (*rules, *policy.reviews) if approval.purpose is Purpose.REVIEW else rules


RULES: Rules = {cmd.Tighten: tighten}
