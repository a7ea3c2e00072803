"""Timelines: pages of a case's events."""

from collections.abc import Iterator

from bot.services.cases import EventLine, Timeline, TimelineLine
from bot.slack.modals.form import sentence_view
from bot.slack.timeline import PAGE, timeline_view
from tests.activities.slack.cases import AT, CASE
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, view
from tests.slack_shapes.stories import STORIES
from tests.slack_shapes.surfaces.harness import Harness
from tests.slack_shapes.surfaces.modals import AIM
from workflows.domain.case.events import CaseOpened, Recorded


def _line(recorded: Recorded) -> TimelineLine:
    event = recorded.event
    by = getattr(event, "by", None)
    return TimelineLine(line=EventLine(at=event.at, kind=event.kind, by=by), whole=recorded)


def _each_once(scene: Scene) -> list[TimelineLine]:
    """An event of each kind, and decisions with different contents."""
    found: dict[str, TimelineLine] = {}
    for tell in STORIES.values():
        for each in tell(scene.words).recorded:
            found.setdefault(each.event.kind, _line(each))
    return list(found.values())


def _pages(scene: Scene) -> Iterator[tuple[str, Sent]]:
    lines = _each_once(scene)
    opened = next(line.whole.event for line in lines if isinstance(line.whole.event, CaseOpened))
    foreign = opened.model_copy(update={"playbook": "gone"})
    newer = tuple(
        TimelineLine(line=EventLine(at=AT, kind=kind, by=by))
        for kind, by in (("of_next_year", "U0SATO"), ("case_claimed", "U0SATO"), ("of_next", None))
    )
    for first in range(0, len(lines), PAGE):
        shown = tuple(lines[first : first + PAGE])
        yield f"from the {first}th on", _page(scene, opened, shown, first, len(lines))
    yield "one page", _page(scene, opened, tuple(lines[:3]), 0, 3)
    yield "of a newer version", _page(scene, opened, newer, 0, 3)
    yield "its playbook is gone", _page(scene, foreign, tuple(lines[:5]), 0, 5)
    yield "its beginning is gone", _page(scene, None, tuple(lines[1:5]), 0, 4)


def _page(
    scene: Scene, opened: CaseOpened | None, lines: tuple[TimelineLine, ...], first: int, total: int
) -> Sent:
    page = Timeline(opened=opened, lines=lines, first=first, total=total)
    return view(timeline_view(page, AIM, PAGE, Harness(scene).services, scene.catalog))


def _sentences(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for key in ("bot.modal.loading", "bot.timeline.unavailable", "bot.timeline.unknown"):
        text = scene.catalog.say(key, case=CASE)
        yield key, view(sentence_view("timeline", text, scene.catalog))


SURFACES = (
    Surface("timeline", _pages),
    Surface("missing timeline", _sentences),
)
