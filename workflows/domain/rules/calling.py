"""The ladder: calling people when nobody claims or decides in time."""

from datetime import datetime, timedelta

from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.case_state import Case
from workflows.domain.escalation import Due
from workflows.domain.playbook.model import Notify
from workflows.domain.rules.outcome import Outcome
from workflows.domain.rules.protecting import started
from workflows.domain.rules.refusing import not_undecided

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


def ladder_tick(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """The calls that are due now, and what they protect."""
    events: list[ev.Event] = []
    for due in case.steps:
        if due.at > now:
            continue
        events.append(_call(due, now))
        if due.step.protect is not None and due.round == 0:
            events += started(case, due.step.protect, now, step=due.index, after=events)
    return tuple(events)


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
