"""What an answered appeal does to its case, and what the case answers."""

from datetime import datetime

from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.appealing.answer import AppealOutcome, AppealSettled
from workflows.domain.case_state import Case
from workflows.domain.enforcement import ActionStatus

_UNDER_WAY = frozenset({ActionStatus.PENDING, ActionStatus.RETRYING, ActionStatus.UNDOING})


def answered(case: Case, command: cmd.AnswerAppeal, now: datetime) -> tuple[ev.Event, ...]:
    """The answer goes into the case's story; an overturn approves the undo of its decision."""
    answer = command.answer
    told = ev.AppealAnswered(at=now, by=answer.by, answer=answer)
    mine = case.decision is not None and case.decision.id == answer.decision
    if answer.outcome is AppealOutcome.UPHELD or not mine or not case.undoable:
        return (told,)
    return (told, ev.UndoRequested(at=now, by=answer.by, decision=answer.decision))


def settled(case: Case) -> AppealSettled | None:
    """What the appeal hears, once nothing of its decision is under way any more."""
    answer = case.appeal
    if answer is None or answer.outcome is AppealOutcome.UPHELD:
        return None
    actions = case.actions_of(answer.decision)
    if any(action.status in _UNDER_WAY for action in actions):
        return None
    standing = [action for action in actions if action.standing]
    kept = sum(not action.undoable for action in standing)
    return AppealSettled(appeal=answer.appeal, left=len(standing) - kept, kept=kept)
