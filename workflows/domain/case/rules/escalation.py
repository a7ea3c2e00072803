"""The ladder: calling people when nobody claims or decides in time."""

from datetime import datetime, timedelta

from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.escalation import Due
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Outcome, Rules, not_undecided
from workflows.domain.case.rules.protections import started
from workflows.domain.policy.playbook import Notify

CALL_AGAIN = timedelta(minutes=5)
"""A second call for the lead within this time changes nothing."""


def escalate(case: Case, command: cmd.Escalate, now: datetime) -> Outcome:
    """A person calls the lead."""
    refusal = not_undecided(case)
    if refusal is not None:
        return refusal
    if case.called_at is not None and now - case.called_at < CALL_AGAIN:
        return ()
    return (ev.CaseEscalated(at=now, by=command.by.id, notify=Notify.LEAD),)


def acknowledge(case: Case, command: cmd.Acknowledge, now: datetime) -> Outcome:
    """Somebody has seen it: steps that only wait for that fall silent."""
    refusal = not_undecided(case)
    if refusal is not None:
        return refusal
    if case.acknowledged_by is not None:
        return ()
    return (ev.CaseAcknowledged(at=now, by=command.by.id),)


def ladder_tick(
    case: Case, now: datetime, halt: AutomationPause | None = None
) -> tuple[ev.Event, ...]:
    """The calls that are due now, and what they protect unless a `halt` keeps them from it."""
    events: list[ev.Event] = []
    for due in case.steps:
        if due.at > now:
            continue
        events.append(_call(due, now))
        if due.step.protect is not None and due.round == 0:
            begun = started(case, due.step.protect, now, step=due.index, after=events)
            events += begun if halt is None else _withheld(begun, halt, due, now)
    return tuple(events)


def protects_by(case: Case, now: datetime) -> bool:
    """Whether a call that is due at `now` protects something."""
    due = (each for each in case.steps if each.at <= now and each.round == 0)
    return any(each.step.protect is not None for each in due)


def _withheld(
    begun: tuple[ev.Event, ...], halt: AutomationPause, due: Due, now: datetime
) -> tuple[ev.Event, ...]:
    return (ev.ProtectionWithheld(at=now, halt=halt, step=due.index),) if begun else ()


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
}
