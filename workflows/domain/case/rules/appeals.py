"""What an answered appeal does to its case, and what the case answers."""

from datetime import datetime

from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.case.enforcement import ACTING
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import UNDECIDED, Case, Phase
from workflows.domain.case.refusals import Rules
from workflows.domain.case.rules.approvals import closing, given_up


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
    """Takes the decision back; nobody has to agree to that, or to it, any more.

    What is half done can't be taken back yet: the case waits for it. What failed is not tried
    again.
    """
    answer = case.appeal
    if answer is None or not _falls(case, answer) or case.acting:
        return ()
    by, decision = answer.by, answer.decision
    events: list[ev.Event] = []
    if _asked_about(case, decision):
        events.append(ev.ApprovalWithdrawn(at=now, by=by, decision=decision))
    events += given_up(apply_all(case, events), decision, now, by)
    events += closing(apply_all(case, events), now)
    if any(state.decision == decision for state in case.undoable):
        events.append(ev.UndoRequested(at=now, by=by, decision=decision))
    return tuple(events)


def _falls(case: Case, answer: AppealAnswer) -> bool:
    """Whether the decision was overturned, and no other one is being carried out since.

    One person's appeal takes nothing back for the others of a ring.
    """
    bulk_decisions = any(each.id == answer.decision and each.bulk for each in case.decisions)
    last = case.decision is not None and case.decision.id == answer.decision
    free = last or case.phase in (Phase.CLOSED, *UNDECIDED)
    return free and not bulk_decisions and answer.outcome is AppealOutcome.OVERTURNED


def _asked_about(case: Case, decision: str) -> bool:
    """Whether somebody is to agree to the decision, or to its undo."""
    approval = case.approval
    return approval is not None and approval.pending and approval.decision == decision


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


RULES: Rules = {cmd.AnswerAppeal: answered}
