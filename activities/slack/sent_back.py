"""Why a case is undecided again, or a request came to nothing."""

from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.approval import Approval, ApprovalState, Purpose
from workflows.domain.case_state import UNDECIDED
from workflows.domain.view import CardView

_BY_WHOM = {
    ApprovalState.REJECTED: (ev.Rejected, ev.UndoRequested),
    ApprovalState.WITHDRAWN: (ev.ApprovalWithdrawn,),
    ApprovalState.EXPIRED: (),
}
"""The steps whose person is the one who sent it back: a review that is rejected is undone."""
_REOPENED = ev.CaseReopened.model_fields["kind"].default


def sent_back(view: CardView, reader: Reader) -> str | None:
    """Why the last decision is off, as long as there is no new one."""
    if view.phase not in UNDECIDED:
        return None
    if view.turn is not None and view.turn.kind == _REOPENED:
        time = reader.time(view.turn.at, view.opened_at)
        return reader.say("card.reopened", person=reader.person(view.turn.by), time=time)
    approval = view.approval
    if approval is None or approval.state not in _BY_WHOM:
        return None
    reviewed = approval.purpose is Purpose.REVIEW
    if reviewed and approval.state is ApprovalState.WITHDRAWN:
        return None  # given up: what failed is on the card already
    return _ended(view, approval, "review" if reviewed else "decision", reader)


def undo_refused(view: CardView, reader: Reader) -> str | None:
    """Why the actions still stand, though somebody wanted them undone."""
    approval = view.approval
    if approval is None or approval.purpose is not Purpose.UNDO or view.undoing:
        return None
    if approval.state not in _BY_WHOM or view.phase in UNDECIDED or not view.undoable:
        return None
    return _ended(view, approval, "undo", reader)


def _ended(view: CardView, approval: Approval, what: str, reader: Reader) -> str:
    key = f"card.{approval.state.value}.{what}"
    if approval.state is ApprovalState.EXPIRED:
        return reader.say(key)
    kinds = [each.model_fields["kind"].default for each in _BY_WHOM[approval.state]]
    if view.turn is None or view.turn.kind not in kinds or view.turn.by is None:
        return reader.say(f"{key}.somebody")
    return reader.say(key, person=reader.person(view.turn.by))
