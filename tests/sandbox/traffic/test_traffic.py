"""Demo traffic: real arrival times and labels, made-up texts."""

import pytest

from deploy.sandbox.traffic import live_chat, phishing, shill_bidding
from deploy.sandbox.traffic.alerts import Scene
from deploy.sandbox.traffic.demo import opening
from workflows.domain.alerts import Alert, ImageEvidence


def test_the_shill_rule_has_the_documented_quality() -> None:
    """On its own 3,186 training records, which flatters it: precision 0.845, recall 0.991."""
    quality = shill_bidding.quality()
    assert (quality.hits, quality.flagged, quality.shills) == (333, 394, 336)
    assert round(quality.precision, 3) == 0.845
    assert round(quality.recall, 3) == 0.991


def test_the_worst_minute_of_phishing() -> None:
    """It has 377 reports of one brand."""
    assert phishing.worst() == phishing.Minute("2022-02-07 17:19", 377)


def test_the_chats_are_the_real_ones() -> None:
    """The data has 26 streams and 63,708 messages."""
    seconds = list(live_chat.seconds())
    assert len({each.stream for each in seconds}) == 26
    assert sum(each.messages for each in seconds) == 63_708


@pytest.mark.parametrize(
    "scene",
    [opening(), live_chat.scene(50), phishing.scene(40), shill_bidding.scene(40)],
    ids=["opening", "live_chat", "phishing", "shill_bidding"],
)
def test_every_alert_is_valid(scene: Scene) -> None:
    """It follows the contract and has a unique id."""
    alerts = [Alert.model_validate(each) for each in scene.alerts]
    assert len({alert.key for alert in alerts}) == len(alerts)


def test_the_opening_has_evidence_of_every_kind() -> None:
    """It has images of the demo's marketplace, hidden texts, and a text over one page."""
    alerts = [Alert.model_validate(each) for each in opening("http://127.0.0.1:8470/market").alerts]
    pieces = [piece for alert in alerts for piece in alert.evidence]
    images = [piece.url for piece in pieces if isinstance(piece, ImageEvidence)]
    assert images == [
        "http://127.0.0.1:8470/market/images/l_31-front.png",
        "http://127.0.0.1:8470/market/images/l_31-logo.png",
        "http://127.0.0.1:8470/market/images/m_91.png",
    ]
    texts = [piece for piece in pieces if not isinstance(piece, ImageEvidence)]
    assert [len(piece.text) for piece in texts if piece.sensitive] == [395]
    assert max(len(piece.text) for piece in texts) > 3_000


def test_the_same_seed_makes_the_same_violations() -> None:
    """A demo can be repeated."""
    ids = [each["id"] for each in live_chat.scene(30).alerts]
    assert ids == [each["id"] for each in live_chat.scene(30).alerts]
