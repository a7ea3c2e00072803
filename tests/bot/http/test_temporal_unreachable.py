"""Unreachable Temporal: alerts are accepted only once they are stored."""

import asyncio
from typing import Any

import pytest

from deploy.sandbox.slack.person import wait_until
from tests.bot.http.conftest import AlertServer
from tests.bot.http.fakes import alert


async def test_without_temporal_the_detector_is_asked_to_send_again(server: AlertServer) -> None:
    """503 with a Retry-After, and no alert is accepted."""
    server.cases.away_after = 0
    answer = await server.post(alert())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {"error": "Temporal is unavailable: send the same alerts again."}


def about(number: int) -> dict[str, Any]:
    """An alert about a subject of its own."""
    return alert(f"a{number}", subject={"type": "user", "id": f"u_{number}"})


async def test_what_was_stored_before_is_a_duplicate_when_sent_again(server: AlertServer) -> None:
    """A partly stored batch is sent again, and nothing is stored twice."""
    batch = {"alerts": [about(number) for number in (1, 2, 3)]}
    server.cases.away_after = 1
    assert (await server.post(batch)).status_code == 503
    server.cases.away_after = None
    answer = await server.post(batch)
    assert answer.status_code == 202
    assert [one["result"] for one in answer.json()["results"]] == [
        "duplicate",
        "accepted",
        "accepted",
    ]
    assert sorted(server.cases.ids) == ["a1", "a2", "a3"]


async def test_a_large_batch_does_not_wait_for_every_alert_to_fail(server: AlertServer) -> None:
    """After the first failure only the calls in flight are tried."""
    server.cases.away_after = 0
    answer = await server.post({"alerts": [about(number) for number in range(1000)]})
    assert answer.status_code == 503
    assert server.cases.tried <= 32


@pytest.mark.parametrize("fault", ["refused", "unanswered"])
async def test_a_refused_case_does_not_refuse_the_waiting_ones(
    server: AlertServer, fault: str
) -> None:
    """Only the alerts of the case that Temporal does not take have to be sent again."""
    setattr(server.cases, fault, ("user:u_0",))
    go_on = server.cases.hold()
    posts = [asyncio.create_task(server.post(about(number))) for number in range(80)]
    await wait_until(lambda: server.cases.tried, what="the first calls")
    go_on()
    answers = [await post for post in posts]
    assert [answer.status_code for answer in answers] == [503] + [202] * 79
    assert len(server.cases.ids) == 79
