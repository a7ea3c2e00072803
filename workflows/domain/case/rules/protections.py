"""Protection rules: Koban starts protections and lifts them unless a person confirms in time."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workflows.domain.automation import AutomationPause, pause_over
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionState, ActionStatus
from workflows.domain.case.model import UNDECIDED, Case, Intent, Phase, Protection
from workflows.domain.case.planning import plan_protection
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules, not_undecided
from workflows.domain.policy.limits import Exempt
from workflows.domain.policy.playbook import Protect


def protect(case: Case, command: cmd.ProtectNow, now: datetime) -> Outcome:
    """Starts the protections of `command.rules`; each rule acts once in a case."""
    started: list[ev.Event] = []
    withheld: list[ev.Event] = []
    limited: list[int] = []
    for rule in fresh_rules(case, command.rules):
        written, by = case.policy.playbook.protect[rule], (command.detector,)
        begun = start(case, written, now, rule=rule, after=started, detectors=by)
        exempt, pause = spared(case, begun), paused(case, begun, command.pauses)
        if exempt is not None:
            withheld += _withheld(case, (rule,), now, exempt=exempt)
        elif trusted(case, begun):
            withheld += _withheld(case, (rule,), now, trusted=True)
        elif pause is not None:
            withheld += _withheld(case, (rule,), now, pause=pause)
        else:
            started += begun
            limited.append(rule)
    if started and command.limit:
        met = case.automation_limit
        again = met is None or met.resets_at != command.limit.resets_at
        known = case.model_copy(update={"withheld": frozenset()}) if again else case
        started = [*_withheld(known, limited, now, limit=command.limit)]
    return (*started, *withheld)


def _withheld(
    case: Case, rules: Iterable[int], now: datetime, **cause: Any
) -> tuple[ev.Event, ...]:
    # Once per rule: every alert of a raid matches it again.
    new = tuple(rule for rule in rules if rule not in case.withheld)
    return (ev.ProtectionWithheld(at=now, rules=new, **cause),) if new else ()


def spared(case: Case, begun: Iterable[ev.Event]) -> Exempt | None:
    """The exempt subject that a protection in `begun` would be about."""
    planned = (e.action.planned.subject for e in begun if isinstance(e, ev.ProtectionStarted))
    found = (case.policy.exempts(case.subject, subject) for subject in planned)
    return next((each for each in found if each is not None), None)


def trusted(case: Case, begun: Iterable[ev.Event]) -> bool:
    """Whether a protection in `begun` would be about a trusted subject."""
    planned = (e.action.planned.subject for e in begun if isinstance(e, ev.ProtectionStarted))
    return any(case.policy.trusts(case.subject, subject) for subject in planned)


def paused(
    case: Case, begun: Iterable[ev.Event], pauses: Iterable[AutomationPause]
) -> AutomationPause | None:
    """The pause that prevents a protection in `begun`, for all detectors that may start it."""
    playbook, known = case.policy.playbook.playbook, tuple(pauses)
    started = (each for each in begun if isinstance(each, ev.ProtectionStarted))
    found = (
        pause_over(known, playbook, each.detectors, each.action.planned.action) for each in started
    )
    return next((each for each in found if each is not None), None)


def known_pauses(case: Case) -> tuple[AutomationPause, ...]:
    """The last pause that the case has met."""
    return () if case.automation_pause is None else (case.automation_pause,)


def fresh_rules(case: Case, rules: Iterable[int]) -> tuple[int, ...]:
    """Those of `rules` that have not acted and are not off; none once the case is decided."""
    if case.phase not in UNDECIDED:
        return ()
    known = {each.rule for each in case.protections}
    written = case.policy.playbook.protect
    fresh = (rule for rule in rules if rule in range(len(written)) and rule not in known)
    return tuple(rule for rule in fresh if written[rule].action not in case.policy.unprotected)


def start(
    case: Case,
    written: Protect,
    now: datetime,
    rule: int | None = None,
    step: int | None = None,
    after: Iterable[ev.Event] = (),
    detectors: Iterable[str] | None = None,
) -> tuple[ev.Event, ...]:
    """Starts a protection, unless it is active (also by `after`, events not applied) or unfit.

    It is started by those of `detectors`, by default of the case, whose alerts may start it.
    """
    planned = plan_protection(case, written)
    by = case.policy.starters(written, detectors or case.detectors)
    if planned is None or not by:
        return ()
    fresh = [each for each in after if isinstance(each, ev.ProtectionStarted)]
    acting = {each.action for each in case.protecting} | {e.action.planned.key for e in fresh}
    if planned.key in acting:
        return ()
    number = f"P{len(case.protections) + len(fresh) + 1}"
    state = ActionState(decision=number, planned=planned, undoable=True)
    own = {"protection": number, "action": state, "rule": rule, "step": step, "detectors": by}
    return (ev.ProtectionStarted(at=now, **own),)


def lift(case: Case, command: cmd.LiftProtection, now: datetime) -> Outcome:
    """Lifts the protections on the person's card, or retries failed lifts."""
    undecided = case.phase in UNDECIDED
    wanted = case.protecting if undecided else case.stuck
    refusal = not_shown(wanted, command)
    if refusal is not None:
        return (None if wanted else not_undecided(case)) or refusal
    return tuple(
        ev.ProtectionDismissed(
            at=now, by=command.by.id, protection=each.id, after_failure=not undecided
        )
        for each in wanted
        if each.known_to(command.version)
    )


def not_shown(wanted: Iterable[Protection], command: cmd.PersonCommandBase) -> Refusal | None:
    """Refuses a press whose card showed none of the `wanted` protections."""
    wanted = tuple(wanted)
    if any(each.known_to(command.version) for each in wanted):
        return None
    return Refusal(reason=Reason.PROTECTED_SINCE if wanted else Reason.NOTHING_PROTECTED)


def unseen(case: Case, command: cmd.PersonCommandBase) -> tuple[str, ...]:
    """The protections that began after the pressed card; the decision leaves them."""
    return tuple(each.id for each in case.protecting if not each.known_to(command.version))


def on_decision(case: Case, decision: Decision, waits: bool, now: datetime) -> tuple[ev.Event, ...]:
    """The events of the active protections after a decision.

    While it waits for approval they are held. Afterwards it takes over those with the same action,
    and the others are lifted, except those that its person could not see.
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


def resume_held(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Resumes the held protections of a decision that is off."""
    held = (each for each in case.protecting if each.intent is Intent.HOLD)
    return tuple(ev.ProtectionResumed(at=now, protection=each.id) for each in held)


def lift_unused(case: Case, now: datetime, by: str | None) -> tuple[ev.Event, ...]:
    """Lifts protections that the decision took over but whose action it did not carry out."""
    undone = (ActionStatus.GIVEN_UP, ActionStatus.SKIPPED)
    left = {state.planned.key for state in case.current_actions if state.status in undone}
    return tuple(
        ev.ProtectionDismissed(at=now, by=by, protection=each.id, after_failure=True)
        for each in case.protections
        if each.action in left and _kept(case, each)
    )


_OFF = frozenset({ActionStatus.UNDONE, ActionStatus.GIVEN_UP, ActionStatus.SKIPPED})


def lift_kept(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Lifts what a bulk decision kept beside its actions, once all of them are undone or off."""
    decision, states = case.decision, case.current_actions
    if decision is None or decision.bulk is None or any(a.status not in _OFF for a in states):
        return ()
    by = next((each.ended_by for each in states if each.ended_by is not None), decision.by)
    return tuple(
        ev.ProtectionDismissed(at=now, by=by, protection=each.id)
        for each in case.protections
        if each.id in decision.keeps and each.intent is Intent.HAND_OVER and _kept(case, each)
    )


def take_over(case: Case, events: Iterable[ev.Event], now: datetime) -> tuple[ev.Event, ...]:
    """Confirms a protection whose lift failed: a retried lift would undo the waiting decision."""
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
