"""Hold rules: a case is snoozed until a time, or waits for information.

A specialist's snooze silences escalation and must end before the decision is due. A lead's longer
snooze, and waiting for information, pause the clocks. Without a lead the number of holds is
limited: one person could otherwise prevent a decision.

A snooze of a detector holds nothing: further alerts about the subject open and join no case.
"""

from datetime import datetime, timedelta

from workflows.domain.alerts import MANUAL_DETECTORS
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.event_base import Why
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import UNDECIDED, Case, HoldKind
from workflows.domain.case.refusals import (
    Outcome,
    Reason,
    Refusal,
    Rules,
    held_by_other,
    not_undecided,
    not_yours,
    refuse,
    text_missing,
    trimmed,
)
from workflows.domain.case.rules.assignment import claimed
from workflows.domain.people import Role

MOST_SNOOZE = timedelta(days=30)
"""Longest snooze."""
MOST_BY_SPECIALISTS = timedelta(hours=24)
"""Longest snooze of a detector without a lead."""


def snooze(case: Case, command: cmd.Snooze, now: datetime) -> Outcome:
    """Snoozes the case; past the deadline of the decision only by a lead."""
    resumed = apply_all(case, _off_hold(case, now))  # its deadlines include the current pause
    if refusal := (
        not_undecided(case)
        or not_yours(case, command.by)
        or _too_long(resumed, command, now)
        or _too_often(case, command)
    ):
        return refusal
    past_due = command.until > resumed.clock.decide
    snoozed = ev.CaseSnoozed(at=now, by=command.by.id, until=command.until, pauses=past_due)
    return (*_off_hold(case, now), *claimed(case, command.by.id, now), snoozed)


def _too_long(case: Case, command: cmd.Snooze, now: datetime) -> Refusal | None:
    if command.until <= now:
        return Refusal(reason=Reason.IN_THE_PAST)
    if command.until - now > MOST_SNOOZE:
        return Refusal(reason=Reason.TOO_LATE)
    if command.until > case.clock.decide and Role.LEAD not in command.by.roles:
        return Refusal(reason=Reason.PAST_DUE, at=case.clock.decide, roles=(Role.LEAD,))
    return None


def _too_often(case: Case, command: cmd.Snooze | cmd.Wait) -> Refusal | None:
    """Refuses another hold above the playbook's limit, except by a lead."""
    if case.holds < case.policy.playbook.holds.most or Role.LEAD in command.by.roles:
        return None
    return Refusal(reason=Reason.HELD_TOO_OFTEN, name=str(case.holds), roles=(Role.LEAD,))


def wait(case: Case, command: cmd.Wait, now: datetime) -> Outcome:
    """Waits for information, with a note, for the playbook's `waiting` at most."""
    if refusal := (
        not_undecided(case)
        or held_by_other(case, command.by)
        or text_missing(command.note)
        or _not_in_time(case, command, now)
        or _too_often(case, command)
    ):
        return refusal
    longest = now + case.policy.playbook.waiting
    until = min(command.until or longest, longest)
    waiting = ev.CaseWaiting(at=now, by=command.by.id, until=until, note=trimmed(command.note))
    return (*_off_hold(case, now), *claimed(case, command.by.id, now), waiting)


def _not_in_time(case: Case, command: cmd.Wait, now: datetime) -> Refusal | None:
    if command.until is not None and command.until <= now:
        return Refusal(reason=Reason.IN_THE_PAST)
    return None


def _off_hold(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Ends the previous hold, so that its pause is counted."""
    return () if case.hold is None else (ev.CaseResumed(at=now, why=Why.ASKED),)


def resume(case: Case, command: cmd.Resume, now: datetime) -> Outcome:
    """Takes the case off hold."""
    if refusal := not_undecided(case) or not_yours(case, command.by):
        return refusal
    if case.hold is None:
        return Refusal(reason=Reason.NOT_ON_HOLD)
    return (ev.CaseResumed(at=now, by=command.by.id, why=Why.ASKED),)


def hold_tick(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Ends a hold at its time."""
    hold = case.hold
    if hold is None or case.phase not in UNDECIDED or now < hold.until:
        return ()
    return (ev.CaseResumed(at=now, why=Why.TIME),)


def end_snooze(case: Case, worse: bool, now: datetime) -> tuple[ev.Event, ...]:
    """Ends the snooze of a case that became more severe; waiting continues."""
    hold = case.hold
    if not worse or hold is None or hold.kind is not HoldKind.SNOOZED:
        return ()
    return (ev.CaseResumed(at=now, why=Why.WORSE),)


def snooze_detector(case: Case, command: cmd.SnoozeDetector, now: datetime) -> Outcome:
    """Snoozes a detector of the case for its subject, in every phase; the longer snooze stays."""
    until = now + min(command.lasts, MOST_SNOOZE)
    if refusal := (
        _no_detector(case, command.detector)
        or text_missing(command.reason)
        or _not_so_long(command)
        or _snoozed_longer(case, command.detector, until, now)
    ):
        return refusal
    return (
        ev.DetectorSnoozed(
            at=now,
            by=command.by.id,
            detector=command.detector,
            until=until,
            severity=case.severity,
            reason=trimmed(command.reason),
        ),
    )


def _no_detector(case: Case, detector: str) -> Refusal | None:
    """Refuses people, detectors without an alert of the case, and a case that another continues."""
    if case.merged_into is not None:
        return refuse(case, Reason.CLOSED)
    if detector in case.detectors - MANUAL_DETECTORS:
        return None
    return Refusal(reason=Reason.NO_SUCH_DETECTOR, name=detector)


def _not_so_long(command: cmd.SnoozeDetector) -> Refusal | None:
    most = MOST_SNOOZE if Role.LEAD in command.by.roles else MOST_BY_SPECIALISTS
    if command.lasts <= most:
        return None
    return Refusal(reason=Reason.SNOOZE_TOO_LONG, roles=(Role.LEAD,))


def _snoozed_longer(case: Case, detector: str, until: datetime, now: datetime) -> Refusal | None:
    for each in case.snoozes:
        if each.detector == detector and each.lasts(now) and each.until >= until:
            return Refusal(reason=Reason.ALREADY_SNOOZED, by=each.by, at=each.at)
    return None


def end_snooze_of_detector(case: Case, command: cmd.EndSnooze, now: datetime) -> Outcome:
    """Ends a snooze, or all of the case, for anybody who works cases: alerts are heard again."""
    chosen = (each for each in case.snoozes if command.number in (None, each.number))
    ended = tuple(
        ev.SnoozeEnded(at=now, by=command.by.id, detector=each.detector)
        for each in chosen
        if each.lasts(now)
    )
    return ended or Refusal(reason=Reason.NOT_SNOOZED)


RULES: Rules = {
    cmd.SnoozeDetector: snooze_detector,
    cmd.EndSnooze: end_snooze_of_detector,
    cmd.Snooze: snooze,
    cmd.Wait: wait,
    cmd.Resume: resume,
}
