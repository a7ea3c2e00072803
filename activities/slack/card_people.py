"""Who has a case and until when: assignee, deadlines, the next call."""

from activities.slack.drawing import Block, section
from activities.slack.reader import Reader
from workflows.domain.approval import ApprovalState
from workflows.domain.case_state import UNDECIDED
from workflows.domain.events import Rejected
from workflows.domain.people import Role
from workflows.domain.playbook.model import Notify
from workflows.domain.view import CardView

ROLE_OF = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}
"""Whom an escalation step calls: the shift are those who work cases."""


def duty(view: CardView, reader: Reader) -> list[Block]:
    """Assignee, deadlines and next step, as long as nobody has decided."""
    if view.phase not in UNDECIDED:
        return []
    near = view.opened_at
    line = [_owner(view, reader)]
    if view.owner is None:
        line.append(reader.say("card.due.claim", time=reader.time(view.clock.claim, near)))
    line.append(reader.say("card.due.decide", time=reader.time(view.clock.decide, near)))
    if view.next_step is not None:
        time = reader.time(view.next_step.at, near)
        whom = reader.say(f"notify.{view.next_step.notify.value}")
        line.append(reader.say("card.next", time=time, whom=whom))
    if view.called_at is not None:
        line.append(reader.say("card.called", time=reader.time(view.called_at, near)))
    return [section([" · ".join(line)])]


def _owner(view: CardView, reader: Reader) -> str:
    if view.owner is None:
        return reader.say("card.owner.nobody")
    return reader.say("card.owner", person=reader.person(view.owner))


def sent_back(view: CardView, reader: Reader) -> str | None:
    """Why the last decision is off, where an approval ended without one."""
    approval = view.approval
    if approval is None or view.phase not in UNDECIDED:
        return None
    if approval.state is ApprovalState.EXPIRED:
        return reader.say("card.expired")
    if approval.state is not ApprovalState.REJECTED:
        return None
    turn = view.turn
    if turn is None or turn.kind != Rejected.model_fields["kind"].default or turn.by is None:
        return reader.say("card.rejected.somebody")
    return reader.say("card.rejected", person=reader.person(turn.by))
