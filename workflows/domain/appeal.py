"""The rules of an appeal: `decide_appeal(appeal, command, now) → events | refusal`, pure.

One rule stands above all others: nobody who took or approved the decision has a say in it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from workflows.domain import refusal as no
from workflows.domain.appealing import commands as cmd
from workflows.domain.appealing import events as ev
from workflows.domain.appealing.history import apply_all_to_appeal, apply_appeal
from workflows.domain.appealing.state import WAITING, Appeal, AppealState, Dismissal
from workflows.domain.commands import Asked
from workflows.domain.people import Actor, Role

Outcome = tuple[ev.AppealEvent, ...] | no.Refusal
"""Events to apply, possibly none (it is so already), or the reason why not."""

_REASON = 3_000

__all__ = ["Outcome", "apply_appeal", "decide_appeal", "decide_in_turn"]


def decide_appeal(appeal: Appeal, command: cmd.AppealCommand, now: datetime) -> Outcome:
    """What `command` makes of `appeal` at `now`: events in their order, or a refusal."""
    if isinstance(command, Asked):
        over = None if isinstance(command, cmd.RetryNotice) else _over(appeal)
        refusal = _not_theirs(appeal, command.by) or over
        if refusal is not None:
            return refusal
    return _RULES[type(command)](appeal, command, now)


def decide_in_turn(
    appeal: Appeal, commands: Iterable[cmd.AppealCommand], now: datetime
) -> tuple[tuple[ev.AppealEvent, ...], no.Refusal | None]:
    """What several commands make of `appeal`, one after another, up to the first refusal."""
    events: list[ev.AppealEvent] = []
    for command in commands:
        outcome = decide_appeal(apply_all_to_appeal(appeal, events), command, now)
        if isinstance(outcome, no.Refusal):
            return tuple(events), outcome
        events += outcome
    return tuple(events), None


def _not_theirs(appeal: Appeal, person: Actor) -> no.Refusal | None:
    """Whoever decided is refused before anything else is looked at, whatever their roles."""
    allowed = appeal.rules.may_review
    others = {"roles": tuple(sorted(allowed)), "barred": tuple(sorted(appeal.deciders))}
    if person.id in appeal.deciders:
        return no.Refusal(reason=no.Reason.OWN_APPEAL, **others)
    return None if person.may(allowed) else no.Refusal(reason=no.Reason.ROLE_NEEDED, **others)


def _over(appeal: Appeal) -> no.Refusal | None:
    if appeal.state in WAITING:
        return None
    mark = appeal.turn
    if mark is None:
        return no.Refusal(reason=no.Reason.APPEAL_OVER)
    return no.Refusal(reason=no.Reason.APPEAL_OVER, by=mark.by, at=mark.at, what=mark.kind)


def _held_by_other(appeal: Appeal, person: Actor) -> no.Refusal | None:
    if appeal.owner in (None, person.id):
        return None
    return no.Refusal(
        reason=no.Reason.CLAIMED_BY_OTHER,
        by=appeal.owner,
        at=appeal.owned_since,
        what="appeal_claimed",
    )


def _file(appeal: Appeal, command: cmd.FileAppeal, now: datetime) -> Outcome:
    if appeal.state is not AppealState.RECEIVED:
        return ()
    found = command.appealed
    if found is None:
        why = Dismissal.UNKNOWN_CASE
        return (ev.AppealDismissed(at=now, request=appeal.request, why=why),)
    if found.decision is None or not found.effective:
        why = Dismissal.NOTHING_STANDS
        return (ev.AppealDismissed(at=now, request=appeal.request, why=why, appealed=found),)
    due = appeal.due_at
    return (ev.AppealFiled(at=now, request=appeal.request, appealed=found, due=due),)


def _claim(appeal: Appeal, command: cmd.ClaimAppeal, now: datetime) -> Outcome:
    refusal = _held_by_other(appeal, command.by)
    if refusal is not None:
        return refusal
    return () if appeal.owner else (ev.AppealClaimed(at=now, by=command.by.id),)


def _release(appeal: Appeal, command: cmd.ReleaseAppeal, now: datetime) -> Outcome:
    if appeal.owner is None:
        return ()
    if appeal.owner != command.by.id and Role.LEAD not in command.by.roles:
        since = appeal.owned_since
        return no.Refusal(reason=no.Reason.NOT_YOURS, by=appeal.owner, at=since, roles=(Role.LEAD,))
    return (ev.AppealReleased(at=now, by=command.by.id, owner=appeal.owner),)


def _uphold(appeal: Appeal, command: cmd.Uphold, now: datetime) -> Outcome:
    return _answer(appeal, command, now, ev.AppealUpheld)


def _overturn(appeal: Appeal, command: cmd.Overturn, now: datetime) -> Outcome:
    return _answer(appeal, command, now, ev.AppealOverturned)


def _answer(
    appeal: Appeal,
    command: cmd.Uphold | cmd.Overturn,
    now: datetime,
    event: type[ev.AppealUpheld] | type[ev.AppealOverturned],
) -> Outcome:
    refusal = _held_by_other(appeal, command.by)
    if refusal is not None:
        return refusal
    reason = command.reason.strip()[:_REASON]
    if not reason:
        return no.Refusal(reason=no.Reason.REASON_NEEDED)
    by = command.by.id
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
    cmd.Uphold: _uphold,
    cmd.Overturn: _overturn,
    cmd.RetryNotice: _retry_notice,
    cmd.WithdrawAppeal: _withdraw,
    cmd.AppealTick: _tick,
    cmd.SettleAppeal: _settle,
    cmd.NoteNotice: _note,
}
