"""What can be pressed on a card now: at most five buttons, and what is left behind ⋯."""

from collections.abc import Iterator
from typing import Any

from activities.slack import handles
from activities.slack.card_menu import menu
from activities.slack.card_notice import can_retry
from activities.slack.card_presets import on_card, preset_button
from activities.slack.card_state import pending, protecting
from activities.slack.card_targets import acted_upon, targets_of
from activities.slack.drawing import Block, actions, button, confirm
from activities.slack.escape import plain
from activities.slack.reader import Reader
from activities.slack.ring_buttons import ring_buttons
from workflows.domain.approval import Purpose
from workflows.domain.case_state import UNDECIDED, Phase
from workflows.domain.enforcement import ActionState, ActionStatus
from workflows.domain.view import CardView

_LABEL = 40

Element = dict[str, Any]


def buttons(view: CardView, reader: Reader) -> list[Block]:
    """The row of buttons; none where the work goes on in another case."""
    if view.merged_into is not None:
        return []
    return actions(
        view.route, [*_elements(view, reader), *ring_buttons(view, reader), menu(view, reader)]
    )


def _elements(view: CardView, reader: Reader) -> list[Element]:
    if view.phase in UNDECIDED:
        return _undecided(view, reader)
    asked = _asked(view, reader)
    if view.phase is Phase.ENFORCING and view.failed:
        return [_retry(view, reader), _give_up(view, reader), *asked]
    tell = [_tell(view, reader, None if asked else "primary")] if can_retry(view) else []
    if asked or view.phase is not Phase.CLOSED or view.undoing:
        return [*asked, *tell]
    return [*tell, _undo(view, reader) if view.undoable else _reopen(view, reader)]


def _undecided(view: CardView, reader: Reader) -> list[Element]:
    """First what takes the case on, then the decisions: there are always at least two."""
    first = _first(view, reader)
    keep = [_confirm(view, reader)] if protecting(view) else []
    decide = _press(view, "case.decide", reader.say("button.decide"), None if first else "primary")
    clear = _press(view, "case.clear", reader.say("button.clear"))
    presets = [preset_button(view, preset, reader) for preset in on_card(view)]
    return [*first, *keep, *presets, decide, clear]


def _first(view: CardView, reader: Reader) -> list[Element]:
    if view.hold is not None:
        return [_press(view, "case.resume", reader.say("button.resume"), "primary")]
    if view.owner is None:
        return [_press(view, "case.claim", reader.say("button.claim"), "primary")]
    return []


def _asked(view: CardView, reader: Reader) -> list[Element]:
    """What whoever asked for an approval can do while it is waited for."""
    approval = pending(view)
    if approval is None:
        return []
    answer = [_answer(view, reader)] if approval.question is not None else []
    # What was done at once is for the reviewer to judge: it can't be withdrawn.
    return answer if approval.purpose is Purpose.REVIEW else [*answer, _withdraw(view, reader)]


def _answer(view: CardView, reader: Reader) -> Element:
    primary = None if view.failed else "primary"
    return _press(view, "approval.answer", reader.say("button.answer"), primary)


def _withdraw(view: CardView, reader: Reader) -> Element:
    undo = pending(view, Purpose.UNDO) is not None
    sure = confirm(
        reader.say("confirm.withdraw.title"),
        reader.say("confirm.withdraw.undo" if undo else "confirm.withdraw.decision"),
        reader.say("button.withdraw"),
        reader.say("confirm.no"),
    )
    return _press(view, "approval.withdraw", reader.say("button.withdraw"), None, sure)


def _confirm(view: CardView, reader: Reader) -> Element:
    """What Koban protects, as a decision: the question says what that is."""
    what = reader.listed(reader.title(each.title, plain, _LABEL) for each in protecting(view))
    sure = confirm(
        reader.say("confirm.keep.title"),
        reader.say("confirm.keep.text", what=what, subject=_protected(view, reader)),
        reader.say("confirm.keep.yes"),
        reader.say("confirm.no"),
    )
    return _press(view, "case.confirm", reader.say("button.keep"), None, sure)


def _reopen(view: CardView, reader: Reader) -> Element:
    return _press(view, "case.reopen", reader.say("button.reopen"))


def _retry(view: CardView, reader: Reader) -> Element:
    return _press(view, "action.retry", reader.say("button.retry"), "primary")


def _tell(view: CardView, reader: Reader, style: str | None) -> Element:
    return _press(view, "notice.retry", reader.say("button.notice_retry"), style)


def _give_up(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.give_up.title"),
        reader.say("confirm.give_up.text", subject=acted_upon(view, _failed(view), reader)),
        reader.say("button.give_up"),
        reader.say("confirm.no"),
        "danger",
    )
    return _press(view, "action.give_up", reader.say("button.give_up"), "danger", sure)


def _undo(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.undo.title"),
        reader.say("confirm.undo.text", subject=acted_upon(view, _standing(view), reader)),
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


def _protected(view: CardView, reader: Reader) -> str:
    return targets_of((each.state.planned.subject for each in protecting(view)), reader)


def _standing(view: CardView) -> Iterator[ActionState]:
    return (each for each in view.actions if each.standing and each.undoable)


def _failed(view: CardView) -> Iterator[ActionState]:
    return (each for each in view.actions if each.status is ActionStatus.FAILED)
