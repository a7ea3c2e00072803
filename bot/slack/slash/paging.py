"""Buttons that turn the pages of an answer: what was asked stands in their value."""

import re
from typing import Any

from activities.slack.drawing import actions, button
from activities.slack.text.texts import Catalog
from bot.slack.drawing import Block
from workflows.domain.model import Value

PAGE = 10
_VALUE = re.compile(r"([0-9]{1,6}):(.+)", re.DOTALL)


class Turned(Value):
    """A page that was asked for by a button: `what` from the `first` (0) on."""

    first: int
    what: str


def read_turn(value: str) -> Turned | None:
    """What a button asks for; None where it is none of ours."""
    found = _VALUE.fullmatch(value)
    return None if found is None else Turned(first=int(found[1]), what=found[2])


def turning(name: str, what: str, first: int, more: bool, texts: Catalog) -> list[Block]:
    """The row below a page: `name.before` and `name.next`, where there is something."""
    shown: list[dict[str, Any]] = []
    if first > 0:
        before = texts.say("bot.page.before")
        shown.append(button(f"{name}.before", before, f"{max(first - PAGE, 0)}:{what}"))
    if more:
        shown.append(button(f"{name}.next", texts.say("bot.page.next"), f"{first + PAGE}:{what}"))
    return actions(name, shown)
