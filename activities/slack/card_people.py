"""Who has a case and until when: assignee, deadlines, the next call, who else looks at it."""

from collections.abc import Iterator

from activities.slack.drawing import Block, section
from activities.slack.reader import Reader
from workflows.domain.case_state import UNDECIDED
from workflows.domain.people import Role
from workflows.domain.playbook.model import Notify
from workflows.domain.view import CardView, NextStep

ROLE_OF = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}
"""Whom an escalation step calls: the shift are those who work cases."""


def duty(view: CardView, reader: Reader) -> list[Block]:
    """Assignee, deadlines and next step, as long as nobody has decided."""
    if view.phase not in UNDECIDED:
        return []
    facts = (*_owner(view, reader), *_deadlines(view, reader), *_calls(view, reader))
    return [section([" · ".join(facts)])]


def _owner(view: CardView, reader: Reader) -> Iterator[str]:
    if view.owner is None:
        yield reader.say("card.owner.nobody")
        return
    yield reader.say("card.owner", person=reader.person(view.owner))
    if view.warned and view.claim_ends is not None:
        yield reader.say("card.claim_ends", time=reader.time(view.claim_ends, view.opened_at))


def _deadlines(view: CardView, reader: Reader) -> Iterator[str]:
    near = view.opened_at
    if view.hold is not None and view.hold.pauses:
        # What the clocks say is only true again when they run.
        yield reader.say("card.due.paused")
        return
    if view.owner is None:
        yield reader.say("card.due.claim", time=reader.countdown(view.clock.claim, near))
    yield reader.say("card.due.decide", time=reader.countdown(view.clock.decide, near))


def _calls(view: CardView, reader: Reader) -> Iterator[str]:
    near = view.opened_at
    if view.next_step is not None:
        time = reader.time(view.next_step.at, near)
        yield reader.say("card.next", time=time, whom=_whom(view.next_step, reader))
    if view.called_at is not None:
        yield reader.say("card.called", time=reader.time(view.called_at, near))
    if view.acknowledged_by is not None:
        yield reader.say("card.acknowledged", person=reader.person(view.acknowledged_by))
    if view.watchers:
        yield reader.say("card.watchers", count=len(view.watchers))


def _whom(step: NextStep, reader: Reader) -> str:
    """Whom a step calls, by name: a card mentions nobody."""
    role = reader.say(f"role.{step.role.value}") if step.role is not None else ""
    whom = reader.person(step.person) if step.person is not None else role
    return reader.say(f"notify.{step.notify.value}", whom=whom)
