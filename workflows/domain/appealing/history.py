"""What each event changes: `apply_appeal(appeal, event) → appeal`, without rules."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import reduce
from typing import Any

from workflows.domain.appealing import events as ev
from workflows.domain.appealing.answer import AppealOutcome
from workflows.domain.appealing.request import AppealRequest
from workflows.domain.appealing.state import Appeal, Appealed, AppealState, NoticeState
from workflows.domain.case_state import Mark
from workflows.domain.playbook.appeals import AppealRules
from workflows.domain.text import Text

Changes = dict[str, Any]


def received(
    appeal: str,
    request: AppealRequest,
    rules: AppealRules,
    at: datetime,
    titles: dict[str, Text] | None = None,
) -> Appeal:
    """The appeal that a request begins, before anything is known of its decision."""
    return Appeal(id=appeal, request=request, rules=rules, received_at=at, titles=titles or {})


def apply_appeal(appeal: Appeal, event: ev.AppealEvent) -> Appeal:
    """The appeal after `event`."""
    change = _CHANGES[type(event)](appeal, event)
    return appeal.model_copy(update={"version": appeal.version + 1, **change})


def apply_all_to_appeal(appeal: Appeal, events: Iterable[ev.AppealEvent]) -> Appeal:
    """The appeal after all `events`, in their order."""
    return reduce(apply_appeal, events, appeal)


def numbered(appeal: Appeal, events: Iterable[ev.AppealEvent]) -> tuple[ev.AppealRecorded, ...]:
    """The events with their places in the story of `appeal`, which has not applied them yet."""
    return tuple(
        ev.AppealRecorded(seq=seq, event=event)
        for seq, event in enumerate(events, appeal.version + 1)
    )


def _turn(appeal: Appeal, event: ev.AppealEvent) -> Changes:
    mark = Mark(version=appeal.version + 1, kind=event.kind, at=event.at, by=event.by)
    return {"turn": mark}


def _filed(appeal: Appeal, event: ev.AppealFiled) -> Changes:
    titles = _titles(appeal, event.appealed)
    return {"state": AppealState.OPEN, "appealed": event.appealed, "titles": titles}


def _dismissed(appeal: Appeal, event: ev.AppealDismissed) -> Changes:
    titles = _titles(appeal, event.appealed)
    ended: Changes = {"dismissal": event.why, "appealed": event.appealed, "titles": titles}
    return {"state": AppealState.DISMISSED, **ended, **_turn(appeal, event)}


def _titles(appeal: Appeal, appealed: Appealed | None) -> dict[str, Text]:
    """Of all the actions that there are, the titles of those that the decision names."""
    decision = appealed.decision if appealed is not None else None
    named = {planned.action for planned in decision.actions} if decision else set()
    return {name: title for name, title in appeal.titles.items() if name in named}


def _claimed(appeal: Appeal, event: ev.AppealClaimed) -> Changes:
    return {"state": AppealState.CLAIMED, "owner": event.by, "owned_since": event.at}


def _released(appeal: Appeal, event: ev.AppealReleased) -> Changes:
    return {"state": AppealState.OPEN, "owner": None, "owned_since": None}


def _reminded(appeal: Appeal, event: ev.AppealReminded) -> Changes:
    return {"reminded": appeal.reminded | set(event.reminders)}


def _overdue(appeal: Appeal, event: ev.AppealOverdue) -> Changes:
    return {"overdue": True}


def _answered(appeal: Appeal, event: ev.AppealUpheld | ev.AppealOverturned) -> Changes:
    return {
        "answered_by": event.by,
        "answered_at": event.at,
        "reason": event.reason,
        **_turn(appeal, event),
    }


def _upheld(appeal: Appeal, event: ev.AppealUpheld) -> Changes:
    ended = {"state": AppealState.UPHELD, "outcome": AppealOutcome.UPHELD}
    return {**ended, **_answered(appeal, event)}


def _overturned(appeal: Appeal, event: ev.AppealOverturned) -> Changes:
    begun = {"state": AppealState.UNDOING, "outcome": AppealOutcome.OVERTURNED}
    return {**begun, **_answered(appeal, event)}


def _carried_out(appeal: Appeal, event: ev.AppealCarriedOut) -> Changes:
    return {"state": AppealState.OVERTURNED, "left": 0, "kept": event.kept}


def _undo_failed(appeal: Appeal, event: ev.AppealUndoFailed) -> Changes:
    return {"left": event.left}


def _withdrawn(appeal: Appeal, event: ev.AppealWithdrawn) -> Changes:
    return {"state": AppealState.WITHDRAWN, **_turn(appeal, event)}


def _noticed(appeal: Appeal, event: ev.NoticeSent | ev.NoticeFailed) -> Changes:
    problem = event.problem if isinstance(event, ev.NoticeFailed) else None
    noted = NoticeState(kind=event.notice, problem=problem, at=event.at)
    return {"notices": (*appeal.notices, noted)}


def _retried(appeal: Appeal, event: ev.NoticeRetried) -> Changes:
    return {"notices": tuple(each for each in appeal.notices if each.kind is not event.notice)}


def _notice_given_up(appeal: Appeal, event: ev.NoticeGivenUp) -> Changes:
    return {"given_up": True}


_CHANGES: dict[type[Any], Callable[[Appeal, Any], Changes]] = {
    ev.AppealFiled: _filed,
    ev.AppealDismissed: _dismissed,
    ev.AppealClaimed: _claimed,
    ev.AppealReleased: _released,
    ev.AppealReminded: _reminded,
    ev.AppealOverdue: _overdue,
    ev.AppealUpheld: _upheld,
    ev.AppealOverturned: _overturned,
    ev.AppealCarriedOut: _carried_out,
    ev.AppealUndoFailed: _undo_failed,
    ev.AppealWithdrawn: _withdrawn,
    ev.NoticeSent: _noticed,
    ev.NoticeFailed: _noticed,
    ev.NoticeRetried: _retried,
    ev.NoticeGivenUp: _notice_given_up,
}
