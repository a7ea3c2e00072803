"""Bulk rules: decide for many subjects, stop, and progress."""

from collections.abc import Iterable
from datetime import datetime

from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import MOST, Bulk
from workflows.domain.case.decision import Decision, PlannedAction, Verdict
from workflows.domain.case.enforcement import ActionStatus, EnforcementReport
from workflows.domain.case.model import Case, Phase, latest
from workflows.domain.case.planning import lasting
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules, refuse, trimmed
from workflows.domain.case.rules.decisions import bulk_limit, take
from workflows.domain.case.rules.protections import unseen
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.playbook import PresetAction


def start_of(case: Case, type_: str, version: int | None = None) -> Subject | None:
    """The subject of `type_` from which look-ups start, on the card of `version`."""
    if case.subject.type == type_:
        return case.subject
    return latest(case.sightings, type_, version)


def type_of(case: Case, chosen: Iterable[PresetAction]) -> str | Refusal:
    """The subject type of the chosen actions, or a refusal if it differs."""
    types = set()
    for each in chosen:
        spec = case.policy.catalog.find(each.action)
        if spec is None:
            return Refusal(reason=Reason.UNKNOWN_ACTION, name=each.action)
        types.add(spec.subject)
    if len(types) > 1:
        return Refusal(reason=Reason.BULK_MIXED)
    return types.pop() if types else Refusal(reason=Reason.ACTIONS_NEEDED)


def decide_bulk(case: Case, command: cmd.DecideBulk, now: datetime) -> Outcome:
    """Decides for all subjects of `command.bulk`.

    Without `bulk` all other refusals come before `BULK_UNREAD`: the subjects are read from the
    ledger only if nothing else refuses the command.
    """
    if not case.policy.playbook.bulk:
        return Refusal(reason=Reason.BULK_NOT_ALLOWED)
    if not command.reason.strip():
        return Refusal(reason=Reason.REASON_NEEDED)
    decision = _decision(case, command, now)
    return take(case, command, decision, now, reason=trimmed(command.reason), policy=command.policy)


def _decision(case: Case, command: cmd.DecideBulk, now: datetime) -> Decision | Refusal:
    type_ = type_of(case, command.actions)
    if isinstance(type_, Refusal):
        return type_
    bulk = command.bulk
    if bulk is None:
        return _too_long(case, command) or Refusal(reason=Reason.BULK_UNREAD)
    planned = _plan(case, command, bulk)
    refusal = _unfit(command, bulk, type_)
    if refusal is not None or isinstance(planned, Refusal):
        return refusal or planned  # type: ignore[return-value]
    playbook = case.policy.playbook
    return Decision(
        id=f"D{len(case.decisions) + 1}",
        by=command.by.id,
        at=now,
        verdict=Verdict.VIOLATION,
        actions=planned,
        policy=playbook.policy.id if playbook.policy else None,
        conduct=playbook.conduct,
        confirms=_confirmed(case, command, type_),
        leaves=unseen(case, command),
        over_limit=command.over_limit or bulk.count > bulk_limit(case).bulk,
        dry_run=playbook.dry_run,
        bulk=bulk,
    )


def _unfit(command: cmd.DecideBulk, bulk: Bulk, type_: str) -> Refusal | None:
    if bulk.type != type_:
        return Refusal(reason=Reason.BULK_MIXED)
    if bulk.count > MOST:
        return Refusal(reason=Reason.BULK_TOO_LARGE, name=f"{bulk.count:,}")
    if bulk.count == 0:
        return Refusal(reason=Reason.BULK_EMPTY)
    if command.seen is not None and bulk.count > command.seen:
        # A person only decides for as many subjects as they were shown.
        return Refusal(reason=Reason.BULK_GREW, name=f"{bulk.count - command.seen:,}")
    return None


def _plan(case: Case, command: cmd.DecideBulk, bulk: Bulk) -> tuple[PlannedAction, ...] | Refusal:
    planned: dict[str, PlannedAction] = {}
    for each in command.actions:
        lasts = lasting(_spec(case, each), each)
        if isinstance(lasts, Refusal):
            return lasts
        planned[each.action] = PlannedAction(action=each.action, subject=bulk.subject, lasts=lasts)
    return tuple(planned.values())


def _too_long(case: Case, command: cmd.DecideBulk) -> Refusal | None:
    found = (lasting(_spec(case, each), each) for each in command.actions)
    return next((each for each in found if isinstance(each, Refusal)), None)


def _spec(case: Case, chosen: PresetAction) -> ActionSpec:
    return case.policy.catalog.actions[chosen.action]


def _confirmed(case: Case, command: cmd.DecideBulk, type_: str) -> tuple[str, ...]:
    """The protections that the decision takes over: those of the subject it starts from."""
    own = start_of(case, type_, command.version)
    if own is None:
        return ()
    keys = {PlannedAction(action=each.action, subject=own).key for each in command.actions}
    return tuple(each.id for each in case.protecting if each.action in keys)


def stop(case: Case, command: cmd.StopBulk, now: datetime) -> Outcome:
    """Stops the running bulk decision, also from an outdated card."""
    decision = case.decision
    running = any(each.status is ActionStatus.PENDING for each in case.current_actions)
    if case.phase is not Phase.ENFORCING or decision is None or decision.bulk is None:
        return refuse(case, Reason.NOTHING_RUNNING)
    if not running:
        return refuse(case, Reason.NOTHING_RUNNING)
    if case.bulk_decisions[decision.id].stopped_by is not None:
        return ()
    return (ev.BulkStopped(at=now, by=command.by.id, decision=decision.id),)


def tally_events(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The event of a newer tally; an older one is ignored."""
    bulk, tally = case.bulk_decisions.get(report.decision), report.tally
    if bulk is None or tally is None or tally.step <= bulk.tally.step:
        return ()
    return (ev.BulkProgressed(at=now, decision=report.decision, tally=tally),)


def reset_if_nothing_done(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Makes the case undecided after a stop before the first subject."""
    decision = case.decision
    if case.phase is not Phase.ENFORCING or decision is None or decision.bulk is None:
        return ()
    if any(each.status is not ActionStatus.SKIPPED for each in case.current_actions):
        return ()
    by = case.bulk_decisions[decision.id].stopped_by
    return (ev.ActionsGivenUp(at=now, by=by, decision=decision.id),)


RULES: Rules = {
    cmd.DecideBulk: decide_bulk,
    cmd.StopBulk: stop,
}
