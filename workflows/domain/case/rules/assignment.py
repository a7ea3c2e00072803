"""Assignment rules: claim, release, hand-over, watch, notes, and the expiry of claims."""

from datetime import datetime, timedelta

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import (
    Outcome,
    Reason,
    Refusal,
    Rules,
    held_by_other,
    not_undecided,
    not_yours,
    text_missing,
    trimmed,
)
from workflows.domain.people import WORKING_ROLES

LEAST_WARNING = timedelta(minutes=5)
"""Minimum time between a late warning and the end of the claim."""

SETTLES = timedelta(seconds=1.5)
"""Time after a claim in which a press may have been meant for the card before it."""

_ACTING = (
    cmd.DecisionCommand
    | cmd.MarkNoViolation
    | cmd.LiftProtection
    | cmd.Approve
    | cmd.Reject
    | cmd.Retry
    | cmd.GiveUp
    | cmd.Undo
)
"""Commands that decide, approve or act at the platform."""


def claim(case: Case, command: cmd.Claim, now: datetime) -> Outcome:
    """The first claim wins; another one by the same person has no effect."""
    if refusal := not_undecided(case) or held_by_other(case, command.by):
        return refusal
    return claimed(case, command.by.id, now, command.received_at)


def claimed(
    case: Case, person: str, now: datetime, received_at: datetime | None = None
) -> tuple[ev.Event, ...]:
    """Claims an open case for the person; `received_at` belongs to a press of Claim."""
    if case.owner:
        return ()
    due = case.claim_due(now)
    return (ev.CaseClaimed(at=now, by=person, received_at=received_at, due=due),)


def just_claimed(case: Case, command: cmd.PersonCommandBase) -> Refusal | None:
    """Refuses what acts right after the person's own claim.

    The claim redraws the card: a second click on its place hits the button that moved there.
    """
    claim, press = case.claim_received_at, command.received_at
    if claim is None or press is None or case.owner != command.by.id:
        return None
    if not isinstance(command, _ACTING) or not timedelta() <= press - claim < SETTLES:
        return None
    return Refusal(reason=Reason.JUST_CLAIMED)


def release(case: Case, command: cmd.Release, now: datetime) -> Outcome:
    """Releases the case, by its owner or a lead."""
    if refusal := not_undecided(case) or not_yours(case, command.by) or _of_another(case, command):
        return refusal
    if case.owner is None:
        return ()
    return (ev.CaseReleased(at=now, by=command.by.id, owner=case.owner),)


def _of_another(case: Case, command: cmd.Release) -> Refusal | None:
    """Refuses a release by a lead that was meant for an earlier owner."""
    known = command.version is None or command.version >= case.owned_as_of
    return None if known else held_by_other(case, command.by)


def hand_over(case: Case, command: cmd.HandOver, now: datetime) -> Outcome:
    """Gives the case to a colleague with a working role; an open case is claimed first."""
    if refusal := (
        not_undecided(case)
        or not_yours(case, command.by)
        or text_missing(command.note)
        or _no_colleague(command)
    ):
        return refusal
    owner, events = case.owner or command.by.id, claimed(case, command.by.id, now)
    if owner == command.to.id:
        return events
    handed = ev.CaseHandedOver(
        at=now, by=command.by.id, owner=owner, to=command.to.id, note=trimmed(command.note)
    )
    return (*events, handed)


def _no_colleague(command: cmd.HandOver) -> Refusal | None:
    if command.to.may(WORKING_ROLES):
        return None
    roles = tuple(sorted(WORKING_ROLES))
    return Refusal(reason=Reason.NOT_A_COLLEAGUE, name=command.to.id, roles=roles)


def watch(case: Case, command: cmd.Watch, now: datetime) -> Outcome:
    watched = command.by.id in case.watchers
    return () if watched else (ev.CaseWatched(at=now, by=command.by.id),)


def unwatch(case: Case, command: cmd.Unwatch, now: datetime) -> Outcome:
    watched = command.by.id in case.watchers
    return (ev.CaseUnwatched(at=now, by=command.by.id),) if watched else ()


def add_note(case: Case, command: cmd.AddNote, now: datetime) -> Outcome:
    """Adds a note, in every phase."""
    refusal = text_missing(command.note)
    return refusal or (ev.NoteAdded(at=now, by=command.by.id, note=trimmed(command.note)),)


def claim_tick(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Warns the inactive owner, `LEAST_WARNING` before the end at least, then ends the claim."""
    ends, warns = case.claim_ends, case.claim_warns
    rule = case.policy.playbook.claims
    if case.owner is None or ends is None or rule is None:
        return ()
    if warns is not None and warns <= now:
        until = max(ends, now + min(rule.warn, LEAST_WARNING))
        return (ev.ClaimWarned(at=now, owner=case.owner, until=until),)
    return (ev.ClaimExpired(at=now, owner=case.owner),) if ends <= now else ()


RULES: Rules = {
    cmd.Claim: claim,
    cmd.Release: release,
    cmd.HandOver: hand_over,
    cmd.Watch: watch,
    cmd.Unwatch: unwatch,
    cmd.AddNote: add_note,
}
