"""Appeal rules: the answer to an appeal, the undo after an overturn, and its result."""

from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.case.enforcement import ACTING
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import UNDECIDED, Case, Phase
from workflows.domain.case.refusals import Rules
from workflows.domain.case.rules.approvals import close, give_up_failed, undo


def answer(case: Case, command: cmd.AnswerAppeal, now: datetime) -> tuple[ev.Event, ...]:
    """Records the answer; an overturn approves the undo of its decision."""
    answer = command.answer
    event = ev.AppealAnswered(at=now, by=answer.by, answer=answer)
    return (event, *_overturned(apply_all(case, (event,)), now))


def undo_overturned(before: Case, after: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Undoes a decision that was overturned while its actions were in progress."""
    if not before.acting or before.undoing:
        return ()
    return _overturned(after, now)


def _overturned(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Undoes the decision without an approval, and ends its pending one.

    Actions in progress can't be undone: the case waits for them. Failed ones are not retried.
    """
    answer = case.appeal
    if answer is None or not _is_overturned(case, answer) or case.acting:
        return ()
    by, decision = answer.by, answer.decision
    events: list[ev.Event] = []
    if case.approval and case.approval.pending and case.approval.decision == decision:
        events.append(ev.ApprovalWithdrawn(at=now, by=by, decision=decision))
    events += give_up_failed(apply_all(case, events), decision, now, by)
    events += close(apply_all(case, events), now)
    return (*events, *undo(case, decision, now, by))


def _is_overturned(case: Case, answer: AppealAnswer) -> bool:
    """Whether a decision for one subject was overturned, and no later one is carried out."""
    bulk = any(each.id == answer.decision and each.bulk for each in case.decisions)
    last = case.decision is not None and case.decision.id == answer.decision
    free = last or case.phase in (Phase.CLOSED, *UNDECIDED)
    return free and not bulk and answer.outcome is AppealOutcome.OVERTURNED


def settled(case: Case) -> AppealSettled | None:
    """The result for the appeal, once no action of the decision is in progress."""
    answer = case.appeal
    if answer is None or answer.outcome is AppealOutcome.UPHELD:
        return None
    actions = case.actions_of(answer.decision)
    if any(action.status in ACTING for action in actions):
        return None
    in_force = [action for action in actions if action.in_force]
    kept = sum(not action.undoable for action in in_force)
    return AppealSettled(appeal=answer.appeal, left=len(in_force) - kept, kept=kept)


RULES: Rules = {cmd.AnswerAppeal: answer}
