"""What can be pressed on a card because its decision is about a ring."""

from typing import Any

from activities.slack import handles
from activities.slack.drawing import button, confirm
from activities.slack.reader import Reader
from workflows.domain.case_state import Phase
from workflows.domain.enforcement import ActionStatus
from workflows.domain.view import CardView

Element = dict[str, Any]

_SINCE_DECIDED = (Phase.AWAITING_APPROVAL, Phase.ENFORCING, Phase.CLOSED)


def ring_buttons(view: CardView, reader: Reader) -> list[Element]:
    """Stop, while it runs; and the list of its subjects, as long as the decision stands."""
    if view.ring is None or view.phase not in _SINCE_DECIDED:
        return []
    stop = [_stop(view, reader)] if _runs(view) else []
    return [*stop, list_button(view, reader)]


def list_button(view: CardView, reader: Reader) -> Element:
    """Opens the list of the subjects."""
    value = handles.encode(view.id, view.version)
    return button("ring.list", reader.say("button.ring_list"), value)


def _runs(view: CardView) -> bool:
    pending = any(each.status is ActionStatus.PENDING for each in view.actions)
    stopped = view.ring is not None and view.ring.stopped_by is not None
    return view.phase is Phase.ENFORCING and pending and not stopped


def _stop(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.ring_stop.title"),
        reader.say("confirm.ring_stop.text"),
        reader.say("confirm.ring_stop.yes"),
        reader.say("confirm.no"),
        "danger",
    )
    value = handles.encode(view.id, view.version)
    return button("ring.stop", reader.say("button.ring_stop"), value, "danger", sure)
