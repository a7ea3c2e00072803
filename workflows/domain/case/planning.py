"""Planning of actions: subject, duration, limits and approval rules."""

from collections.abc import Iterable
from datetime import timedelta

from workflows.domain.alerts import Subject
from workflows.domain.case.decision import Decision, PlannedAction
from workflows.domain.case.enforcement import ActionState
from workflows.domain.case.model import Case, Protection, latest
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog, ActionSpec, ApprovalRule
from workflows.domain.policy.limits import EXEMPT_APPROVAL, Limits
from workflows.domain.policy.playbook import Policy, PresetAction, Protect

USUAL = Limits(approval=ApprovalRule(by=Role.LEAD, within=timedelta(minutes=30)))
"""Limits of bulk decisions without limits.yaml, so that they still need an approval."""


def target(case: Case, type_: str, version: int | None = None) -> Subject | None:
    """The subject of an action on that type: the case's, else the latest related one.

    With `version` the one on the card of that version: later alerts may have named another.
    """
    if case.subject.type == type_:
        return case.subject
    return latest(case.sightings, type_, version)


def plan(
    case: Case, chosen: Iterable[PresetAction], version: int | None = None
) -> tuple[PlannedAction, ...] | Refusal:
    """Plans the `chosen` actions, or refuses. `version` is that of the pressed card."""
    planned: dict[str, PlannedAction] = {}
    for each in chosen:
        one = _plan_one(case, each, version)
        if isinstance(one, Refusal):
            return one
        planned.setdefault(one.key, one)
    return tuple(planned.values())


def not_offered(case: Case, chosen: Iterable[PresetAction]) -> Refusal | None:
    """Refuses actions that the playbook does not offer."""
    catalog, playbook = case.policy.catalog, case.policy.playbook
    names = (each.action for each in chosen)
    name = next((n for n in names if catalog.find(n) and not playbook.offers(n)), None)
    return None if name is None else Refusal(reason=Reason.NOT_OFFERED, name=name)


def unknown_rule(case: Case, rule: str | None) -> Refusal | None:
    """Refuses a rule that policy does not have: the notice would name it."""
    if rule is None or case.policy.playbook.rule(rule) is not None:
        return None
    return Refusal(reason=Reason.UNKNOWN_RULE, name=rule)


def _plan_one(case: Case, chosen: PresetAction, version: int | None) -> PlannedAction | Refusal:
    spec = case.policy.catalog.find(chosen.action)
    if spec is None:
        return Refusal(reason=Reason.UNKNOWN_ACTION, name=chosen.action)
    subject = target(case, spec.subject, version)
    if subject is None:
        return Refusal(reason=Reason.NO_TARGET, name=chosen.action)
    lasts = lasting(spec, chosen)
    if isinstance(lasts, Refusal):
        return lasts
    return PlannedAction(action=chosen.action, subject=subject, lasts=lasts)


def lasting(spec: ActionSpec, chosen: PresetAction) -> timedelta | Refusal | None:
    """The duration of the action (None: without end), or the refusal of a too long one."""
    if spec.timed is None:
        return None
    lasts = chosen.for_ or spec.timed.default
    if lasts > spec.timed.max:
        return Refusal(reason=Reason.TOO_LONG, name=chosen.action)
    return lasts


def plan_protection(case: Case, written: Protect) -> PlannedAction | None:
    """Plans a line of `protect`; None if the case has no subject for it."""
    spec = case.policy.catalog.find(written.action)
    subject = None if spec is None or spec.undo is None else target(case, spec.subject)
    if subject is None:
        return None
    return PlannedAction(action=written.action, subject=subject, lasts=written.for_)


def plan_confirmed(case: Case, version: int | None = None) -> tuple[PlannedAction, ...]:
    """Plans the protections on the card of `version` as a decision, with default durations."""
    return plan_protections(case, (each for each in case.protecting if each.known_to(version)))


def keepable(case: Case, version: int | None = None) -> tuple[Protection, ...]:
    """The protections on the card of `version` that a violation keeps, by the playbook.

    Those have no end of their own at the platform, as a hidden message; others are lifted.
    """
    if not case.policy.playbook.keep_on_violation:
        return ()
    return tuple(
        each for each in case.protecting if each.known_to(version) and _is_untimed(case, each)
    )


def _is_untimed(case: Case, protection: Protection) -> bool:
    state = case.protected(protection.id)
    spec = case.policy.catalog.find(state.planned.action) if state is not None else None
    return spec is not None and spec.timed is None


def plan_protections(case: Case, protections: Iterable[Protection]) -> tuple[PlannedAction, ...]:
    """Plans protections as actions of a decision, with default durations."""
    planned = []
    for protection in protections:
        state = case.protected(protection.id)
        spec = case.policy.catalog.find(state.planned.action) if state is not None else None
        if state is not None and spec is not None:
            lasts = spec.timed.default if spec.timed is not None else None
            planned.append(state.planned.model_copy(update={"lasts": lasts}))
    return tuple(planned)


def states_of(catalog: ActionCatalog, decision: Decision) -> tuple[ActionState, ...]:
    """The actions of a new decision, all pending."""
    return tuple(
        ActionState(
            decision=decision.id,
            planned=planned,
            undoable=catalog.actions[planned.action].undo is not None,
        )
        for planned in decision.actions
    )


def bulk_limit(policy: Policy) -> Limits:
    """The limits of policy, else `USUAL`."""
    return policy.limits or USUAL


def is_large(policy: Policy, decision: Decision) -> bool:
    """Whether the number of subjects requires an approval."""
    if decision.bulk is not None:
        return decision.bulk.count > bulk_limit(policy).bulk
    subjects = {each.subject.key for each in decision.actions}
    return policy.limits is not None and len(subjects) > policy.limits.bulk


def rules_of(policy: Policy, actions: Iterable[ActionState]) -> tuple[ApprovalRule, ...]:
    """The approval rules of these actions."""
    return tuple(rule for each in actions for rule in policy.approvals(each.planned.action))


def rules_of_decision(
    policy: Policy, decision: Decision, actions: Iterable[ActionState], subject: Subject
) -> tuple[ApprovalRule, ...]:
    """The approval rules of these actions of a decision, and those of the limits it exceeds.

    An exempt `subject` of the case, or of an action, needs a lead.
    """
    actions = tuple(actions)
    rules = rules_of(policy, actions)
    subjects = (each.planned.subject for each in actions)
    if actions and (decision.exempt or policy.exempts(subject, *subjects)):
        rules = (*rules, EXEMPT_APPROVAL)
    if not (decision.over_limit or is_large(policy, decision)):
        return rules
    return (*rules, *(policy.limit_approvals or (USUAL.approval,)))


def undo_rules_of(policy: Policy, actions: Iterable[ActionState]) -> tuple[ApprovalRule, ...]:
    """The approval rules for undoing these actions."""
    names = (each.planned.action for each in actions if each.undoable)
    return tuple(rule for name in names for rule in policy.undo_approvals(name))
