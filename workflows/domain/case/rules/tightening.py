"""Policy rules: today's policy where it is stricter, and the uses that limits count."""

from collections.abc import Iterable
from datetime import datetime

from workflows.domain.brakes import AutomaticAction
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, extended
from workflows.domain.case.decision import Decision, PlannedAction, Verdict
from workflows.domain.case.model import Case
from workflows.domain.case.planning import rules_of_decision, undo_rules_of
from workflows.domain.case.refusals import Outcome, Rules
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.limits import Power, Use, budget_use, use_of, uses_of_bulk
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
    rules = rules_of_decision(policy, case.decision, case.current_actions, case.subject)
    return (*rules, *policy.reviews) if approval.purpose is Purpose.REVIEW else rules


def note_limit(case: Case, command: cmd.NoteLimit, now: datetime) -> Outcome:
    """Records that a command was refused because of a limit."""
    return (ev.LimitReached(at=now, by=command.by, limit=command.limit),)


# -- uses ---------------------------------------------------------------------------------


def uses_of(
    case: Case, command: cmd.PersonCommandBase, events: Iterable[ev.Event]
) -> tuple[Use, ...]:
    """The uses to book before a command has the effect of `events`.

    Keys name the effect: a person who presses again after an attempt without one counts once.
    """
    events = tuple(events)
    uses: list[Use | None] = []
    for event in events:
        if isinstance(event, ev.Decided):
            uses += _uses_of_decision(case, event.decision)
        elif isinstance(event, ev.Approved):
            asked = case.approval.requested_at.isoformat() if case.approval is not None else ""
            key = f"{event.decision}/{asked}"
            uses.append(_use(case, event, Power.APPROVALS, event.decision, key))
        elif (undone := _undone_by(command, event)) is not None:
            uses.append(_use(case, event, Power.UNDOS, undone, f"undo/{_last_turn(case)}"))
    if isinstance(command, cmd.LiftProtection):
        lifted = [e.protection for e in events if isinstance(e, ev.ProtectionDismissed)]
        key = f"{case.id}/{'+'.join(lifted)}/{command.by.id}"[:256]
        limits, by = case.policy.limits, command.by.id
        uses.append(use_of(limits, Power.LIFTS, key, by, len(lifted)))
    return tuple(each for each in uses if each is not None)


def _use(case: Case, event: ev.Event, power: Power, decision: str, key: str) -> Use | None:
    assert event.by is not None
    amount = next((each.subjects for each in case.decisions if each.id == decision), 1)
    return use_of(case.policy.limits, power, f"{case.id}/{key}/{event.by}", event.by, amount)


def _undone_by(command: cmd.PersonCommandBase, event: ev.Event) -> str | None:
    """The decision that a person undoes, or asks to; agreeing to an undo is an approval."""
    if isinstance(event, ev.ApprovalRequested) and event.approval.purpose is Purpose.UNDO:
        return event.approval.decision
    if isinstance(event, ev.UndoRequested) and not isinstance(command, cmd.Approve):
        return event.decision
    return None


def _last_turn(case: Case) -> int:
    return case.turn.version if case.turn is not None else 0


def _uses_of_decision(case: Case, decision: Decision) -> tuple[Use | None, ...]:
    """The uses of a decision; kept protections take nothing of the budget of actions."""
    limits, key, by = case.policy.limits, f"{case.id}/{decision.id}/{decision.by}", decision.by
    if decision.bulk is not None:
        return uses_of_bulk(limits, key, by, decision.bulk.count, len(decision.actions))
    violation = decision.verdict is Verdict.VIOLATION
    power = Power.DECISIONS if violation else Power.CLEARS
    return (
        use_of(limits, power, key, by, decision.subjects),
        budget_use(limits, key, by, len(decision.actions) - len(decision.keeps)),
    )


def automatic_uses(case: Case, events: Iterable[ev.Event], detector: str) -> tuple[Use, ...]:
    """The uses of protections and automatic decisions in `events`, by detector and playbook."""
    started: list[str] = []
    for event in events:
        if isinstance(event, ev.ProtectionStarted):
            started.append(event.protection)
        elif isinstance(event, ev.Decided) and event.decision.automatic:
            started += [event.decision.id] * len(event.decision.actions)
    playbook = case.policy.playbook.playbook
    key = f"{case.id}/{'+'.join(started)}"[:256]
    limits, amount = case.policy.limits, len(started)
    uses = (
        use_of(limits, Power.DETECTOR, key, detector, amount),
        use_of(limits, Power.PLAYBOOK, key, playbook, amount),
    )
    return tuple(each for each in uses if each is not None)


def starters(events: Iterable[ev.Event], detectors: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `detectors` whose alerts may start each protection in `events`; else all."""
    started = [each.detectors for each in events if isinstance(each, ev.ProtectionStarted)]
    common = (name for name in detectors if all(name in by for by in started))
    return tuple(common) or detectors


def automatic_actions(case: Case, events: Iterable[ev.Event]) -> tuple[AutomaticAction, ...]:
    """The actions that Koban takes by `events`, or would take if the case were no sample."""
    found: list[AutomaticAction] = []
    for event in events:
        if isinstance(event, ev.ProtectionStarted):
            found.append(_counted(event.protection, event.action.planned))
        elif isinstance(event, ev.Decided) and event.decision.automatic:
            found += (_counted(event.decision.id, each) for each in event.decision.actions)
        elif isinstance(event, ev.Sampled):
            found += _samples(case, event)
    return tuple(found)


def _counted(decision: str, planned: PlannedAction) -> AutomaticAction:
    return AutomaticAction(decision=decision, action=planned.action, subject=planned.subject.key)


def _samples(case: Case, event: ev.Sampled) -> list[AutomaticAction]:
    """The actions of the preset that people judge; none for a sample of recorded alerts."""
    preset = case.policy.playbook.preset(event.preset or "")
    names = dict.fromkeys(each.action for each in preset.actions) if preset is not None else ()
    subject = case.subject.key
    return [
        AutomaticAction(decision=SAMPLE, action=name, subject=subject, sampled=True)
        for name in names
    ]


SAMPLE = "sample"
"""The place of a decision's id in what is counted about a sample."""

RULES: Rules = {cmd.Tighten: tighten, cmd.NoteLimit: note_limit}
