"""A playbook's decisions that take one tap: those on the card, and those behind its ⋯."""

from typing import Any

from activities.slack import handles
from activities.slack.card_state import protecting
from activities.slack.card_targets import targets_of
from activities.slack.drawing import button, confirm
from activities.slack.escape import plain
from activities.slack.reader import Reader
from workflows.domain.case_state import UNDECIDED
from workflows.domain.view import CardView, PresetView

MOST = 5
"""Visible buttons of a card; more make none of them quick to find."""
_ALWAYS = 2
"""Deciding in the modal, and clearing."""
_LABEL = 40

Element = dict[str, Any]


def on_card(view: CardView) -> tuple[PresetView, ...]:
    """Those that have a button on the card, in the playbook's order."""
    return view.presets[: _room(view)] if view.phase in UNDECIDED else ()


def behind_card(view: CardView) -> tuple[PresetView, ...]:
    """Those that the card has no room for."""
    return view.presets[_room(view) :] if view.phase in UNDECIDED else ()


def _room(view: CardView) -> int:
    first = view.hold is not None or view.owner is None
    return MOST - _ALWAYS - first - bool(protecting(view))


def label(preset: PresetView, reader: Reader) -> str:
    """`強制退会…`: the dots stand for a question that comes first."""
    title = reader.title(preset.title, plain, _LABEL)
    return reader.say("button.asks", title=title) if questions(preset) else title


def questions(preset: PresetView) -> bool:
    """Whether its person is asked once more."""
    return preset.danger or preset.asks


def preset_button(view: CardView, preset: PresetView, reader: Reader) -> Element:
    """The button; what is hard to take back or needs a second person asks first."""
    return button(
        f"case.preset.{preset.id}",
        label(preset, reader),
        handles.encode(view.id, view.version),
        "danger" if preset.danger else None,
        _sure(view, preset, reader) if questions(preset) else None,
    )


def _sure(view: CardView, preset: PresetView, reader: Reader) -> Element:
    kind = "asks" if preset.asks else "does"
    title = reader.title(preset.title, plain, _LABEL)
    return confirm(
        reader.say("confirm.preset.title", preset=title),
        question(view, preset, reader),
        reader.say(f"confirm.yes.{kind}"),
        reader.say("confirm.no"),
        "danger" if preset.danger else None,
    )


def question(view: CardView, preset: PresetView, reader: Reader) -> str:
    """Whom it acts upon, and what becomes of it, as plain text."""
    kind = "asks" if preset.asks else "does"
    return reader.say(
        f"confirm.preset.{kind}",
        preset=reader.title(preset.title, plain, _LABEL),
        subject=targets_of(preset.targets or (view.subject,), reader),
    )
