"""Buttons below a case that was looked up: what a card's menu has no room for."""

from typing import Any

from activities.slack import handles
from activities.slack.drawing import actions, button
from activities.slack.text.texts import Catalog
from bot.services.cases import Story
from bot.slack.drawing import Block
from workflows.domain.case_state import UNDECIDED, Phase
from workflows.domain.people import WORKING_ROLES, Role

_UNDECIDED = ("handover", "snooze", "wait", "merge")


def hands_on(
    story: Story,
    person: str,
    roles: frozenset[Role],
    texts: Catalog,
    rings: bool = False,
    listed: bool = False,
) -> list[Block]:
    """One row of buttons for `person`: whoever only reads may watch, and look at a ring's list.

    `rings` where the playbook lets a case be decided for many, `listed` where it was.
    """
    line = story.line
    names = ["evidence", "unwatch" if _watches(story, person) else "watch"]
    if roles & WORKING_ROLES:
        names = [names[0], "note", *names[1:], *(_UNDECIDED if line.phase in UNDECIDED else ())]
        names += ["reopen"] if line.phase is Phase.CLOSED else []
        names += ["ring"] if rings and line.phase in UNDECIDED else []
    names += ["timeline", *(["ring.list"] if listed else [])]
    handle = handles.encode(line.id, line.version)
    if handles.decode(handle, line.route) is None:
        return []  # an import from elsewhere: no case would hear of it
    return actions(line.route, [_button(name, handle, texts) for name in names])


def _button(name: str, handle: str, texts: Catalog) -> dict[str, Any]:
    action_id = name if "." in name else f"case.{name}"
    return button(action_id, texts.say(f"bot.do.{name}"), handle)


def _watches(story: Story, person: str) -> bool:
    """Whether the last that this person did about watching was to begin."""
    kinds = [
        event.kind
        for event in story.events
        if event.by == person and event.kind in ("case_watched", "case_unwatched")
    ]
    return kinds[-1:] == ["case_watched"]
