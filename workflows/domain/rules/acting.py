"""What happens at the platform: news of it, and retry, give up and undo."""

from datetime import datetime

from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.approval import Purpose, approval_for
from workflows.domain.case_state import UNDECIDED, Case, Phase
from workflows.domain.enforcing import reported
from workflows.domain.history import apply_all
from workflows.domain.planning import undo_rules_of
from workflows.domain.refusal import Reason, Refusal
from workflows.domain.rules import ringing
from workflows.domain.rules.appealing import caught_up
from workflows.domain.rules.closing import closing
from workflows.domain.rules.outcome import Outcome
from workflows.domain.rules.protecting import on_given_up, taken_over
from workflows.domain.rules.refusing import outdated, told
from workflows.domain.rules.telling import noticed


def retry(case: Case, command: cmd.Retry, now: datetime) -> Outcome:
    """Tries again what failed."""
    if case.phase is not Phase.ENFORCING or not case.failed or case.decision is None:
        return told(case, Reason.NOTHING_FAILED)
    refusal = outdated(case, command)
    return refusal or (ev.ActionRetried(at=now, by=command.by.id, decision=case.decision.id),)


def give_up(case: Case, command: cmd.GiveUp, now: datetime) -> Outcome:
    """Lets be what failed; the case closes with what stands, else it is undecided again."""
    if case.phase is not Phase.ENFORCING or not case.failed or case.decision is None:
        return told(case, Reason.NOTHING_FAILED)
    refusal = outdated(case, command)
    if refusal is not None:
        return refusal
    if case.acting:
        # Nobody can decide anew while a part of this decision is still being carried out.
        return Refusal(reason=Reason.STILL_ACTING)
    given_up = ev.ActionsGivenUp(at=now, by=command.by.id, decision=case.decision.id)
    after = apply_all(case, (given_up,))
    return (given_up, *on_given_up(after, now, command.by.id), *closing(after, now))


def undo(case: Case, command: cmd.Undo, now: datetime) -> Outcome:
    """Takes actions back, with an approval where one of them asks for it.

    Those of a closed case, or of one that a review sent back and whose undo came to nothing.
    """
    if case.phase not in (Phase.CLOSED, *UNDECIDED) or not case.undoable:
        return told(case, Reason.NOTHING_TO_UNDO)
    refusal = outdated(case, command)
    if refusal is not None:
        return refusal
    if case.pending(Purpose.UNDO):
        return ()
    rules = undo_rules_of(case.policy.catalog, case.undoable)
    decision = case.undoable[0].decision
    approval = approval_for(decision, rules, now, command.by.id, Purpose.UNDO)
    if approval is not None:
        return (ev.ApprovalRequested(at=now, by=command.by.id, approval=approval),)
    return (ev.UndoRequested(at=now, by=command.by.id, decision=decision),)


def report(case: Case, command: cmd.Report, now: datetime) -> Outcome:
    """News from the platform; the decision that waited for a protection begins when it let go."""
    events = (
        *ringing.progressed(case, command.report, now),
        *reported(case, command.report, now),
        *noticed(case, command.report, now),
    )
    events = (*events, *taken_over(apply_all(case, events), events, now))
    after = apply_all(case, events)
    nothing = ringing.came_to_nothing(after, now)
    events, after = (*events, *nothing), apply_all(after, nothing)
    idle = _nothing_left_to_undo(after, now)
    events, after = (*events, *idle), apply_all(after, idle)
    ends = closing(after, now)
    falls = caught_up(case, apply_all(after, ends), now)
    return (*events, *_begins(case, after, now), *ends, *falls)


def _nothing_left_to_undo(case: Case, now: datetime) -> tuple[ev.Event, ...]:
    """Nobody is asked to agree to the undo of what ended by itself meanwhile."""
    if not case.pending(Purpose.UNDO) or case.undoable or case.approval is None:
        return ()
    return (ev.ApprovalWithdrawn(at=now, decision=case.approval.decision),)


def _begins(before: Case, after: Case, now: datetime) -> tuple[ev.Event, ...]:
    if not before.handing_over or after.handing_over or after.decision is None:
        return ()
    if after.phase is not Phase.ENFORCING:
        return ()
    return (ev.EnforcementStarted(at=now, decision=after.decision.id),)
