"""What an answered appeal does to its case, and what the case answers."""

from datetime import datetime

from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.appealing.answer import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.approval import Purpose
from workflows.domain.case_state import Case
from workflows.domain.enforcement import ACTING
from workflows.domain.history import apply_all


def answered(case: Case, command: cmd.AnswerAppeal, now: datetime) -> tuple[ev.Event, ...]:
    """The answer goes into the case's story; an overturn approves the undo of its decision."""
    answer = command.answer
    told = ev.AppealAnswered(at=now, by=answer.by, answer=answer)
    return (told, *_overturned(apply_all(case, (told,)), now))


def caught_up(before: Case, after: Case, now: datetime) -> tuple[ev.Event, ...]:
    """What was still being done when its appeal was overturned is taken back once it is done."""
    if not before.acting or before.undoing:
        return ()
    return _overturned(after, now)


def _overturned(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Takes the last decision back; nobody has to agree to that, or to it, any more.

    What is half done can't be taken back yet: the case waits for it.
    """
    answer = case.appeal
    if answer is None or not _falls(case, answer) or case.acting:
        return ()
    by, decision = answer.by, answer.decision
    off: list[ev.Event] = []
    if case.pending(Purpose.UNDO) or case.pending(Purpose.REVIEW):
        off.append(ev.ApprovalWithdrawn(at=now, by=by, decision=decision))
    if case.undoable:
        off.append(ev.UndoRequested(at=now, by=by, decision=decision))
    return tuple(off)


def _falls(case: Case, answer: AppealAnswer) -> bool:
    """Whether the last decision is the one that was overturned."""
    mine = case.decision is not None and case.decision.id == answer.decision
    return mine and answer.outcome is AppealOutcome.OVERTURNED


def settled(case: Case) -> AppealSettled | None:
    """What the appeal hears, once nothing of its decision is under way any more."""
    answer = case.appeal
    if answer is None or answer.outcome is AppealOutcome.UPHELD:
        return None
    actions = case.actions_of(answer.decision)
    if any(action.status in ACTING for action in actions):
        return None
    standing = [action for action in actions if action.standing]
    kept = sum(not action.undoable for action in standing)
    return AppealSettled(appeal=answer.appeal, left=len(standing) - kept, kept=kept)
