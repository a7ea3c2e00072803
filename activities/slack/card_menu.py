"""What is behind the ⋯ of a card: the commands that are not worth a button of their own."""

from collections.abc import Iterator
from typing import Any

from activities.slack import handles
from activities.slack.card_state import protecting
from activities.slack.drawing import overflow
from activities.slack.reader import Reader
from workflows.domain.case_state import UNDECIDED
from workflows.domain.view import CardView

MOST = 5
"""Options of one menu: docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element"""


def menu(view: CardView, reader: Reader) -> dict[str, Any]:
    """The menu of a card, at most five entries.

    An entry stands for the action_id `case.{entry}`; its value is `{entry}:{handle}`. A danger
    that asks first has no place here, since a menu's question is the same for all.
    """
    handle = handles.encode(view.id, view.version)
    named = entries(view)[:MOST]
    return overflow(
        "case.more", [(reader.say(f"more.{name}"), f"{name}:{handle}") for name in named]
    )


def entries(view: CardView) -> tuple[str, ...]:
    """Everything that can be done beside the buttons, the most useful first.

    The card has room for the first five; the rest is for places with more of it.
    """
    if view.phase not in UNDECIDED:
        stuck = ("lift_protection",) if view.stuck else ()
        return (*stuck, "evidence", "note", *_watching(view))
    return (*_pressing(view), "evidence", *_usual(view), *_watching(view))


def _pressing(view: CardView) -> Iterator[str]:
    """What only some cases have, and is looked for then."""
    if view.undoable:
        yield "undo"
    if protecting(view) or view.stuck:
        yield "lift_protection"
    if view.rings:
        yield "ring"
    if view.known.open_cases:
        yield "merge"


def _usual(view: CardView) -> tuple[str, ...]:
    if view.hold is not None:
        return ("handover", "note", "release", "wait", "snooze", "escalate")
    if view.owner is not None:
        return ("handover", "wait", "note", "release", "escalate", "snooze")
    seen = ("acknowledge",) if view.acknowledged_by is None else ()
    return (*seen, "escalate", "note", "snooze", "wait", "handover")


def _watching(view: CardView) -> tuple[str, ...]:
    """Everybody sees the same menu, so that it can't tell who watches already."""
    return ("watch", "unwatch") if view.watchers else ("watch",)
