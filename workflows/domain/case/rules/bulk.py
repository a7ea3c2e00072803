"""Bulk rules: decide for many subjects, stop, and progress."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import BULK, MOST, Bulk
from workflows.domain.case.decision import Decision, NoticeStatus, PlannedAction, Verdict
from workflows.domain.case.enforcement import ActionStatus, EnforcementReport
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.planning import bulk_limit, lasting, not_offered, target, unknown_rule
from workflows.domain.case.refusals import Outcome, Reason, Refusal, Rules, refuse, trimmed
from workflows.domain.case.rules.decisions import take
from workflows.domain.policy.playbook import PresetAction


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
    if refusal := not_offered(case, command.actions) or unknown_rule(case, command.policy):
        return refusal
    bulk, type_ = command.bulk, type_of(case, command.actions)
    if isinstance(type_, Refusal):
        return take(case, command, now, Verdict.VIOLATION, type_)
    own: dict[str, Any] = {
        "reason": trimmed(command.reason),
        "policy": command.policy,
        "confirms": _confirmed(case, command, type_),
        "over_limit": command.over_limit or (bulk and bulk.count > bulk_limit(case.policy).bulk),
        "bulk": bulk,
    }
    return take(case, command, now, Verdict.VIOLATION, _plan(case, command, type_), **own)


def _plan(case: Case, command: cmd.DecideBulk, type_: str) -> tuple[PlannedAction, ...] | Refusal:
    bulk = command.bulk
    refusal = None if bulk is None else _unfit(command, bulk, type_)
    subject = Subject(type=BULK, id="unread") if bulk is None else bulk.subject
    planned: dict[str, PlannedAction] = {}
    for each in command.actions:
        lasts = lasting(case.policy.catalog.actions[each.action], each)
        if isinstance(lasts, Refusal):
            return refusal or lasts
        planned[each.action] = PlannedAction(action=each.action, subject=subject, lasts=lasts)
    unread = Refusal(reason=Reason.BULK_UNREAD) if bulk is None else None
    return refusal or unread or tuple(planned.values())


def _unfit(command: cmd.DecideBulk, bulk: Bulk, type_: str) -> Refusal | None:
    if bulk.type != type_:
        return Refusal(reason=Reason.BULK_MIXED)
    if bulk.count > MOST:
        return Refusal(reason=Reason.BULK_TOO_LARGE, name=f"{bulk.count:,}")
    if bulk.count == 0:
        return Refusal(reason=Reason.BULK_EMPTY)
    if bulk.exempt:
        return Refusal(reason=Reason.BULK_EXEMPT, name=bulk.exempt)
    if command.seen is not None and bulk.count > command.seen:
        # A person only decides for as many subjects as they were shown.
        return Refusal(reason=Reason.BULK_GREW, name=f"{bulk.count - command.seen:,}")
    return None


def _confirmed(case: Case, command: cmd.DecideBulk, type_: str) -> tuple[str, ...]:
    """The protections that the decision takes over: those of the subject it starts from."""
    own = target(case, type_, command.version)
    if own is None:
        return ()
    keys = {PlannedAction(action=each.action, subject=own).key for each in command.actions}
    return tuple(each.id for each in case.protecting if each.action in keys)


def stop(case: Case, command: cmd.StopBulk, now: datetime) -> Outcome:
    """Stops the running bulk decision, also from an outdated card."""
    decision = _enforced(case)
    running = any(each.status is ActionStatus.PENDING for each in case.current_actions)
    if decision is None or not running:
        return refuse(case, Reason.NOTHING_RUNNING)
    if case.bulk_decisions[decision.id].stopped_by is not None:
        return ()
    return (ev.BulkStopped(at=now, by=command.by.id, decision=decision.id),)


def _enforced(case: Case) -> Decision | None:
    """The bulk decision that is being carried out, or None."""
    bulk = case.phase is Phase.ENFORCING and case.decision is not None and case.decision.bulk
    return case.decision if bulk else None


def tally_events(case: Case, report: EnforcementReport, now: datetime) -> tuple[ev.Event, ...]:
    """The event of a newer tally; an older one is ignored."""
    bulk, tally = case.bulk_decisions.get(report.decision), report.tally
    if bulk is None or tally is None or tally.step <= bulk.tally.step:
        return ()
    return (ev.BulkProgressed(at=now, decision=report.decision, tally=tally),)


def is_notifying(case: Case, decision: str) -> bool:
    """Whether notices of a bulk decision are being sent, or sent again."""
    state, notice = case.bulk_decisions.get(decision), case.notices.get(decision)
    if state is None:
        return False
    again = notice is not None and notice.status is NoticeStatus.PENDING
    return state.tally.notices_retrying > 0 or (again and state.tally.notices_failed > 0)


def reset_if_nothing_done(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Makes the case undecided after a stop before the first subject."""
    decision = _enforced(case)
    going = any(each.status is not ActionStatus.SKIPPED for each in case.current_actions)
    if decision is None or going:
        return ()
    by = case.bulk_decisions[decision.id].stopped_by
    return (ev.ActionsGivenUp(at=now, by=by, decision=decision.id),)


RULES: Rules = {
    cmd.DecideBulk: decide_bulk,
    cmd.StopBulk: stop,
}
