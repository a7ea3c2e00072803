"""What is put aside or held fast for a while: a case on hold, and what Koban protects."""

from datetime import datetime

from activities.slack.card_state import hold_kind
from activities.slack.drawing import Block, quote, section
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from workflows.domain.automation import Halt
from workflows.domain.case_state import UNDECIDED
from workflows.domain.enforcement import ActionStatus
from workflows.domain.protection import Intent
from workflows.domain.view import CardView, ProtectionView

MOST = 5
_MARK = "🛡️"
_BEGINNING = (ActionStatus.PENDING, ActionStatus.RETRYING)


def hold(view: CardView, reader: Reader) -> list[Block]:
    """Who put the case aside, until when, for what, and whether its clock stands still."""
    held = view.hold
    if held is None or view.phase not in UNDECIDED:
        return []
    person, until = reader.person(held.by), reader.time(held.until, view.opened_at)
    said = reader.say(f"card.hold.{hold_kind(view)}", person=person, time=until)
    return [section([f"⏸️ {said}"]), *quote(held.note)]


def protections(view: CardView, reader: Reader) -> list[Block]:
    """What Koban did by itself, and what becomes of it."""
    shown = [each for each in view.protections if _is_news(view, each)]
    lines = [f"{_MARK} {_words(view, each, reader)}" for each in shown[:MOST]]
    return [section(lines)] if lines else []


def _is_news(view: CardView, protection: ProtectionView) -> bool:
    """One that failed concerns those who still have to decide, and nobody after that."""
    state = protection.state
    return state.standing or state.status in _BEGINNING or view.phase in UNDECIDED


def _words(view: CardView, protection: ProtectionView, reader: Reader) -> str:
    state = protection.state
    what = reader.say(
        "card.protection.what",
        action=reader.title(protection.title),
        subject=reader.subject(state.planned.subject),
    )
    until = protection.until or view.opened_at
    said = reader.say(
        f"card.protection.{_standing(protection)}",
        what=what,
        time=reader.countdown(until, view.opened_at),
    )
    if state.problem is None:
        return said
    problem = problem_words(state.problem, reader)
    return reader.say("card.protection.problem", said=said, problem=problem)


def _standing(protection: ProtectionView) -> str:
    """What to say of it: what becomes of it matters more than how far it is."""
    status = protection.state.status
    if status in (ActionStatus.FAILED, ActionStatus.REHEARSED):
        return status.value
    if protection.intent is not Intent.LIFT_IN_TIME:
        return protection.intent.value
    if status in _BEGINNING:
        return "pending"
    return "until" if protection.until is not None else "stands"


def withheld(view: CardView, reader: Reader) -> list[Block]:
    """That Koban would have acted by itself, and did not because somebody stopped it."""
    if view.halt is None or view.phase not in UNDECIDED:
        return []
    return [section([f"⏸️ {halt_words(view.halt, view.opened_at, reader)}"])]


def halt_words(halt: Halt, near: datetime, reader: Reader) -> str:
    """Who stopped the automation, and since when."""
    scope = "all" if halt.playbook is None else "playbook"
    time = reader.time(halt.at, near)
    return reader.say(f"card.halt.{scope}", person=reader.person(halt.by), time=time)
