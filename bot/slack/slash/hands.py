"""Buttons below a case that was looked up: what a card's menu has no room for."""

from typing import Any

from activities.slack import handles
from activities.slack.drawing import actions, button
from activities.slack.text.texts import Catalog
from bot.slack.doors import Story
from bot.slack.drawing import Block
from workflows.domain.case_state import UNDECIDED, Phase
from workflows.domain.people import WORKING_ROLES, Role

_UNDECIDED = ("handover", "snooze", "wait", "merge")


def hands_on(story: Story, person: str, roles: frozenset[Role], texts: Catalog) -> list[Block]:
    """One row of buttons for `person`: whoever only reads may watch, and nothing else."""
    line = story.line
    names = ["unwatch" if _watches(story, person) else "watch"]
    if roles & WORKING_ROLES:
        names = ["note", *names, *(_UNDECIDED if line.phase in UNDECIDED else ())]
        names += ["reopen"] if line.phase is Phase.CLOSED else []
    handle = handles.encode(line.id, line.version)
    if handles.decode(handle, line.route) is None:
        return []  # an import from elsewhere: no case would hear of it
    return actions(line.route, [_button(name, handle, texts) for name in names])


def _button(name: str, handle: str, texts: Catalog) -> dict[str, Any]:
    return button(f"case.{name}", texts.say(f"bot.do.{name}"), handle)


def _watches(story: Story, person: str) -> bool:
    """Whether the last that this person did about watching was to begin."""
    kinds = [
        event.kind
        for event in story.events
        if event.by == person and event.kind in ("case_watched", "case_unwatched")
    ]
    return kinds[-1:] == ["case_watched"]
