"""Rate limits and fault switches."""

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.slack.faults import SlackFault
from deploy.sandbox.slack.person import WAIT_SECONDS
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_posting_is_one_a_second_per_channel_after_a_burst():
    """Each channel has its own limit."""
    clock = Clock()
    rates = Rates(clock=clock)
    burst = [rates.wait_for("chat.postMessage", "C0LIVE") for _ in range(5)]
    assert burst == [0, 0, 0, 0, 1]
    assert rates.wait_for("chat.postMessage", "C0MARKET") == 0
    clock.now += 1
    assert rates.wait_for("chat.postMessage", "C0LIVE") == 0
    assert rates.wait_for("chat.postMessage", "C0LIVE") == 1


@pytest.mark.parametrize(
    ("method", "burst", "retry_after"),
    [("usergroups.list", 10, 3), ("chat.update", 25, 2), ("views.open", 50, 1)],
)
def test_tiers_refill_at_their_pace(method: str, burst: int, retry_after: int):
    """The tiers allow 20, 50 and 100 calls a minute, half of them at once."""
    clock = Clock()
    rates = Rates(clock=clock)
    assert [rates.wait_for(method) for _ in range(burst + 1)] == [0] * burst + [retry_after]
    clock.now += retry_after
    assert rates.wait_for(method) == 0


def test_a_minute_lets_no_more_through_than_tier_and_burst():
    """chat.update every 100 ms for a minute: 50 calls are refilled, 25 are the burst."""
    clock = Clock()
    rates = Rates(clock=clock)
    taken = 0
    for tick in range(600):
        clock.now = tick / 10
        taken += rates.wait_for("chat.update") == 0
    assert taken == 74


async def test_a_limited_call_answers_429_with_retry_after(
    client: AsyncWebClient, workspace: Workspace
):
    """The SDK raises an error with the header."""
    workspace.rates = Rates(channel_burst=1)
    await client.chat_postMessage(channel="C0LIVE", text="1")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0LIVE", text="2")
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == "1"
    assert workspace.refused["chat.postMessage"] == 1


async def test_slack_429_refuses_every_call_until_switched_off(
    client: AsyncWebClient, workspace: Workspace
):
    """Nothing is written meanwhile."""
    workspace.faults.set("slack_429", True)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0LIVE", text="x")
    assert workspace.messages.all("C0LIVE") == []
    workspace.faults.set("slack_429", False)
    assert (await client.chat_postMessage(channel="C0LIVE", text="x"))["ok"]


async def test_a_lost_response_leaves_the_write_behind(
    client: AsyncWebClient, workspace: Workspace
):
    """The client sees a broken connection, the SDK retries, and the message is posted twice."""
    workspace.faults.set("slack_lost_response", True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.chat_postMessage(channel="C0LIVE", text="x")
    assert [m.text for m in workspace.messages.all("C0LIVE")] == ["x", "x"]


async def test_slack_down_answers_503(slack: str, workspace: Workspace):
    """This includes the Web API and response URLs."""
    workspace.faults.set("slack_down", True)
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        assert (await http.post("/api/api.test")).status_code == 503
        assert (await http.post("/response/x", json={})).status_code == 503


async def test_faults_are_switched_over_http(slack: str, workspace: Workspace):
    """An unknown name is a 404; the listing has titles in both languages."""
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        await http.post("/faults", json={"name": "slack_429", "on": True})
        unknown = await http.post("/faults", json={"name": "moon", "on": True})
        listing = (await http.get("/faults")).json()
    assert unknown.status_code == 404
    assert workspace.faults.on(Fault.SLACK_429)
    assert listing[0] == {
        "name": "slack_429",
        "on": True,
        "title": {
            "ja": "Slack のレート制限（429）",
            "en": "Slack rate limit (429)",
        },
    }
    assert [one["name"] for one in listing] == [fault.value for fault in SlackFault]


def test_listeners_get_real_changes_only():
    """Switching on an active fault changes nothing; clear ends all faults."""
    faults, heard = Faults(), []
    faults.on_change(lambda fault, on: heard.append((fault, on)))
    faults.set("kill_bot", True)
    faults.set("kill_bot", True)
    faults.clear()
    assert heard == [(Fault.KILL_BOT, True), (Fault.KILL_BOT, False)]
