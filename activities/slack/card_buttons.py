"""What can be pressed on a card now: at most five buttons, and what is left behind ⋯."""

from typing import Any

from activities.slack import handles
from activities.slack.drawing import Block, actions, button, confirm, overflow
from activities.slack.escape import plain
from activities.slack.reader import Reader
from workflows.domain.case_state import UNDECIDED, Phase
from workflows.domain.view import CardView, PresetView

MOST = 5
"""Visible buttons; more make none of them quick to find."""
_LABEL = 40

Element = dict[str, Any]


def buttons(view: CardView, reader: Reader) -> list[Block]:
    """The row of buttons; none while nothing can be done."""
    return actions(view.route, _elements(view, reader))


def _elements(view: CardView, reader: Reader) -> list[Element]:
    if view.phase in UNDECIDED:
        return _undecided(view, reader)
    if view.phase is Phase.ENFORCING and view.failed:
        return [_retry(view, reader), _give_up(view, reader)]
    if view.undoable and not view.undoing:
        return [_undo(view, reader)]
    return []


def _undecided(view: CardView, reader: Reader) -> list[Element]:
    free = view.owner is None
    room = MOST - (3 if free else 2)
    claim = [_press(view, "case.claim", reader.say("button.claim"), "primary")] if free else []
    decide = _press(view, "case.decide", reader.say("button.decide"), None if free else "primary")
    clear = _press(view, "case.clear", reader.say("button.clear"))
    presets = [_preset(view, preset, reader) for preset in view.presets[:room]]
    return [*claim, *presets, decide, clear, _more(view, reader)]


def _more(view: CardView, reader: Reader) -> Element:
    """An entry stands for the action_id `case.{entry}`; its value is `{entry}:{handle}`.

    A danger that asks first has no place here, since a menu's question is the same for all.
    """
    names = ["escalate"] if view.owner is None else ["release", "escalate"]
    handle = handles.encode(view.id, view.version)
    return overflow(
        "case.more", [(reader.say(f"more.{name}"), f"{name}:{handle}") for name in names]
    )


def _preset(view: CardView, preset: PresetView, reader: Reader) -> Element:
    title = reader.title(preset.title, plain, _LABEL)
    asks = preset.danger or preset.asks
    return button(
        f"case.preset.{preset.id}",
        reader.say("button.asks", title=title) if asks else title,
        handles.encode(view.id, view.version),
        "danger" if preset.danger else None,
        _sure(view, preset, title, reader) if asks else None,
    )


def _sure(view: CardView, preset: PresetView, title: str, reader: Reader) -> Element:
    kind = "asks" if preset.asks else "does"
    return confirm(
        reader.say("confirm.preset.title", preset=title),
        reader.say(f"confirm.preset.{kind}", preset=title, subject=_subject(view, reader)),
        reader.say(f"confirm.yes.{kind}"),
        reader.say("confirm.no"),
        "danger" if preset.danger else None,
    )


def _retry(view: CardView, reader: Reader) -> Element:
    return _press(view, "action.retry", reader.say("button.retry"), "primary")


def _give_up(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.give_up.title"),
        reader.say("confirm.give_up.text"),
        reader.say("button.give_up"),
        reader.say("confirm.no"),
        "danger",
    )
    return _press(view, "action.give_up", reader.say("button.give_up"), "danger", sure)


def _undo(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.undo.title"),
        reader.say("confirm.undo.text", subject=_subject(view, reader)),
        reader.say("confirm.undo.yes"),
        reader.say("confirm.no"),
    )
    return _press(view, "action.undo", reader.say("button.undo"), None, sure)


def _press(
    view: CardView,
    action_id: str,
    label: str,
    style: str | None = None,
    sure: Element | None = None,
) -> Element:
    return button(action_id, label, handles.encode(view.id, view.version), style, sure)


def _subject(view: CardView, reader: Reader) -> str:
    return reader.subject(view.subject, plain)
