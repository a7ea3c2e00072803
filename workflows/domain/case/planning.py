"""From chosen actions to planned ones: which subject, how long, and which approvals they need."""

from collections.abc import Iterable
from datetime import timedelta

from workflows.domain.alerts import Subject
from workflows.domain.case.decision import Decision, PlannedAction
from workflows.domain.case.enforcement import ActionState
from workflows.domain.case.model import Case, latest
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.policy.actions import ActionCatalog, ActionSpec, ApprovalRule
from workflows.domain.policy.playbook import PresetAction, Protect


def target(case: Case, spec: ActionSpec, version: int | None = None) -> Subject | None:
    """Whom the action is for: the case's subject, else the related one of its type.

    With `version` the one that a card of that version named: more alerts may have come since.
    """
    if case.subject.type == spec.subject:
        return case.subject
    return latest(case.sightings, spec.subject, version)


def plan(
    case: Case, chosen: Iterable[PresetAction], version: int | None = None
) -> tuple[PlannedAction, ...] | Refusal:
    """The actions to take, or why one of them can't be. `version` is that of the card pressed."""
    planned: dict[str, PlannedAction] = {}
    for each in chosen:
        one = _plan_one(case, each, version)
        if isinstance(one, Refusal):
            return one
        planned.setdefault(one.key, one)
    return tuple(planned.values())


def _plan_one(case: Case, chosen: PresetAction, version: int | None) -> PlannedAction | Refusal:
    spec = case.policy.catalog.find(chosen.action)
    if spec is None:
        return Refusal(reason=Reason.UNKNOWN_ACTION, name=chosen.action)
    subject = target(case, spec, version)
    if subject is None:
        return Refusal(reason=Reason.NO_TARGET, name=chosen.action)
    lasts = lasting(spec, chosen)
    if isinstance(lasts, Refusal):
        return lasts
    return PlannedAction(action=chosen.action, subject=subject, lasts=lasts)


def lasting(spec: ActionSpec, chosen: PresetAction) -> timedelta | Refusal | None:
    """How long the action lasts (None: without an end), or why it can't last so long."""
    if spec.timed is None:
        return None
    lasts = chosen.for_ or spec.timed.default
    if lasts > spec.timed.max:
        return Refusal(reason=Reason.TOO_LONG, name=chosen.action)
    return lasts


def plan_protection(case: Case, written: Protect) -> PlannedAction | None:
    """What a line of `protect` means for this case; None where it has nothing to act upon."""
    spec = case.policy.catalog.find(written.action)
    subject = None if spec is None or spec.undo is None else target(case, spec)
    if subject is None:
        return None
    return PlannedAction(action=written.action, subject=subject, lasts=written.for_)


def plan_confirmed(case: Case, version: int | None = None) -> tuple[PlannedAction, ...]:
    """What Koban protects now, as a person would decide it: for as long as the action takes.

    With `version` only what a card of that version showed.
    """
    planned = []
    for protection in (each for each in case.protecting if each.known_to(version)):
        state = case.protected(protection.id)
        spec = case.policy.catalog.find(state.planned.action) if state is not None else None
        if state is not None and spec is not None:
            lasts = spec.timed.default if spec.timed is not None else None
            planned.append(state.planned.model_copy(update={"lasts": lasts}))
    return tuple(planned)


def states_of(catalog: ActionCatalog, decision: Decision) -> tuple[ActionState, ...]:
    """The actions of a fresh decision, all pending."""
    return tuple(
        ActionState(
            decision=decision.id,
            planned=planned,
            undoable=catalog.actions[planned.action].undo is not None,
        )
        for planned in decision.actions
    )


def rules_of(catalog: ActionCatalog, actions: Iterable[ActionState]) -> tuple[ApprovalRule, ...]:
    """The approval rules of these actions."""
    specs = (catalog.find(action.planned.action) for action in actions)
    return tuple(spec.approval for spec in specs if spec is not None and spec.approval)


def undo_rules_of(
    catalog: ActionCatalog, actions: Iterable[ActionState]
) -> tuple[ApprovalRule, ...]:
    """The approval rules that undoing these actions has."""
    specs = (catalog.find(action.planned.action) for action in actions if action.undoable)
    return tuple(s.undo_approval for s in specs if s is not None and s.undo_approval)
