"""Protection first: begun by Koban, lifted by itself unless a person confirms it in time."""

from collections.abc import Iterable
from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionState, ActionStatus
from workflows.domain.case.model import UNDECIDED, Case, Intent, Phase, Protection
from workflows.domain.case.planning import plan_protection
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules, not_undecided
from workflows.domain.policy.playbook import Protect


def protect(case: Case, command: cmd.ProtectNow, now: datetime) -> Outcome:
    """Begins the protections whose rules hold; each rule acts once in the life of a case."""
    events: list[ev.Event] = []
    fresh = fresh_rules(case, command.rules)
    for rule in fresh:
        written = case.policy.playbook.protect[rule]
        events += started(case, written, now, rule=rule, after=events)
    if command.halt is None or not events:
        return tuple(events)
    rules = tuple(rule for rule in fresh if rule not in case.withheld)
    # Every alert of a raid would tell it anew.
    told = ev.ProtectionWithheld(at=now, halt=command.halt, rules=rules)
    return (told,) if rules else ()


def fresh_rules(case: Case, rules: Iterable[int]) -> tuple[int, ...]:
    """Those of `rules` that the playbook has, and that have not acted yet; none once decided."""
    if case.phase not in UNDECIDED:
        return ()
    known = {each.rule for each in case.protections}
    there = range(len(case.policy.playbook.protect))
    return tuple(rule for rule in rules if rule in there and rule not in known)


def started(
    case: Case,
    written: Protect,
    now: datetime,
    rule: int | None = None,
    step: int | None = None,
    after: Iterable[ev.Event] = (),
) -> tuple[ev.Event, ...]:
    """One protection, unless it acts already or there is nothing to act upon.

    `after` are events that are decided but not applied yet.
    """
    planned = plan_protection(case, written)
    if planned is None:
        return ()
    fresh = [each for each in after if isinstance(each, ev.ProtectionStarted)]
    acting = {each.action for each in case.protecting} | {e.action.planned.key for e in fresh}
    if planned.key in acting:
        return ()
    number = f"P{len(case.protections) + len(fresh) + 1}"
    state = ActionState(decision=number, planned=planned, undoable=True)
    return (ev.ProtectionStarted(at=now, protection=number, action=state, rule=rule, step=step),)


def lift(case: Case, command: cmd.LiftProtection, now: datetime) -> Outcome:
    """A person does not need the protection, or tries again what the platform would not lift.

    Only what their card showed: nobody has said of a newer one that it is not needed.
    """
    wanted = case.protecting if case.phase in UNDECIDED else case.stuck
    refusal = not_shown(wanted, command)
    if refusal is not None:
        return (None if wanted else not_undecided(case)) or refusal
    return tuple(
        ev.ProtectionDismissed(at=now, by=command.by.id, protection=each.id)
        for each in wanted
        if each.known_to(command.version)
    )


def not_shown(wanted: Iterable[Protection], command: cmd.PersonCommandBase) -> Refusal | None:
    """Refuses a press that is about protections, where its card showed none of those `wanted`."""
    wanted = tuple(wanted)
    if any(each.known_to(command.version) for each in wanted):
        return None
    return Refusal(reason=Reason.PROTECTED_SINCE if wanted else Reason.NOTHING_PROTECTED)


def unseen(case: Case, command: cmd.PersonCommandBase) -> tuple[str, ...]:
    """The protections that began after the card which was pressed: they are not decided about."""
    return tuple(each.id for each in case.protecting if not each.known_to(command.version))


def on_decision(case: Case, decision: Decision, waits: bool, now: datetime) -> tuple[ev.Event, ...]:
    """What a decision means for the protections that stand.

    Where it waits for approval they stay: somebody confirmed in time. What it does itself it takes
    over; the rest is not needed any more, but for what its person could not see yet: that lifts
    itself in time.
    """
    done = {planned.key for planned in decision.actions}
    taken = {
        each.id
        for each in case.protecting
        if decision.verdict is Verdict.VIOLATION
        and (each.action in done or each.id in decision.confirms)
    }
    meant = [each for each in case.protecting if each.id in taken or each.id not in decision.leaves]
    if waits:
        held = (each for each in meant if each.intent is not Intent.HOLD)
        return tuple(ev.ProtectionHeld(at=now, protection=each.id) for each in held)
    return tuple(
        ev.ProtectionConfirmed(at=now, protection=each.id, decision=decision.id)
        if each.id in taken
        else ev.ProtectionDismissed(at=now, protection=each.id)
        for each in meant
    )


def on_sent_back(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """The decision is off: what waited with it ends by its own clock again."""
    held = (each for each in case.protecting if each.intent is Intent.HOLD)
    return tuple(ev.ProtectionResumed(at=now, protection=each.id) for each in held)


def on_given_up(case: Case, now: datetime, by: str | None) -> tuple[ev.Event, ...]:
    """What a decision took over and then did not do itself stands at the platform: it is lifted."""
    undone = (ActionStatus.GIVEN_UP, ActionStatus.SKIPPED)
    left = {state.planned.key for state in case.current_actions if state.status in undone}
    return tuple(
        ev.ProtectionDismissed(at=now, by=by, protection=each.id)
        for each in case.protections
        if each.action in left and _kept(case, each)
    )


def taken_over(case: Case, events: Iterable[ev.Event], now: datetime) -> tuple[ev.Event, ...]:
    """A lift that failed while a decision of the same thing waited for it: that takes it over.

    A second try of the lift would undo the decision.
    """
    if case.decision is None or case.phase is not Phase.ENFORCING:
        return ()
    failed = {each.decision for each in events if isinstance(each, ev.ActionFailed) and each.undo}
    keys = {state.planned.key for state in case.current_actions}
    return tuple(
        ev.ProtectionConfirmed(at=now, protection=each.id, decision=case.decision.id)
        for each in case.protections
        if each.id in failed and each.action in keys and each.intent is Intent.LIFT_IN_TIME
    )


def _kept(case: Case, protection: Protection) -> bool:
    state = case.protected(protection.id)
    return state is not None and state.status is ActionStatus.KEPT


RULES: Rules = {
    cmd.ProtectNow: protect,
    cmd.LiftProtection: lift,
}
