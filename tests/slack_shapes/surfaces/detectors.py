"""Detectors in answers: list, runs, a run at once, and gaps in detection."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from activities.ledger.detectors import DetectorRun
from bot.services.cases import SnoozeLine
from bot.services.detectors import DetectorLine
from bot.slack.commands.detectors import (
    DetectorAnswer,
    ResendFeedback,
    RunDetector,
    ShowDetectors,
    ShowSnoozes,
    gaps_page,
)
from bot.slack.commands.pages import sentence
from bot.slack.replies import Said
from tests.bot.slack.fakes import NOW
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, said
from tests.slack_shapes.surfaces.harness import SHILL, Harness
from tests.workflows.domain.builders import a_message
from workflows.domain.alerts import Subject
from workflows.domain.case.snapshot import CardRef
from workflows.domain.detection import (
    DetectorState,
    JunkRow,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
)
from workflows.domain.feedback import (
    FeedbackCount,
    FeedbackMessage,
    FeedbackProblem,
    FeedbackProblemKind,
)
from workflows.domain.people import Role
from workflows.domain.policy.detectors import Detector

WORKING, READING = frozenset({Role.SPECIALIST}), frozenset({Role.AUDITOR})


def _detector(scene: Scene, **more: object) -> Detector:
    title = scene.words.titled("吊り上げの疑い", "Shill bidding")
    return Detector.model_validate({**SHILL, "title": title, "expect": {"every": "15m"}, **more})


def _lines(scene: Scene) -> dict[str, DetectorLine]:
    heard = DetectorState(detector="shill", seen_at=NOW - timedelta(minutes=4))
    problem = RunProblem(kind=RunProblemKind.REFUSED, detail=scene.words.evidence)
    failing = {"failures": 3, "retry_at": NOW + timedelta(minutes=2), "problem": problem}
    states = {
        "working": heard,
        "failing": heard.model_copy(update=failing),
        "silent": heard.model_copy(update={"silent_since": NOW - timedelta(hours=1)}),
        "unheard": DetectorState(detector="shill"),
    }
    whole = _detector(scene)
    found = {name: DetectorLine(detector=whole, state=state) for name, state in states.items()}
    pushed = DetectorLine(detector=Detector(detector="chat"), state=heard)
    paused = DetectorLine(detector=whole, state=heard, paused=True)
    return {**found, "pushed": pushed, "paused": paused}


def _runs(scene: Scene) -> list[DetectorRun]:
    junk = (
        JunkRow(row=3, field="subject.id", reason=scene.words.evidence),
        JunkRow(row=0, field="kind", reason=scene.words.evidence),
    )
    problem = RunProblem(kind=RunProblemKind.REFUSED, detail=scene.words.evidence)
    results = (
        RunResult(problem=problem),
        RunResult(rows=9, alerts=5, duplicates=2, junk=2, examples=junk),
    )
    window = Window(since=NOW - timedelta(minutes=5), until=NOW)
    return [
        DetectorRun(detector="shill", at=NOW, window=window, result=each, seconds=0.3)
        for each in results
    ]


def _answers(scene: Scene) -> Iterator[tuple[str, Sent]]:
    lines, runs = _lines(scene), _runs(scene)
    yield "none", said(_asked(scene, [], ShowDetectors()))
    yield "all", said(_asked(scene, list(lines.values()), ShowDetectors()))
    for name, each in lines.items():
        typed = ShowDetectors(name=each.detector.detector)
        yield name, said(_asked(scene, [each], typed, history=runs))
    yield "another name", said(_asked(scene, [lines["working"]], ShowDetectors(name="xyz")))


def _at_once(scene: Scene) -> Iterator[tuple[str, Sent]]:
    lines, (failed, done) = _lines(scene), _runs(scene)
    for name, line, roles, result in (
        ("done", "working", WORKING, done.result),
        ("failed", "working", WORKING, failed.result),
        ("goes on", "working", WORKING, None),
        ("paused", "paused", WORKING, None),
        ("no query", "pushed", WORKING, None),
        ("not a working role", "working", READING, None),
    ):
        wanted = RunDetector(name=lines[line].detector.detector)
        yield name, said(_asked(scene, [lines[line]], wanted, roles=roles, result=result))


def _asked(
    scene: Scene,
    known: list[DetectorLine],
    wanted: ShowDetectors | RunDetector | ResendFeedback,
    history: list[DetectorRun] | None = None,
    roles: frozenset[Role] = WORKING,
    result: RunResult | None = None,
    undelivered: int = 0,
    dead: list[FeedbackMessage] | None = None,
) -> Said:
    harness = Harness(scene)
    harness.detectors.known, harness.detectors.history = known, history or []
    harness.detectors.result, harness.detectors.dead = result, dead or []
    harness.detectors.undelivered = undelivered
    handler = DetectorAnswer(harness.context)
    (answer,) = harness.ask(lambda: handler.answer(wanted, harness.asked("U0SATO", *roles)))
    return answer


def _feedback(scene: Scene) -> Iterator[tuple[str, Sent]]:
    heard = DetectorState(detector="chat", seen_at=NOW)
    address = {"feedback": {"url": {"env": "KOBAN_FEEDBACK_CHAT"}}}
    chat = Detector.model_validate({"detector": "chat", **address})
    delivered = DetectorLine(detector=chat, state=heard)
    yield "delivered", said(_asked(scene, [delivered], ShowDetectors(name="chat")))
    for kind in FeedbackProblemKind:
        problem = FeedbackProblem(kind=kind, status=503)
        count = FeedbackCount(detector="chat", waiting=3, dead=7, oldest=NOW, problem=problem)
        line = delivered.model_copy(
            update={"feedback": count.model_copy(update={"next_at": NOW + timedelta(hours=1)})}
        )
        dead = [a_message(scene.words.id, problem=problem)] * 2
        yield (
            f"undelivered, {kind}",
            said(_asked(scene, [line], ShowDetectors(name="chat"), dead=dead)),
        )
        yield f"list, {kind}", said(_asked(scene, [line], ShowDetectors()))
    waiting = delivered.model_copy(update={"feedback": FeedbackCount(detector="chat", waiting=2)})
    yield "waiting", said(_asked(scene, [waiting], ShowDetectors(name="chat")))
    for name, number, roles in (
        ("again", 7, WORKING),
        ("one again", 1, WORKING),
        ("nothing to repeat", 0, WORKING),
        ("not a working role", 7, READING),
    ):
        wanted = ResendFeedback(name="chat")
        yield name, said(_asked(scene, [waiting], wanted, roles=roles, undelivered=number))


def _gaps(scene: Scene) -> Iterator[tuple[str, Sent]]:
    lines = _lines(scene)
    for many in (1, 20):
        gaps = [lines["failing"], lines["silent"]] * many
        blocks = gaps_page(gaps, scene.catalog)
        yield (
            f"{len(gaps)} gaps",
            said(Said(text=scene.catalog.say("bot.detector.gaps"), blocks=tuple(blocks))),
        )


def _snoozes(scene: Scene) -> Iterator[tuple[str, Sent]]:
    one = SnoozeLine(
        case="K7Q2F9XM0",
        number=5,
        workflow_id="case/off_platform/0123456789ABCDEF",
        version=5,
        card=CardRef(channel="C0LIVE", ts="1700000000.000100"),
        detector="live-chat",
        subject=Subject(type="user", id=scene.words.id),
        by="U0SATO",
        until=NOW + timedelta(hours=8),
        reason=scene.words.said,
    )
    elsewhere = one.model_copy(update={"workflow_id": "imported", "card": None, "reason": ""})
    many = [one.model_copy(update={"number": each}) for each in range(1, 24)]
    for name, lines, roles in (
        ("none", [], WORKING),
        ("one", [one], WORKING),
        ("not a working role", [one], READING),
        ("imported from elsewhere", [elsewhere], WORKING),
        ("more than fit", many, WORKING),
    ):
        harness = Harness(scene)
        harness.ledger.snoozed = tuple(lines)
        handler, asked = DetectorAnswer(harness.context), harness.asked("U0SATO", *roles)
        asking = partial(handler.answer, ShowSnoozes(), asked)
        (answer,) = harness.ask(asking)
        yield name, said(answer)
    yield "a press", said(sentence(scene.catalog.say("bot.snoozes.ending")))


SURFACES = (
    Surface("snoozed detectors", _snoozes),
    Surface("detectors", _answers),
    Surface("detector run", _at_once),
    Surface("feedback to detectors", _feedback),
    Surface("gaps in detection", _gaps),
)
