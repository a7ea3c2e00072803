"""What the lines of a thread are made of."""

from collections.abc import Callable
from typing import Any

from activities.slack.decision_words import action_title
from activities.slack.escape import mrkdwn, one_line
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.view import CardView

Words = dict[type[Any], Callable[[Any, CardView, Reader], str]]
"""How each event is told, as mrkdwn."""
_REASON = 300


def by(event: ev.Event, view: CardView, reader: Reader) -> str:
    """Who did it."""
    return reader.say(f"line.{event.kind}", person=reader.person(event.by))


def about(event: Any, view: CardView, reader: Reader) -> str:
    """What became of an action."""
    return reader.say(f"line.{event.kind}", action=action(event.action, view, reader))


def action(key: str, view: CardView, reader: Reader) -> str:
    """The title of the action behind `action/type:id`."""
    return action_title(view, key.partition("/")[0], reader, mrkdwn)


def with_reason(line: str, reason: str, reader: Reader) -> str:
    """The line, and what its person wrote."""
    shown = mrkdwn(one_line(reason), _REASON)
    return reader.say("line.with_reason", line=line, reason=shown) if shown else line
