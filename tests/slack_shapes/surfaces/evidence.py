"""Evidence surfaces: the list, and the modal of a hidden piece."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from activities.image_decoder import FetchFailure
from activities.slack.evidence import Viewer
from activities.slack.handles import PieceHandle
from bot.slack.evidence.pages import (
    ALERTS,
    ListState,
    Start,
    list_view,
    page_at,
)
from bot.slack.modals.form import sentence_view
from tests.activities.slack.cases import CASE, ROUTE
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.sent import Sent, view
from tests.slack_shapes.words import Words
from workflows.domain.alerts import AlertEvidence, Evidence, ImageEvidence, TextEvidence
from workflows.domain.case.commands import Modal
from workflows.domain.values import Text

AT = datetime(2026, 11, 23, 3, 10, tzinfo=UTC)
MODAL = Modal(id="evidence/0123456789abcdef01234567", carries="{}")
IMAGE = ImageEvidence(url="https://images.market.example/1.png")
VERSION = 999_999_999


def _alert(words: Words, number: int, *pieces: Evidence, **more: object) -> AlertEvidence:
    title = words.policy or "LINEへの誘導"
    given = {
        "key": f"live-chat/chat-{number}",
        "kind": "off_platform",
        "detector": "live-chat",
        "occurred_at": AT - timedelta(minutes=number),
        "score": 0.97,
        "title": Text(ja=title, en=title),
        "evidence": pieces,
    }
    return AlertEvidence.model_validate({**given, **more})


def _pieces(words: Words) -> tuple[Evidence, ...]:
    hidden = TextEvidence(text=words.said, sensitive=True)
    plain_image = IMAGE.model_copy(update={"sensitive": False})
    return (TextEvidence(text=words.said), hidden, IMAGE, plain_image)


def _state(scene: Scene) -> ListState:
    return ListState(
        workflow_id=ROUTE,
        case=CASE,
        version=VERSION,
        channel="C0123456789",
        thread="1763900000.000100",
        language=scene.language,
        until=AT,
    )


def _lists(scene: Scene) -> Iterator[tuple[str, Sent]]:
    words, reader, state = scene.words, scene.reader, _state(scene)
    for key in ("bot.modal.loading", "bot.slash.unavailable", "refusal.roles_unknown"):
        text = scene.catalog.say(key)
        yield key.rpartition(".")[2], view(sentence_view("evidence_list", text, scene.catalog))
    nothing = scene.catalog.say("evidence.none")
    yield "nothing", view(sentence_view("evidence_list", nothing, scene.catalog))
    bare = _alert(words, 1, score=None, title=None)
    many = [_alert(words, number, *_pieces(words) * 25) for number in range(12)]
    long = _alert(words, 1, TextEvidence(text=f"{words.said} " * 40 + "𠮷" * 9_000))
    turned = state.turned_to(Start(1, 40))
    for name, alerts, at in (
        ("without evidence", [bare], state),
        ("one", [_alert(words, 1, *_pieces(words))], state),
        ("first of many", many, state),
        ("in the middle", many, turned),
        ("a long text", [long], state),
    ):
        behind = alerts[at.at.skip : at.at.skip + ALERTS]
        page = page_at(at.at, behind, len(alerts))
        yield name, view(list_view(page, len(alerts), at, reader))


def _viewers(scene: Scene) -> Iterator[tuple[str, Sent]]:
    words, viewer = scene.words, Viewer(scene.reader, MODAL)
    alert = _alert(words, 1)
    yield "loading", view(viewer.loading())
    yield "words", view(viewer.words(alert, words.said))
    yield "too many words", view(viewer.words(alert, words.said + "𠮷" * 40_000))
    yield "no visible words", view(viewer.words(alert, "\u200b"))
    yield "image", view(viewer.image(alert, "F0123456789"))
    yield "refused", view(viewer.refused(scene.catalog.say("refusal.not_shown")))
    piece = PieceHandle(CASE, VERSION, 99, f"live-chat/{words.id}"[:320])
    for why in FetchFailure:
        yield why.value, view(viewer.failed(why.value, piece if why.retryable else None))
    yield "refused by Slack", view(viewer.failed("slack", piece))


SURFACES = (Surface("evidence list", _lists), Surface("evidence piece", _viewers))
