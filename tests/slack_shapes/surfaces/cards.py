"""Cases: cards, threads and direct messages."""

from collections.abc import Iterator
from dataclasses import replace

from activities.slack.cards.approval import approval_card, replaced_card
from activities.slack.cards.case import case_card
from activities.slack.direct_messages import direct_message
from activities.slack.thread import MAX_LINES, lines_message
from tests.slack_shapes.cases import StoryCase
from tests.slack_shapes.scene import LINK, Scene, Surface
from tests.slack_shapes.sent import Sent, message
from tests.slack_shapes.stories import STORIES
from workflows.domain.case.events import NoteAdded, Recorded
from workflows.domain.case.snapshot import Refused
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.ports.cases import Tell


def _cards(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, tell in STORIES.items():
        yield state, message(case_card(view_of(tell(scene.words).case), scene.reader))
    view = view_of(STORIES["open, protecting"](scene.words).case)
    many = view.model_copy(update={"protections": view.protections * 20})
    standing = view.model_copy(update={"undoable": True})
    yield "open, an earlier decision stands", message(case_card(standing, scene.reader))
    yield "open, protecting twenty times", message(case_card(many, scene.reader))
    closed = case_card(view, scene.reader, Refused(thread=True, approval=True))
    yield "open, its thread is closed", message(closed)
    fixed = case_card(view, scene.reader, plain_=True, old=LINK)
    yield "open, beside a card that stays", message(fixed)


def _approvals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, tell in STORIES.items():
        view = view_of(tell(scene.words).case)
        if view.approval is not None and view.decision is not None:
            drawn = approval_card(view, view.approval, view.decision, scene.reader, LINK)
            yield state, message(drawn)
    view = view_of(STORIES["awaiting approval"](scene.words).case)
    yield "replaced", message(replaced_card(view, scene.reader, LINK))
    yield "replaced, without its card", message(replaced_card(view, scene.reader, None))


def _lines(story: StoryCase) -> tuple[Recorded, ...]:
    return tuple(each for each in story.recorded if each.event.in_thread)


def _threads(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, tell in STORIES.items():
        story = tell(scene.words)
        if lines := _lines(story):
            yield state, message(lines_message(lines, view_of(story.case), scene.reader))
    story = STORIES["claimed"](scene.words)
    note = NoteAdded(at=story.case.opened_at, by="U0SATO", note=scene.words.said)
    many = tuple(Recorded(seq=n + 2, event=note) for n in range(MAX_LINES))
    yield "as much as at once", message(lines_message(many, view_of(story.case), scene.reader))


def _each_once(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Every line that a thread can have, once."""
    seen: set[str] = set()
    for tell in STORIES.values():
        story = tell(scene.words)
        view = view_of(story.case)
        for each in _lines(story):
            drawn = message(lines_message((each,), view, scene.reader))
            if drawn.text not in seen:
                seen.add(drawn.text)
                yield f"{each.event.kind} {len(seen)}", drawn


def _direct(scene: Scene) -> Iterator[tuple[str, Sent]]:
    seen: set[str] = set()
    reader = replace(scene.reader, direct=True)
    for tell in STORIES.values():
        story = tell(scene.words)
        for each in _lines(story):
            wanted = Tell(key="k", view=view_of(story.case), line=each, card=None)
            drawn = message(direct_message(wanted, reader, LINK))
            if drawn.text not in seen:
                seen.add(drawn.text)
                yield f"{each.event.kind} {len(seen)}", drawn
    story = STORIES["open, escalated by a person"](scene.words)
    view, last = view_of(story.case), story.recorded[-1]
    wanted = Tell(key="k", view=view, line=last, card=None, role=Role.LEAD, instead=True)
    drawn = message(direct_message(wanted, reader, None, scene.reader.mention(Role.LEAD)))
    yield "instead of the thread", drawn


SURFACES = (
    Surface("case card", _cards),
    Surface("approval card", _approvals),
    Surface("thread", _threads, in_snapshots=False),
    Surface("thread line", _each_once),
    Surface("direct message", _direct, in_snapshots=False),
)
