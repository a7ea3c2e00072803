"""Slack events endpoint: responses to unsigned and broken requests."""

import json
import time

import httpx

from bot.slack.http import MOST_BYTES
from deploy.sandbox.slack.app_client import signature
from tests.bot.slack.conftest import Stage


async def send(
    stage: Stage, http: httpx.AsyncClient, body: bytes, **headers: str
) -> httpx.Response:
    timestamp = headers.pop("timestamp", str(int(time.time())))
    signed = signature(stage.workspace.signing_secret, timestamp, body)
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signed,
        **headers,
    }
    return await http.post(f"{stage.workspace.bot_url}/slack/events", content=body, headers=sent)


async def test_a_wrong_timestamp_is_unauthorised(stage: Stage, http):
    """Old, missing or invalid timestamps give 401, never 500."""
    for timestamp in ("now", "", "1e9", "-1", "9" * 40, "1", "12.5"):
        answer = await send(stage, http, b"command=%2Fkoban", timestamp=timestamp)
        assert answer.status_code == 401, timestamp


async def test_a_wrong_signature_is_unauthorised(stage: Stage, http):
    """Any invalid header gives 401."""
    for signed in ("", "v0=", "v0=" + "0" * 64, "v1=abc"):
        answer = await send(stage, http, b"command=%2Fkoban", **{"X-Slack-Signature": signed})
        assert answer.status_code == 401, signed


async def test_an_unsigned_malformed_body_is_unauthorised(stage: Stage, http):
    """The response does not depend on the body."""
    for body in (b"{", b"[1]", b"payload=%7B", b"\xff\xfe"):
        answer = await send(stage, http, body, **{"X-Slack-Signature": "v0=" + "0" * 64})
        assert answer.status_code == 401


async def test_a_signed_malformed_body_is_a_bad_request(stage: Stage, http):
    """The status is 400, without a traceback."""
    for body in (b"{", b"payload=%7B", b"payload=%5B1%5D"):
        answer = await send(stage, http, body)
        assert (answer.status_code, answer.text) == (400, "unreadable body")


async def test_a_body_over_the_cap_is_too_large(stage: Stage, http):
    """The body is not read."""
    answer = await send(stage, http, b"x" * (MOST_BYTES + 1))
    assert answer.status_code == 413


async def test_slacks_address_check_is_answered(stage: Stage, http):
    """The response has Slack's challenge."""
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    answer = await send(stage, http, body, **{"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json() == {"challenge": "3eZbrw1a"}


async def test_the_first_request_costs_no_call_to_slack(stage: Stage, http):
    """Bolt would call auth.test before the first ack."""
    sato = stage.person("U0SATO")
    await sato.press(await stage.message(sato, stage.card()), "case.claim")
    assert stage.workspace.calls == {}
