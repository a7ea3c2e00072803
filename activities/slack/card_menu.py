"""What is behind the ⋯ of a card: presets that have no button, and what is not worth one."""

from collections.abc import Iterator
from typing import Any

from activities.slack import handles
from activities.slack.card_presets import behind_card, label, questions
from activities.slack.card_state import protecting
from activities.slack.drawing import overflow
from activities.slack.reader import Reader
from workflows.domain.case_state import UNDECIDED
from workflows.domain.view import CardView, PresetView

MOST = 5
"""Options of one menu: docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element"""
MOST_PRESETS = 3
"""Presets of one menu, so that an entry or two beside them stay one tap away."""
ALL = "all"
"""Opens a modal with everything, where the menu has no room for all of it."""


def menu(view: CardView, reader: Reader) -> dict[str, Any]:
    """The menu of a card, at most five options; the last one leads to those that do not fit.

    An option stands for the action_id `case.{name}`; its value is `{name}:{handle}`.
    """
    handle = handles.encode(view.id, view.version)
    return overflow(
        "case.more", [(words, f"{name}:{handle}") for name, words in _shown(view, reader)]
    )


def _shown(view: CardView, reader: Reader) -> list[tuple[str, str]]:
    presets = [(_name(each), label(each, reader)) for each in behind_card(view)]
    named = [(name, reader.say(f"more.{name}")) for name in entries(view)]
    if len(presets) + len(named) <= MOST:
        return [*presets, *named]
    first = [*presets[:MOST_PRESETS], *named][: MOST - 1]
    return [*first, (ALL, reader.say("more.all"))]


def _name(preset: PresetView) -> str:
    """A menu has one question for all of its options, so one that asks has a modal for it."""
    return f"sure.{preset.id}" if questions(preset) else f"preset.{preset.id}"


def entries(view: CardView) -> tuple[str, ...]:
    """Everything that can be done beside the buttons and presets, the most useful first."""
    if view.phase not in UNDECIDED:
        stuck = ("lift_protection",) if view.stuck else ()
        return (*stuck, "evidence", "note", *_watching(view), "timeline")
    return (*_pressing(view), "evidence", *_usual(view), *_watching(view), "timeline")


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
        return ("handover", "note", "escalate", "release", "wait", "snooze")
    if view.owner is not None:
        return ("handover", "wait", "note", "escalate", "release", "snooze")
    seen = ("acknowledge",) if view.acknowledged_by is None else ()
    return (*seen, "escalate", "note", "snooze", "wait", "handover")


def _watching(view: CardView) -> tuple[str, ...]:
    """Everybody sees the same menu, so that it can't tell who watches already."""
    return ("watch", "unwatch") if view.watchers else ("watch",)
