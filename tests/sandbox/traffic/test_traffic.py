"""The demo's traffic: real arrival times and labels, made-up words."""

import pytest

from deploy.sandbox.traffic import live_chat, phishing, shill_bidding
from deploy.sandbox.traffic.alerts import Scene
from deploy.sandbox.traffic.demo import opening
from workflows.domain.alerts import Alert, ImageEvidence


def test_the_shill_rule_is_as_good_as_it_says() -> None:
    """On the 3,186 records themselves, which flatters it: precision 0.845, recall 0.991."""
    quality = shill_bidding.quality()
    assert (quality.hits, quality.flagged, quality.shills) == (333, 394, 336)
    assert round(quality.precision, 3) == 0.845
    assert round(quality.recall, 3) == 0.991


def test_the_worst_minute_of_phishing() -> None:
    """377 reports of one brand in one minute."""
    assert phishing.worst() == phishing.Minute("2022-02-07 17:19", 377)


def test_the_chats_are_the_real_ones() -> None:
    """26 streams, 63,708 messages."""
    seconds = list(live_chat.seconds())
    assert len({each.stream for each in seconds}) == 26
    assert sum(each.messages for each in seconds) == 63_708


@pytest.mark.parametrize(
    "scene",
    [opening(), live_chat.scene(50), phishing.scene(40), shill_bidding.scene(40)],
    ids=["opening", "live_chat", "phishing", "shill_bidding"],
)
def test_every_alert_is_one_that_koban_takes(scene: Scene) -> None:
    """The contract's form, and an id of its own."""
    alerts = [Alert.model_validate(each) for each in scene.alerts]
    assert len({alert.key for alert in alerts}) == len(alerts)


def test_the_opening_has_something_to_look_at() -> None:
    """Images at the demo's own marketplace, words that are hidden, and a text over a page."""
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
    """A demo can be told again."""
    ids = [each["id"] for each in live_chat.scene(30).alerts]
    assert ids == [each["id"] for each in live_chat.scene(30).alerts]
