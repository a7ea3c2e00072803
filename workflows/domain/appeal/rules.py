"""Rules and evolution of an appeal: `decide_appeal` returns events or a refusal, pure.

First of all, people who took or approved the decision are refused.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import reduce
from typing import Any

from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.model import (
    WAITING,
    Appeal,
    Appealed,
    AppealRequest,
    AppealState,
    Dismissal,
    NoticeState,
)
from workflows.domain.case import refusals as no
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.commands import PersonCommandBase
from workflows.domain.case.model import EventSummary
from workflows.domain.people import Actor
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.limits import Limits, Power, Use, use_of
from workflows.domain.values import Text

Changes = dict[str, Any]


def received(
    appeal: str,
    request: AppealRequest,
    rules: AppealRules,
    at: datetime,
    titles: dict[str, Text] | None = None,
) -> Appeal:
    """The new appeal of a request, without its decision."""
    return Appeal(id=appeal, request=request, rules=rules, received_at=at, titles=titles or {})


def apply_appeal(appeal: Appeal, event: ev.AppealEvent) -> Appeal:
    """The appeal after `event`."""
    change = _CHANGES[type(event)](appeal, event)
    return appeal.model_copy(update={"version": appeal.version + 1, **change})


def apply_all_to_appeal(appeal: Appeal, events: Iterable[ev.AppealEvent]) -> Appeal:
    """The appeal after all `events`, in their order."""
    return reduce(apply_appeal, events, appeal)


def numbered(appeal: Appeal, events: Iterable[ev.AppealEvent]) -> tuple[ev.AppealRecorded, ...]:
    """The events with their numbers; `appeal` has not applied them."""
    return tuple(
        ev.AppealRecorded(seq=seq, event=event)
        for seq, event in enumerate(events, appeal.version + 1)
    )


def _turn(appeal: Appeal, event: ev.AppealEvent) -> Changes:
    mark = EventSummary(version=appeal.version + 1, kind=event.kind, at=event.at, by=event.by)
    return {"turn": mark}


def _filed(appeal: Appeal, event: ev.AppealFiled) -> Changes:
    titles = _titles(appeal, event.appealed)
    return {"state": AppealState.OPEN, "appealed": event.appealed, "titles": titles}


def _dismissed(appeal: Appeal, event: ev.AppealDismissed) -> Changes:
    titles = _titles(appeal, event.appealed)
    ended: Changes = {"dismissal": event.why, "appealed": event.appealed, "titles": titles}
    return {"state": AppealState.DISMISSED, **ended, **_turn(appeal, event)}


def _titles(appeal: Appeal, appealed: Appealed | None) -> dict[str, Text]:
    """The titles of the decision's actions."""
    decision = appealed.decision if appealed is not None else None
    actions = {planned.action for planned in decision.actions} if decision else set()
    return {name: title for name, title in appeal.titles.items() if name in actions}


def _answered(appeal: Appeal, event: ev.AnswerEvent) -> Changes:
    upheld = event.outcome is AppealOutcome.UPHELD
    return {
        "state": AppealState.UPHELD if upheld else AppealState.UNDOING,
        "outcome": event.outcome,
        "answered_by": event.by,
        "answered_at": event.at,
        "reason": event.reason,
        **_turn(appeal, event),
    }


def _noticed(appeal: Appeal, event: ev.NoticeSent | ev.NoticeFailed) -> Changes:
    problem = event.problem if isinstance(event, ev.NoticeFailed) else None
    noted = NoticeState(kind=event.notice, problem=problem, at=event.at)
    return {"notices": (*appeal.notices, noted)}


_CHANGES: dict[type[Any], Callable[[Appeal, Any], Changes]] = {
    ev.AppealFiled: _filed,
    ev.AppealDismissed: _dismissed,
    ev.AppealClaimed: lambda appeal, event: {
        "state": AppealState.CLAIMED,
        "owner": event.by,
        "owned_since": event.at,
    },
    ev.AppealReleased: lambda appeal, event: {
        "state": AppealState.OPEN,
        "owner": None,
        "owned_since": None,
    },
    ev.AppealReminded: lambda appeal, event: {"reminded": appeal.reminded | set(event.reminders)},
    ev.AppealOverdue: lambda appeal, event: {"overdue": True},
    ev.AppealUpheld: _answered,
    ev.AppealOverturned: _answered,
    ev.AppealCarriedOut: lambda appeal, event: {
        "state": AppealState.OVERTURNED,
        "left": 0,
        "kept": event.kept,
    },
    ev.AppealUndoFailed: lambda appeal, event: {"left": event.left},
    ev.AppealLimitReached: lambda appeal, event: {},
    ev.AppealWithdrawn: lambda appeal, event: {
        "state": AppealState.WITHDRAWN,
        **_turn(appeal, event),
    },
    ev.NoticeSent: _noticed,
    ev.NoticeFailed: _noticed,
    ev.NoticeRetried: lambda appeal, event: {
        "notices": tuple(each for each in appeal.notices if each.kind is not event.notice)
    },
    ev.NoticeGivenUp: lambda appeal, event: {"given_up": True},
}


Outcome = tuple[ev.AppealEvent, ...] | no.Refusal
"""Events to apply (none: nothing changes), or the refusal."""


def decide_appeal(appeal: Appeal, command: cmd.AppealCommand, now: datetime) -> Outcome:
    """The events of `command` at `now`, possibly none, or its refusal."""
    if isinstance(command, PersonCommandBase):
        over = None if isinstance(command, cmd.RetryNotice) else _over(appeal)
        if refusal := _not_theirs(appeal, command.by) or over:
            return refusal
    return _RULES[type(command)](appeal, command, now)


def _not_theirs(appeal: Appeal, person: Actor) -> no.Refusal | None:
    """Refuses deciders with any role, and people without a reviewing role."""
    allowed = appeal.rules.may_review
    others = {"roles": tuple(sorted(allowed)), "barred": tuple(sorted(appeal.deciders))}
    if person.id in appeal.deciders:
        return no.Refusal(reason=no.Reason.OWN_APPEAL, **others)
    return None if person.may(allowed) else no.Refusal(reason=no.Reason.ROLE_NEEDED, **others)


def _over(appeal: Appeal) -> no.Refusal | None:
    return None if appeal.state in WAITING else no.refuse(appeal, no.Reason.APPEAL_OVER)


def _held_by_other(appeal: Appeal, person: Actor) -> no.Refusal | None:
    return no.held_by_other(appeal, person, ev.AppealClaimed)


def _file(appeal: Appeal, command: cmd.FileAppeal, now: datetime) -> Outcome:
    if appeal.state is not AppealState.RECEIVED:
        return ()
    found, why = command.appealed, _dismissal(appeal.request, command.appealed)
    if found is None or why is not None:
        why = why or Dismissal.UNKNOWN_CASE
        return (ev.AppealDismissed(at=now, request=appeal.request, why=why, appealed=found),)
    due = appeal.due_at
    return (ev.AppealFiled(at=now, request=appeal.request, appealed=found, due=due),)


def _dismissal(request: AppealRequest, found: Appealed | None) -> Dismissal | None:
    """The reason why there is nothing to review, or None."""
    if found is None:
        return Dismissal.UNKNOWN_CASE
    if found.is_about_other(request.subject):
        return Dismissal.OTHER_SUBJECT
    if found.decision is None or not found.effective:
        return Dismissal.NOTHING_IN_FORCE
    return None


def _claim(appeal: Appeal, command: cmd.ClaimAppeal, now: datetime) -> Outcome:
    if refusal := _held_by_other(appeal, command.by):
        return refusal
    return () if appeal.owner else (ev.AppealClaimed(at=now, by=command.by.id),)


def _release(appeal: Appeal, command: cmd.ReleaseAppeal, now: datetime) -> Outcome:
    if appeal.owner is None:
        return ()
    return no.not_yours(appeal, command.by) or (
        ev.AppealReleased(at=now, by=command.by.id, owner=appeal.owner),
    )


def _answer(appeal: Appeal, command: cmd.Uphold | cmd.Overturn, now: datetime) -> Outcome:
    if refusal := _held_by_other(appeal, command.by):
        return refusal
    reason = no.trimmed(command.reason)
    if not reason:
        return no.Refusal(reason=no.Reason.REASON_NEEDED)
    by, upholds = command.by.id, isinstance(command, cmd.Uphold)
    event = ev.AppealUpheld if upholds else ev.AppealOverturned
    answered = event(at=now, by=by, reason=reason)
    return (answered,) if appeal.owner else (ev.AppealClaimed(at=now, by=by), answered)


def _withdraw(appeal: Appeal, command: cmd.WithdrawAppeal, now: datetime) -> Outcome:
    return (ev.AppealWithdrawn(at=now),) if appeal.state in WAITING else ()


def _tick(appeal: Appeal, command: cmd.AppealTick, now: datetime) -> Outcome:
    return (*_clock(appeal, now), *_notice_clock(appeal, now))


def _notice_clock(appeal: Appeal, now: datetime) -> tuple[ev.AppealEvent, ...]:
    failed, until = appeal.undelivered, appeal.retry_until
    if failed is None or until is None or now < until:
        return ()
    return (ev.NoticeGivenUp(at=now, notice=failed.kind),)


def _clock(appeal: Appeal, now: datetime) -> tuple[ev.AppealEvent, ...]:
    if appeal.state not in WAITING or appeal.overdue:
        return ()
    if now >= appeal.due_at:
        return (ev.AppealOverdue(at=now, due=appeal.due_at),)
    due = tuple(number for number, at in appeal.reminders if at <= now)
    return (ev.AppealReminded(at=now, reminders=due, due=appeal.due_at),) if due else ()


def _note_limit(appeal: Appeal, command: cmd.NoteLimit, now: datetime) -> Outcome:
    return (ev.AppealLimitReached(at=now, by=command.by, limit=command.limit),)


def overturn_use(appeal: Appeal, command: PersonCommandBase, limits: Limits | None) -> Use | None:
    """The use to book before an overturn: each subject of the decision counts."""
    found = appeal.appealed.decision if appeal.appealed is not None else None
    if not isinstance(command, cmd.Overturn) or found is None:
        return None
    key = f"{appeal.id}/{command.by.id}"
    return use_of(limits, Power.OVERTURNS, key, command.by.id, found.subjects)


def _settle(appeal: Appeal, command: cmd.SettleAppeal, now: datetime) -> Outcome:
    if appeal.state is not AppealState.UNDOING:
        return ()
    news = command.settled
    if news.left == 0:
        return (ev.AppealCarriedOut(at=now, kept=news.kept),)
    return () if news.left == appeal.left else (ev.AppealUndoFailed(at=now, left=news.left),)


def _retry_notice(appeal: Appeal, command: cmd.RetryNotice, now: datetime) -> Outcome:
    failed = appeal.undelivered
    if failed is None:
        return no.Refusal(reason=no.Reason.NO_NOTICE_FAILED)
    return (ev.NoticeRetried(at=now, by=command.by.id, notice=failed.kind),)


def _note(appeal: Appeal, command: cmd.NoteNotice, now: datetime) -> Outcome:
    if any(notice.kind is command.notice for notice in appeal.notices):
        return ()
    if command.problem is not None:
        return (ev.NoticeFailed(at=now, notice=command.notice, problem=command.problem),)
    return (ev.NoticeSent(at=now, notice=command.notice),)


_RULES: dict[type[Any], Callable[[Appeal, Any, datetime], Outcome]] = {
    cmd.FileAppeal: _file,
    cmd.ClaimAppeal: _claim,
    cmd.ReleaseAppeal: _release,
    cmd.Uphold: _answer,
    cmd.Overturn: _answer,
    cmd.RetryNotice: _retry_notice,
    cmd.WithdrawAppeal: _withdraw,
    cmd.AppealTick: _tick,
    cmd.NoteLimit: _note_limit,
    cmd.SettleAppeal: _settle,
    cmd.NoteNotice: _note,
}
