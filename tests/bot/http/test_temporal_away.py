"""An alert is acknowledged only once Temporal holds it."""

from typing import Any

from tests.bot.http.conftest import Desk
from tests.bot.http.detector import alert


async def test_without_temporal_the_detector_is_asked_to_send_again(desk: Desk) -> None:
    """503 with a time to wait, and no alert is called accepted."""
    desk.cases.away_after = 0
    answer = await desk.post(alert())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {"error": "Temporal is out of reach: send the same alerts again."}


def about(number: int) -> dict[str, Any]:
    """An alert about a subject of its own."""
    return alert(f"a{number}", subject={"type": "user", "id": f"u_{number}"})


async def test_what_was_stored_before_is_a_duplicate_when_sent_again(desk: Desk) -> None:
    """A batch cut in the middle is sent again whole, and nothing is stored twice."""
    batch = {"alerts": [about(number) for number in (1, 2, 3)]}
    desk.cases.away_after = 1
    assert (await desk.post(batch)).status_code == 503
    desk.cases.away_after = None
    answer = await desk.post(batch)
    assert answer.status_code == 202
    assert [one["result"] for one in answer.json()["results"]] == [
        "duplicate",
        "accepted",
        "accepted",
    ]
    assert sorted(desk.cases.ids) == ["a1", "a2", "a3"]


async def test_a_large_batch_does_not_wait_for_every_alert_to_fail(desk: Desk) -> None:
    """After the first failure nothing more is tried than what was in flight."""
    desk.cases.away_after = 0
    answer = await desk.post({"alerts": [about(number) for number in range(1000)]})
    assert answer.status_code == 503
    assert desk.cases.tried <= 32
