"""Escalation rules: calls to people when a case is not claimed or decided in time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.escalation import Due
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Outcome, Rules, not_undecided
from workflows.domain.case.rules.protections import paused, spared, start, trusted
from workflows.domain.policy.limits import Exempt, Full
from workflows.domain.policy.playbook import Notify

CALL_AGAIN = timedelta(minutes=5)
"""Time in which a second call for the lead has no effect."""


def escalate(case: Case, command: cmd.Escalate, now: datetime) -> Outcome:
    """Calls the lead."""
    if refusal := not_undecided(case):
        return refusal
    if case.called_at is not None and now - case.called_at < CALL_AGAIN:
        return ()
    return (ev.CaseEscalated(at=now, by=command.by.id, notify=Notify.LEAD),)


def acknowledge(case: Case, command: cmd.Acknowledge, now: datetime) -> Outcome:
    """Acknowledges: steps with `unless: acknowledged` are not called."""
    if refusal := not_undecided(case):
        return refusal
    if case.acknowledged_by is not None:
        return ()
    return (ev.CaseAcknowledged(at=now, by=command.by.id),)


def miss_call(case: Case, command: cmd.MissCall, now: datetime) -> Outcome:
    """Records a call that missed people, unless nobody is needed any more."""
    waits = case.approval is not None and case.approval.pending
    if not_undecided(case) and not waits:
        return ()
    return (
        ev.CallMissed(
            at=now,
            notify=command.notify,
            step=command.step,
            role=command.role,
            person=command.person,
            missed=command.missed,
            nobody=command.nobody,
        ),
    )


def ladder_tick(
    case: Case, now: datetime, pauses: Iterable[AutomationPause] = (), limit: Full | None = None
) -> tuple[ev.Event, ...]:
    """The calls that are due, with their protections unless a pause or `limit` prevents them."""
    pauses = tuple(pauses)
    events: list[ev.Event] = []
    for due in case.steps:
        if due.at > now:
            continue
        events.append(_call(due, now))
        if due.step.protect is not None and due.round == 0:
            begun = start(case, due.step.protect, now, step=due.index, after=events)
            exempt, pause = spared(case, begun), paused(case, begun, pauses)
            safe = trusted(case, begun)
            if begun and (pause or limit or exempt or safe):
                cause = {"trusted": True} if safe else _cause(exempt, pause, limit)
                begun = (ev.ProtectionWithheld(at=now, step=due.index, **cause),)
            events += begun
    return tuple(events)


def _cause(
    exempt: Exempt | None, pause: AutomationPause | None, limit: Full | None
) -> dict[str, Any]:
    if exempt is not None:
        return {"exempt": exempt}
    return {"limit": limit} if pause is None else {"pause": pause}


def protects_by(case: Case, now: datetime) -> bool:
    """Whether a call that is due at `now` has a protection."""
    due = (each for each in case.steps if each.at <= now and each.round == 0)
    return any(each.step.protect is not None for each in due)


def _call(due: Due, now: datetime) -> ev.CaseEscalated:
    step = due.step
    return ev.CaseEscalated(
        at=now,
        notify=step.notify,
        step=due.index,
        unless=step.unless,
        role=step.role,
        person=step.person,
        via=step.via,
        round=due.round,
        last=due.last,
    )


RULES: Rules = {
    cmd.Acknowledge: acknowledge,
    cmd.Escalate: escalate,
    cmd.MissCall: miss_call,
}
