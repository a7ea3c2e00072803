"""The rules of a case: `decide(case, command, now) → events | refusal`, pure.

The workflow, the tests and the backtest call the same function, so they cannot drift.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain import refusal as no
from workflows.domain.appealing import at_case
from workflows.domain.approval import approval_for, consent_of, missing
from workflows.domain.case_state import UNDECIDED, Case, Phase
from workflows.domain.decision import Decision, Verdict
from workflows.domain.enforcing import reported
from workflows.domain.history import apply_all
from workflows.domain.people import WORKING_ROLES, Actor, Role
from workflows.domain.planning import plan, rules_of, states_of
from workflows.domain.playbook.actions import OnExpiry
from workflows.domain.playbook.model import Notify, PresetAction

Outcome = tuple[ev.Event, ...] | no.Refusal
"""Events to apply, possibly none (it is so already), or the reason why not."""

CALL_AGAIN = timedelta(minutes=5)
"""A second call for the lead within this time changes nothing."""


def decide(case: Case, command: cmd.Command, now: datetime) -> Outcome:
    """What `command` makes of `case` at `now`: events in their order, or a refusal."""
    if isinstance(command, cmd.Asked):
        refusal = _role_missing(case, command)
        if refusal is not None:
            return refusal
    return _RULES[type(command)](case, command, now)


def _role_missing(case: Case, command: cmd.Asked) -> no.Refusal | None:
    allowed = _allowed(case, command)
    if command.by.may(allowed):
        return None
    return no.Refusal(reason=no.Reason.ROLE_NEEDED, roles=tuple(sorted(allowed)))


def _allowed(case: Case, command: cmd.Asked) -> frozenset[Role]:
    """Which roles may give this command."""
    if isinstance(command, cmd.Approve | cmd.Reject):
        needs = case.approval.needs if case.approval else ()
        return frozenset(need.role for need in needs) or frozenset({Role.LEAD})
    if isinstance(command, cmd.Undo) and rules_of(case.policy.catalog, case.current_actions):
        return frozenset({Role.LEAD})
    return WORKING_ROLES


def _told(case: Case, reason: no.Reason) -> no.Refusal:
    """A refusal that names the last step of the decision's life."""
    mark = case.turn
    if mark is None:
        return no.Refusal(reason=reason)
    return no.Refusal(reason=reason, by=mark.by, at=mark.at, what=mark.kind)


def _not_undecided(case: Case) -> no.Refusal | None:
    if case.phase in UNDECIDED:
        return None
    closed = case.phase is Phase.CLOSED
    return _told(case, no.Reason.CLOSED if closed else no.Reason.ALREADY_DECIDED)


def _outdated(case: Case, command: cmd.Asked) -> no.Refusal | None:
    """Refuses a press on a card drawn before somebody else turned the case around."""
    mark = case.turn
    if mark is None or command.version is None or command.version >= mark.version:
        return None
    return None if mark.by == command.by.id else _told(case, no.Reason.CHANGED)


def _held_by_other(case: Case, person: Actor) -> no.Refusal | None:
    if case.owner in (None, person.id):
        return None
    return no.Refusal(
        reason=no.Reason.CLAIMED_BY_OTHER,
        by=case.owner,
        at=case.owned_since,
        what="case_claimed",
    )


def _claim(case: Case, command: cmd.Claim, now: datetime) -> Outcome:
    refusal = _not_undecided(case) or _held_by_other(case, command.by)
    if refusal is not None:
        return refusal
    return () if case.owner else (ev.CaseClaimed(at=now, by=command.by.id),)


def _release(case: Case, command: cmd.Release, now: datetime) -> Outcome:
    refusal = _not_undecided(case)
    if refusal is not None:
        return refusal
    if case.owner is None:
        return ()
    if case.owner != command.by.id and Role.LEAD not in command.by.roles:
        return no.Refusal(reason=no.Reason.NOT_YOURS, by=case.owner, at=case.owned_since)
    return (ev.CaseReleased(at=now, by=command.by.id, owner=case.owner),)


def _escalate(case: Case, command: cmd.Escalate, now: datetime) -> Outcome:
    refusal = _not_undecided(case)
    if refusal is not None:
        return refusal
    if case.called_at is not None and now - case.called_at < CALL_AGAIN:
        return ()
    return (ev.CaseEscalated(at=now, by=command.by.id, notify=Notify.LEAD),)


def _choose_preset(case: Case, command: cmd.ChoosePreset, now: datetime) -> Outcome:
    preset = case.policy.playbook.preset(command.preset)
    if preset is None:
        return no.Refusal(reason=no.Reason.UNKNOWN_PRESET, name=command.preset)
    return _take_decision(
        case, command, now, Verdict.VIOLATION, preset.actions, "", preset=preset.id
    )


def _decide(case: Case, command: cmd.Decide, now: datetime) -> Outcome:
    if not command.reason.strip():
        return no.Refusal(reason=no.Reason.REASON_NEEDED)
    violation = command.verdict is Verdict.VIOLATION
    if violation and not command.actions:
        return no.Refusal(reason=no.Reason.ACTIONS_NEEDED)
    actions = command.actions if violation else ()
    return _take_decision(
        case, command, now, command.verdict, actions, command.reason.strip(), command.policy
    )


def _clear(case: Case, command: cmd.Clear, now: datetime) -> Outcome:
    return _take_decision(case, command, now, Verdict.NO_VIOLATION, (), "")


def _take_decision(
    case: Case,
    command: cmd.Asked,
    now: datetime,
    verdict: Verdict,
    chosen: tuple[PresetAction, ...],
    reason: str,
    policy: str | None = None,
    preset: str | None = None,
) -> Outcome:
    refusal = _not_undecided(case) or _outdated(case, command) or _held_by_other(case, command.by)
    if refusal is not None:
        return refusal
    planned = plan(case, chosen)
    if isinstance(planned, no.Refusal):
        return planned
    rule = case.policy.playbook.policy
    decision = Decision(
        id=f"D{len(case.decisions) + 1}",
        by=command.by.id,
        at=now,
        verdict=verdict,
        actions=planned,
        preset=preset,
        policy=policy or (rule.id if rule and verdict is Verdict.VIOLATION else None),
        reason=reason[:3000],
    )
    return _decision_events(case, decision, now)


def _decision_events(case: Case, decision: Decision, now: datetime) -> tuple[ev.Event, ...]:
    """Claim if nobody has, decide, and then: ask for approval, enforce, or close."""
    by, catalog = decision.by, case.policy.catalog
    states = states_of(catalog, decision)
    events: list[ev.Event] = [] if case.owner else [ev.CaseClaimed(at=now, by=by)]
    events.append(ev.Decided(at=now, by=by, decision=decision, actions=states))
    approval = approval_for(decision.id, rules_of(catalog, states), now)
    if approval is not None:
        events.append(ev.ApprovalRequested(at=now, by=by, approval=approval))
    elif not states:
        events.append(ev.CaseClosed(at=now, by=by, verdict=decision.verdict))
    return tuple(events)


def _not_approvable(case: Case, command: cmd.Asked, now: datetime) -> no.Refusal | None:
    approval, decision = case.approval, case.decision
    if approval is None or decision is None or not approval.pending:
        return _told(case, no.Reason.NOT_WAITING)
    if now >= approval.expires_at:
        return no.Refusal(reason=no.Reason.EXPIRED, at=approval.expires_at)
    if decision.by == command.by.id:
        return no.Refusal(reason=no.Reason.OWN_DECISION)
    return _outdated(case, command)


def _approve(case: Case, command: cmd.Approve, now: datetime) -> Outcome:
    refusal = _not_approvable(case, command, now)
    if refusal is not None:
        return refusal
    assert case.approval is not None
    if any(consent.by == command.by.id for consent in case.approval.consents):
        return no.Refusal(reason=no.Reason.ALREADY_APPROVED)
    consent = consent_of(case.approval, command.by, now)
    if consent is None:
        roles = tuple(need.role for need in missing(case.approval))
        return no.Refusal(reason=no.Reason.ROLE_NEEDED, roles=roles)
    after = case.approval.model_copy(update={"consents": (*case.approval.consents, consent)})
    return (
        ev.Approved(
            at=now,
            by=command.by.id,
            decision=after.decision,
            consent=consent,
            granted=not missing(after),
        ),
    )


def _reject(case: Case, command: cmd.Reject, now: datetime) -> Outcome:
    refusal = _not_approvable(case, command, now)
    if refusal is not None:
        return refusal
    if not command.reason.strip():
        return no.Refusal(reason=no.Reason.REASON_NEEDED)
    assert case.approval is not None
    reason = command.reason.strip()[:3000]
    return (ev.Rejected(at=now, by=command.by.id, decision=case.approval.decision, reason=reason),)


def _retry(case: Case, command: cmd.Retry, now: datetime) -> Outcome:
    if not case.failed or case.decision is None:
        return _told(case, no.Reason.NOTHING_FAILED)
    return (ev.ActionRetried(at=now, by=command.by.id, decision=case.decision.id),)


def _give_up(case: Case, command: cmd.GiveUp, now: datetime) -> Outcome:
    if not case.failed or case.decision is None:
        return _told(case, no.Reason.NOTHING_FAILED)
    events = (ev.ActionsGivenUp(at=now, by=command.by.id, decision=case.decision.id),)
    return (*events, *_closing(apply_all(case, events), now))


def _undo(case: Case, command: cmd.Undo, now: datetime) -> Outcome:
    if case.phase is not Phase.CLOSED or not case.undoable or case.decision is None:
        return _told(case, no.Reason.NOTHING_TO_UNDO)
    refusal = _outdated(case, command)
    if refusal is not None:
        return refusal
    return (ev.UndoRequested(at=now, by=command.by.id, decision=case.decision.id),)


def _join(case: Case, command: cmd.JoinAlert, now: datetime) -> Outcome:
    worse = min(case.severity, command.severity, key=lambda severity: severity.rank)
    return (ev.AlertJoined(at=now, severity=worse, alert=command.alert),)


def _tick(case: Case, command: cmd.Tick, now: datetime) -> Outcome:
    approval = case.approval
    if approval is not None and approval.pending:
        return _approval_tick(case, now)
    return tuple(
        ev.CaseEscalated(at=now, notify=due.step.notify, step=due.index, unless=due.step.unless)
        for due in case.steps
        if due.at <= now
    )


def _approval_tick(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    approval = case.approval
    assert approval is not None
    if now < approval.expires_at:
        return ()
    escalate = approval.on_expiry is OnExpiry.ESCALATE
    return (
        ev.ApprovalExpired(
            at=now,
            decision=approval.decision,
            outcome=approval.on_expiry,
            renewed=now + approval.within if escalate else None,
        ),
    )


def _report(case: Case, command: cmd.Report, now: datetime) -> Outcome:
    events = reported(case, command.report, now)
    return (*events, *_closing(apply_all(case, events), now))


def _closing(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Closes a case whose decision has been carried out as far as it ever will be."""
    if case.phase is not Phase.ENFORCING or case.unsettled or case.decision is None:
        return ()
    # The decider answers for the outcome, however long the platform took.
    return (ev.CaseClosed(at=now, by=case.decision.by, verdict=case.decision.verdict),)


_RULES: dict[type[Any], Callable[[Case, Any, datetime], Outcome]] = {
    cmd.Claim: _claim,
    cmd.Release: _release,
    cmd.Escalate: _escalate,
    cmd.ChoosePreset: _choose_preset,
    cmd.Decide: _decide,
    cmd.Clear: _clear,
    cmd.Approve: _approve,
    cmd.Reject: _reject,
    cmd.Retry: _retry,
    cmd.GiveUp: _give_up,
    cmd.Undo: _undo,
    cmd.JoinAlert: _join,
    cmd.AnswerAppeal: at_case.answered,
    cmd.Tick: _tick,
    cmd.Report: _report,
}
