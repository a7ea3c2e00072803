"""Intake rules: alerts that join a case, and merged cases."""

from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import (
    Outcome,
    Reason,
    Refusal,
    Rules,
    held_by_other,
    not_undecided,
    outdated,
)
from workflows.domain.case.rules.holds import end_snooze
from workflows.domain.policy.playbook import Severity


def join(case: Case, command: cmd.JoinAlert, now: datetime) -> Outcome:
    """Adds an alert; the severity never decreases."""
    worse = command.severity.rank < case.severity.rank
    severity = command.severity if worse else case.severity
    joined = ev.AlertJoined(at=now, severity=severity, alert=command.alert)
    return (joined, *end_snooze(case, worse, now))


MANY = 5
"""Alerts of a case from which on further ones may be debounced."""


def only_counts(case: Case, severity: Severity, acts: bool) -> bool:
    """Whether an alert is not among the first, no worse, and makes Koban not act (`acts`)."""
    if case.alerts < MANY or case.phase is Phase.CLOSED:
        return False
    return severity.rank >= case.severity.rank and not acts


def merge(case: Case, command: cmd.Merge, now: datetime) -> Outcome:
    """Ends this case; another one on the same subject continues it."""
    refusal = (
        not_undecided(case)
        or outdated(case, command)
        or held_by_other(case, command.by)
        or _no_target(case, command)
    )
    return refusal or (
        ev.CaseMerged(at=now, by=command.by.id, into=command.into, workflow_id=command.workflow_id),
    )


def _no_target(case: Case, command: cmd.Merge) -> Refusal | None:
    if command.into == case.id:
        return Refusal(reason=Reason.SAME_CASE)
    if command.subject is None:
        return Refusal(reason=Reason.UNKNOWN_CASE, name=command.into)
    if command.subject != case.subject:
        return Refusal(reason=Reason.OTHER_SUBJECT, name=command.into)
    return None


def absorb(case: Case, command: cmd.Absorb, now: datetime) -> Outcome:
    """Continues a merged case; a second delivery has no effect."""
    if command.case in case.absorbed:
        return ()
    absorbed = ev.CaseAbsorbed(at=now, by=command.by, case=command.case, alerts=command.alerts)
    if case.merged_into == command.case and case.id < command.case:
        # Both were merged into each other at the same time: one of them continues.
        return (ev.CaseReopened(at=now, by=command.by, reason=""), absorbed)
    return (absorbed,)


RULES: Rules = {
    cmd.JoinAlert: join,
    cmd.Merge: merge,
    cmd.Absorb: absorb,
}
