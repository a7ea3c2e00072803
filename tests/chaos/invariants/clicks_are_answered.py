"""Clicks: every acked one was carried out, refused with a message, or already in effect.

Each event and each message proves one click only. A message counts if Slack's response to it
reached Koban: without it the message is posted again, and would count twice. Opening a modal
decides nothing; its submission is the click. An event without a click is a violation.
"""

from collections.abc import Iterator, Sequence

from deploy.sandbox.slack.model import Message
from tests.chaos.commands import COMMANDS
from tests.chaos.evidence import Evidence, Story, Violation, clock
from tests.chaos.matching import Matching
from tests.chaos.people import Click
from workflows.domain.case.events import (
    CaseClaimed,
    CaseHandedOver,
    CaseSnoozed,
    CaseWaiting,
    Decided,
)

NUMBER = 2
CLAIMING = Decided | CaseSnoozed | CaseWaiting | CaseHandedOver
SKEW = 0.2
"""Seconds: an event has the time of its workflow task, which starts after the click."""


def check(seen: Evidence) -> Iterator[Violation]:
    """Matches events with clicks, acked ones first; the others need a message or a reason."""
    private = [m for m in seen.messages if m.ephemeral_to and not _lost(m, seen)]
    acked = [click for click in seen.clicks if click.acked]
    maybe = [click for click in seen.clicks if not click.acked]
    events = {
        (case, place): (story, place)
        for case, story in seen.stories.items()
        for place, event in enumerate(story.events)
        if any(row.tells(event) for row in COMMANDS.values()) and event.by is not None
    }
    matching = Matching([*acked, *maybe])
    for place, click in enumerate([*acked, *maybe]):
        own = [name for name, (story, at) in events.items() if _done(click, story, at)]
        answers = [f"message {m.ts}" for m in private if _answers(click, m)] if click.acked else []
        # Where it was so already, no message is owed: none may be taken from another click.
        so = [f"so already {place}"] if click.acked and _already(click, seen) else []
        if not matching.give(click, [*own, *answers, *so]) and click.acked:
            yield Violation(NUMBER, f"{_words(click)} was acked, and nothing came of it")
    yield from _uncaused(events, matching)


def _uncaused(events: dict, matching: Matching) -> Iterator[Violation]:
    for name, (story, place) in events.items():
        if matching.free(name) and not _claimed_by_deciding(story.events, place):
            event = story.events[place]
            yield Violation(
                NUMBER, f"case {name[0]}: {event.kind} by {event.by} at {event.at}: nobody did that"
            )


def _claimed_by_deciding(events: Sequence, place: int) -> bool:
    """Deciding, holding or reassigning an unassigned case also claims it."""
    following = events[place + 1] if place + 1 < len(events) else None
    event = events[place]
    return (
        isinstance(event, CaseClaimed)
        and isinstance(following, CLAIMING)
        and (following.by, following.at) == (event.by, event.at)
    )


def _done(click: Click, story: Story, place: int) -> bool:
    event = story.events[place]
    return (
        story.row["id"] == click.case
        and event.by == click.person
        and COMMANDS[click.command].tells(event)
        and event.at.timestamp() >= click.at - SKEW
    )


def _answers(click: Click, message: Message) -> bool:
    return (
        message.ephemeral_to == click.person
        and message.channel == click.channel
        and float(message.ts) >= click.at - SKEW
    )


def _lost(message: Message, seen: Evidence) -> bool:
    return any(since <= float(message.ts) <= until for since, until in seen.deaf)


def _already(click: Click, seen: Evidence) -> bool:
    """True if the case was in this state at some time since the click."""
    story = seen.stories.get(click.case)
    if story is None:
        return False
    ends = [event.at.timestamp() for event in story.events[1:]] + [seen.at]
    already = COMMANDS[click.command].already
    return any(
        until >= click.at - SKEW and already(state, click.person)
        for state, until in zip(story.states, ends, strict=True)
    )


def _words(click: Click) -> str:
    pressed = f"{click.command} by {click.person} at {clock(click.at)}"
    return f"case {click.case}: {pressed} on version {click.version}"
