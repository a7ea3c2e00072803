"""Decision rules: by preset, in the modal, by confirming protections; and reopening."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, approval_for
from workflows.domain.case.decision import Decision, PlannedAction, Verdict
from workflows.domain.case.model import Case, Phase, Protection
from workflows.domain.case.notices import notice_for
from workflows.domain.case.planning import (
    keepable,
    not_offered,
    plan,
    plan_confirmed,
    plan_protections,
    rules_of_decision,
    states_of,
    unknown_rule,
)
from workflows.domain.case.refusals import (
    Outcome,
    Reason,
    Refusal,
    Rules,
    held_by_other,
    not_undecided,
    outdated,
    refuse,
    trimmed,
)
from workflows.domain.case.rules.assignment import claimed
from workflows.domain.case.rules.protections import not_shown, on_decision, unseen
from workflows.domain.policy.limits import Exempt
from workflows.domain.policy.playbook import Preset, ReasonTemplate


def choose_preset(case: Case, command: cmd.ChoosePreset, now: datetime) -> Outcome:
    """Decides with a preset."""
    preset = case.policy.playbook.preset(command.preset)
    if preset is None:
        return Refusal(reason=Reason.UNKNOWN_PRESET, name=command.preset)
    playbook, planned = case.policy.playbook, plan(case, preset.actions, command.version)
    template = playbook.template(preset.because)
    own = {
        "preset": preset.id,
        "preset_reason": template.reason if template is not None else preset.reason,
        "conduct": preset.conduct or playbook.conduct,
    }
    return take(case, command, now, Verdict.VIOLATION, planned, template, **own)


def decide(case: Case, command: cmd.Decide, now: datetime) -> Outcome:
    """Decides in the modal: with a reason, and for a violation with actions."""
    if not command.reason.strip():
        return Refusal(reason=Reason.REASON_NEEDED)
    violation = command.verdict is Verdict.VIOLATION
    if violation and not command.actions:
        return Refusal(reason=Reason.ACTIONS_NEEDED)
    if refusal := not_offered(case, command.actions) or unknown_rule(case, command.policy):
        return refusal
    template = case.policy.playbook.template(command.template)
    if command.template is not None and template is None:
        return Refusal(reason=Reason.UNKNOWN_TEMPLATE, name=command.template)
    planned = plan(case, command.actions if violation else (), command.version)
    own = {"reason": trimmed(command.reason), "policy": command.policy}
    return take(case, command, now, command.verdict, planned, template, **own)


def clear(case: Case, command: cmd.MarkNoViolation, now: datetime) -> Outcome:
    """Decides that there is no violation."""
    return take(case, command, now, Verdict.NO_VIOLATION, ())


def confirm(case: Case, command: cmd.Confirm, now: datetime) -> Outcome:
    """Turns the protections into a decision, with the usual approval rules."""
    planned = plan_confirmed(case, command.version)
    refusal = not_undecided(case) or not_shown(case.protecting, command)
    return refusal or take(case, command, now, Verdict.VIOLATION, planned)


def reopen(case: Case, command: cmd.Reopen, now: datetime) -> Outcome:
    """Reopens a closed case for `command.by`, with new clocks."""
    if case.phase is not Phase.CLOSED:
        return Refusal(reason=Reason.NOT_CLOSED)
    if case.merged_into is not None:
        return refuse(case, Reason.CLOSED)
    if not command.reason.strip():
        return Refusal(reason=Reason.REASON_NEEDED)
    if case.undoable or case.undoing or case.pending(Purpose.UNDO):
        return Refusal(reason=Reason.UNDO_FIRST)
    return (ev.CaseReopened(at=now, by=command.by.id, reason=trimmed(command.reason)),)


def _new(
    case: Case,
    command: cmd.PersonCommandBase,
    now: datetime,
    verdict: Verdict,
    planned: tuple[PlannedAction, ...],
    template: ReasonTemplate | None,
) -> Decision:
    playbook = case.policy.playbook
    violation = verdict is Verdict.VIOLATION
    kept = _kept(case, command, planned) if violation else ()
    # Each action of a bulk decision is for all its subjects: what it keeps is none of them.
    bulk = isinstance(command, cmd.DecideBulk)
    members = command.bulk if isinstance(command, cmd.DecideBulk) else None
    actions = planned if bulk else (*planned, *plan_protections(case, kept))
    keys = {each.key for each in actions}
    silence = playbook.unnotified(template, _preset(case, command)) if violation else None
    notifies = violation and silence is None
    return Decision(
        id=f"D{len(case.decisions) + 1}",
        by=command.by.id,
        at=now,
        verdict=verdict,
        actions=actions,
        policy=playbook.policy.id if playbook.policy and violation else None,
        conduct=playbook.conduct,
        confirms=tuple(e.id for e in case.protecting if e.action in keys or e in kept),
        leaves=unseen(case, command),
        keeps=tuple(each.id for each in kept),
        over_limit=_is_over_limit(case, command, planned),
        paused=isinstance(command, cmd.DecisionCommand) and command.paused,
        exempt=_exempt(case, actions),
        dry_run=playbook.dry_run,
        template=template.id if template is not None else None,
        notice=notice_for(case, actions, template, members) if notifies else None,
        no_notice=silence,
    )


def _preset(case: Case, command: cmd.PersonCommandBase) -> Preset | None:
    if not isinstance(command, cmd.ChoosePreset):
        return None
    return case.policy.playbook.preset(command.preset)


def _kept(
    case: Case, command: cmd.PersonCommandBase, planned: tuple[PlannedAction, ...]
) -> tuple[Protection, ...]:
    """The protections that stay besides the planned actions, unless the person unticked them."""
    chosen = command.keeps if isinstance(command, cmd.Decide) else None
    planned_keys = {each.key for each in planned}
    return tuple(
        each
        for each in keepable(case, command.version)
        if each.action not in planned_keys and (chosen is None or each.id in chosen)
    )


def _exempt(case: Case, actions: tuple[PlannedAction, ...]) -> Exempt | None:
    """The exempt subject that a decision with actions is about."""
    if not actions:
        return None
    return case.policy.exempts(case.subject, *(each.subject for each in actions))


def _is_over_limit(
    case: Case, command: cmd.PersonCommandBase, planned: tuple[PlannedAction, ...]
) -> bool:
    """Whether the person's budget or the number of subjects requires an approval."""
    limits = case.policy.limits
    if limits is None or not planned:
        return False
    hurried = isinstance(command, cmd.DecisionCommand) and command.over_limit
    return hurried or len({each.subject.key for each in planned}) > limits.bulk


def take(
    case: Case,
    command: cmd.PersonCommandBase,
    now: datetime,
    verdict: Verdict,
    planned: tuple[PlannedAction, ...] | Refusal,
    template: ReasonTemplate | None = None,
    **own: Any,
) -> Outcome:
    """Takes a decision with its `own` fields, by default the playbook's `policy`, or refuses."""
    if refusal := not_undecided(case) or outdated(case, command) or held_by_other(case, command.by):
        return refusal
    if isinstance(planned, Refusal):
        return planned
    if case.undoing:
        # An undo that ends later would undo the new decision.
        return Refusal(reason=Reason.STILL_ACTING)
    if case.pending(Purpose.UNDO):
        return Refusal(reason=Reason.UNDO_FIRST)
    usual = _new(case, command, now, verdict, planned, template)
    own["policy"] = own.get("policy") or usual.policy
    own["confirms"] = tuple(dict.fromkeys((*usual.confirms, *own.get("confirms", ()))))
    return _events(case, usual.model_copy(update=own), now)


def _events(case: Case, decision: Decision, now: datetime) -> tuple[ev.Event, ...]:
    """Claims an open case, decides, and requests approval, enforces or closes."""
    by, states = decision.by, states_of(case.policy.catalog, decision)
    due = case.decide_due(now)
    decided = ev.Decided(at=now, by=by, decision=decision, actions=states, due=due)
    approval = _approval(case, decision, now)
    asked = () if approval is None else (ev.ApprovalRequested(at=now, by=by, approval=approval),)
    waits = approval is not None and approval.purpose is Purpose.DECISION
    protections = on_decision(case, decision, waits, now)
    events = (*claimed(case, by, now), decided, *asked, *protections)
    if states or approval is not None:
        return events
    return (*events, ev.CaseClosed(at=now, by=by, verdict=decision.verdict))


def _approval(case: Case, decision: Decision, now: datetime) -> Approval | None:
    """The approval that the decision needs: before its actions, or with `act_first` after them."""
    states, reviews = states_of(case.policy.catalog, decision), case.policy.reviews
    rules = rules_of_decision(case.policy, decision, states, case.subject)
    if not reviews or not states or rules or not _harmless(case, decision):
        return approval_for(decision.id, rules, now, decision.by)
    purpose = Purpose.DECISION if decision.paused else Purpose.REVIEW
    return approval_for(decision.id, reviews, now, decision.by, purpose)


def acts_first(events: Iterable[ev.Event]) -> tuple[str, ...]:
    """The actions of a decision in `events` that run before their review."""
    asked = (e.approval.purpose for e in events if isinstance(e, ev.ApprovalRequested))
    if Purpose.REVIEW not in asked:
        return ()
    decided = (each.decision for each in events if isinstance(each, ev.Decided))
    return tuple(planned.action for decision in decided for planned in decision.actions)


def _harmless(case: Case, decision: Decision) -> bool:
    """Whether all actions can be undone, and may run before the review."""
    specs = (case.policy.catalog.actions[each.action] for each in decision.actions)
    return all(spec.undo is not None and not spec.danger for spec in specs)


RULES: Rules = {
    cmd.ChoosePreset: choose_preset,
    cmd.Decide: decide,
    cmd.MarkNoViolation: clear,
    cmd.Confirm: confirm,
    cmd.Reopen: reopen,
}
