"""Storms: digest, calls, and a case opened from the digest."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from activities.slack.storm_digest import OPEN, calls, digest
from activities.slack.thread import lines_message
from bot.services.cases import Story
from bot.slack.replies import Said
from bot.slack.storm import StormButtons
from tests.activities.slack.cases import AT, CASE, ROUTE
from tests.bot.slack.fakes import line
from tests.slack_shapes.cases import StoryCase
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, message, said
from tests.slack_shapes.stories import STORIES
from tests.slack_shapes.surfaces.harness import Harness, acknowledged
from workflows.domain.alerts import Subject
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import MOST_TOP, Group, Mention, Picture, Top, role_called
from workflows.ports.storms import ShowStorm

CARD = CardRef(channel="C0LIVE", ts="1763900000.000100")
_COUNTS = {Severity.CRITICAL: 12, Severity.MEDIUM: 288}


def _top(scene: Scene, number: int, **more: Any) -> Top:
    return Top(
        case=f"K0000000{number}",
        title=scene.words.titled("外部誘導", "Off-platform inducement"),
        subject=Subject(type="user", id=scene.words.id),
        severity=list(Severity)[number % 4],
        alerts=33 * number + 1,
        **more,
    )


def _groups(scene: Scene, many: int) -> tuple[Group, ...]:
    title = scene.words.titled("外部誘導", "Off-platform inducement")
    counts = _COUNTS if many == 1 else dict.fromkeys(Severity, 99_999)
    return tuple(Group(playbook=f"p{n}", title=title, counts=counts) for n in range(many))


def _storm(scene: Scene, many: int = 1, **more: Any) -> ShowStorm:
    top = [_top(scene, n, owner="U0SATO" if n % 2 else None, carded=n == 1) for n in range(many)]
    given = {"cases": 300, "open": 290, "waiting": 143, "groups": _groups(scene, many)}
    picture = {"channel": "ts-live", "since": AT, "top": tuple(top[:MOST_TOP]), **given}
    picture |= {name: more.pop(name) for name in tuple(more) if name in Picture.model_fields}
    whole = {"key": "S1", "picture": picture, "digest": None, **more}
    return ShowStorm.model_validate(whole)


def _digests(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, storm in (
        ("cards wait", _storm(scene, 2)),
        ("all have their card", _storm(scene, waiting=0)),
        ("one", _storm(scene, cases=1, open=1, waiting=1)),
        ("nothing is known of them", _storm(scene, groups=(), top=())),
        ("as much as there is", _storm(scene, 30, cases=99_999, waiting=99_999)),
        ("over", _storm(scene, waiting=0, over=True, ended_at=AT + timedelta(hours=1))),
        ("over, all closed", _storm(scene, waiting=0, open=0, over=True, ended_at=AT)),
    ):
        yield state, message(digest(storm, scene.reader))


def _calls(scene: Scene) -> Iterator[tuple[str, Sent]]:
    shift = Mention(role=Role.SPECIALIST, counts={Severity.CRITICAL: 3, Severity.HIGH: 9})
    lead = Mention(role=Role.LEAD, counts={Severity.CRITICAL: 1})
    every = tuple(Mention(role=role, counts=dict.fromkeys(Severity, 99_999)) for role in Role)
    for state, mentions in (("the shift", (shift,)), ("two", (shift, lead)), ("all", every)):
        yield state, message(calls(_storm(scene, mentions=mentions, number=1), scene.reader))


def _quiet(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """Thread of a case whose mentions the digest makes."""
    story = STORIES["open, called the whole ladder"](scene.words)
    told = tuple(each for each in story.recorded if each.event.in_thread)
    quiet = frozenset(each.seq for each in told if role_called(each.event) is not None)
    yield "called", message(lines_message(told, view_of(story.case), scene.reader, quiet))


def _opened(scene: Scene) -> Iterator[tuple[str, Sent]]:
    """The answer to a click on the digest."""
    story = STORIES["claimed"](scene.words)
    for state, change in (
        ("its card stands", {"memory": CaseSnapshot(case=story.case, card=CARD)}),
        ("its card waits", {"memory": CaseSnapshot(case=story.case)}),
        ("closed by now", {"memory": None}),
        ("no such case", {"stories": {}}),
        ("nobody of the team", {"person": "U0REST"}),
        ("the ledger away", {"away": True}),
        ("not to be read", {"value": "x"}),
    ):
        yield state, said(_answer(scene, story, change))


def _answer(scene: Scene, story: StoryCase, change: dict[str, Any]) -> Said:
    harness = Harness(scene)
    title = scene.words.titled("外部誘導", "Off-platform inducement")
    found = line(CASE, title=title, subject=story.case.subject, workflow_id=ROUTE, card=None)
    harness.ledger.stories = change.get("stories", {CASE: Story(line=found, alerts=214)})
    harness.ledger.away = change.get("away", False)
    memory = change.get("memory")
    harness.cases.memories = {} if memory is None else {ROUTE: memory}
    opening = StormButtons(harness.context)
    body = {
        "user": {"id": change.get("person", "U0SATO")},
        "channel": {"id": "C0LIVE"},
        "actions": [{"action_id": OPEN, "value": change.get("value", CASE)}],
    }
    (answer,) = harness.ask(lambda: opening.pressed(acknowledged, body))
    return answer


SURFACES = (
    Surface("storm digest", _digests),
    Surface("storm calls", _calls),
    Surface("storm thread", _quiet),
    Surface("storm case", _opened),
)
