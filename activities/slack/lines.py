"""The thread of a card: what happened, a line an event."""

from collections.abc import Iterable
from dataclasses import replace

from activities.slack import (
    lines_actions,
    lines_decisions,
    lines_notices,
    lines_ring,
    lines_work,
)
from activities.slack.drawing import MOST_TEXT, Block, Message, fit, metadata, section
from activities.slack.line_words import Words
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.view import CardView

EVENT_TYPE = "koban_lines"
AT_ONCE = 100
"""Lines in one message: 25 sections of four, half of the 50 blocks that Slack takes."""
_IN_SECTION = 4

WORDS: Words = {
    **lines_work.WORDS,
    **lines_decisions.WORDS,
    **lines_actions.WORDS,
    **lines_ring.WORDS,
    **lines_notices.WORDS,
}
"""How each event that the thread tells of is told."""

_News = ev.ActionRetrying | ev.ActionSucceeded | ev.ActionVerified | ev.ActionFailed


def lines_message(
    lines: tuple[ev.Recorded, ...],
    view: CardView,
    reader: Reader,
    quiet: frozenset[int] = frozenset(),
) -> Message:
    """At most `AT_ONCE` lines as one message; `through` is the last event that it tells of.

    `quiet` are the events whose call is made elsewhere, together with others.
    """
    calm = replace(reader, mentions={})
    told = [
        reader.say("storm.together", line=line(each, view, calm))
        if each.seq in quiet
        else line(each, view, reader)
        for each in _worth_telling(lines)
    ]
    head = reader.say("spoken.lines", id=view.id)
    text = fit([head, *told], "\n", MOST_TEXT)
    return Message(text, _blocks(told), metadata(EVENT_TYPE, case=view.id, through=lines[-1].seq))


def _blocks(told: list[str]) -> list[Block]:
    return [section(told[i : i + _IN_SECTION]) for i in range(0, len(told), _IN_SECTION)]


def _worth_telling(lines: Iterable[ev.Recorded]) -> list[ev.Recorded]:
    """Without what later news of the same action in the same message makes needless."""
    kept: list[ev.Recorded] = []
    newer: set[tuple[str, str]] = set()
    for each in reversed(tuple(lines)):
        event = each.event
        if isinstance(event, _News):
            action = (event.decision, event.action)
            passing = isinstance(event, ev.ActionRetrying | ev.ActionSucceeded)
            if passing and action in newer:
                continue
            newer.add(action)
        kept.append(each)
    return kept[::-1]


def line(recorded: ev.Recorded, view: CardView, reader: Reader) -> str:
    """One event in one line of mrkdwn, with its time."""
    event = recorded.event
    words = WORDS[type(event)](event, view, reader).strip()
    return reader.say("line.told", time=reader.time(event.at, event.at), text=words)
