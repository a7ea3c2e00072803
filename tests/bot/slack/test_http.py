"""Slack events endpoint: responses to unsigned and broken requests."""

import json
import time
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from slack_bolt.app.async_app import AsyncApp

from bot.admission import FREE_BYTES, BodyMemory
from bot.errors import FORGERIES, Forgery
from bot.slack.http import MOST_BYTES, slack_routes
from deploy.sandbox.slack.app_client import signature
from tests.bot.slack.conftest import SlackEnvironment


async def send(
    env: SlackEnvironment, http: httpx.AsyncClient, body: bytes, **headers: str
) -> httpx.Response:
    timestamp = headers.pop("timestamp", str(int(time.time())))
    signed = signature(env.workspace.signing_secret, timestamp, body)
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signed,
        **headers,
    }
    return await http.post(f"{env.workspace.bot_url}/slack/events", content=body, headers=sent)


async def test_a_wrong_timestamp_is_unauthorised(env: SlackEnvironment, http):
    """Old, missing or invalid timestamps give 401, never 500."""
    for timestamp in ("now", "", "1e9", "-1", "9" * 40, "1", "12.5"):
        answer = await send(env, http, b"command=%2Fkoban", timestamp=timestamp)
        assert answer.status_code == 401, timestamp


async def test_a_wrong_signature_is_unauthorised(env: SlackEnvironment, http):
    """Any invalid header gives 401."""
    before = FORGERIES[Forgery.SLACK_SIGNATURE]
    for signed in ("", "v0=", "v0=" + "0" * 64, "v1=abc"):
        answer = await send(env, http, b"command=%2Fkoban", **{"X-Slack-Signature": signed})
        assert answer.status_code == 401, signed
    assert FORGERIES[Forgery.SLACK_SIGNATURE] == before + 4


async def test_an_unsigned_malformed_body_is_unauthorised(env: SlackEnvironment, http):
    """The response does not depend on the body."""
    for body in (b"{", b"[1]", b"payload=%7B", b"\xff\xfe"):
        answer = await send(env, http, body, **{"X-Slack-Signature": "v0=" + "0" * 64})
        assert answer.status_code == 401


async def test_a_signed_malformed_body_is_a_bad_request(env: SlackEnvironment, http):
    """The status is 400, without a traceback."""
    for body in (b"{", b"payload=%7B", b"payload=%5B1%5D"):
        answer = await send(env, http, body)
        assert (answer.status_code, answer.text) == (400, "unreadable body")


async def test_a_body_over_the_cap_is_too_large(env: SlackEnvironment, http):
    """The body is not read."""
    answer = await send(env, http, b"x" * (MOST_BYTES + 1))
    assert answer.status_code == 413


async def test_a_body_without_memory_for_it_is_refused(env: SlackEnvironment, http):
    """Many connections can't fill the memory before a signature is verified; Slack sends again."""
    memory, app = BodyMemory(most=10), FastAPI()
    app.include_router(slack_routes(AsyncApp(token="x", signing_secret="x"), "x", memory))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as inside:
        small = await inside.post("/slack/events", content=b"x" * FREE_BYTES)
        large = await inside.post("/slack/events", content=b"x" * (FREE_BYTES + 11))
    assert (small.status_code, large.status_code) == (401, 503)
    assert large.headers["retry-after"] == "5"
    assert memory.used == 0


async def test_slacks_address_check_is_answered(env: SlackEnvironment, http):
    """The response has Slack's challenge."""
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    answer = await send(env, http, body, **{"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json() == {"challenge": "3eZbrw1a"}


async def test_the_first_request_costs_no_call_to_slack(env: SlackEnvironment, http):
    """Bolt would call auth.test before the first ack."""
    sato = env.person("U0SATO")
    await sato.press(await env.message(sato, env.card()), "case.claim")
    assert env.workspace.calls == {}


async def test_the_certificate_check_is_answered(env: SlackEnvironment, http):
    """Slack sends it without a signature, by GET and by POST."""
    url = f"{env.workspace.bot_url}/slack/events"
    assert (await http.get(url, params={"ssl_check": "1"})).status_code == 200
    assert (await http.post(url, content=b"ssl_check=1&token=x")).status_code == 200
    assert (await http.get(url)).status_code == 405


PAYLOADS = {
    "button": {
        "type": "block_actions",
        "trigger_id": "1.2.x",
        "container": {"type": "message", "message_ts": "1.0", "channel_id": "C0LIVE"},
        "message": {"ts": "1.0", "blocks": []},
        "actions": [
            {
                "type": "button",
                "action_id": "case.claim",
                "block_id": "case/off_platform/0123456789ABCDEF",
                "value": "K7Q2F9XM0:1",
                "action_ts": "1.0",
            }
        ],
    },
    "home": {
        "type": "block_actions",
        "view": {"id": "V1", "type": "home", "hash": "x", "callback_id": "", "state": {}},
        "actions": [{"type": "button", "action_id": "storm.open", "block_id": "b", "value": "x"}],
    },
    "submission": {
        "type": "view_submission",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": "decide",
            "private_metadata": "{}",
            "state": {"values": {}},
        },
    },
    "closed": {"type": "view_closed", "view": {"id": "V1", "type": "modal", "callback_id": "x"}},
    "shortcut": {"type": "shortcut", "callback_id": "open_case", "trigger_id": "1.2.x"},
    "message shortcut": {
        "type": "message_action",
        "callback_id": "report",
        "trigger_id": "1.2.x",
        "message": {"ts": "1.0", "text": "x"},
    },
}
PLACES = {
    "team": {"id": "T0KOBAN", "domain": "x"},
    "user": {"id": "U0SATO", "name": "sato", "team_id": "T0KOBAN"},
    "channel": {"id": "C0LIVE", "name": "ts-live"},
}


@pytest.mark.parametrize("missing", [*PLACES, "none"])
@pytest.mark.parametrize("kind", PAYLOADS)
async def test_a_payload_without_its_place_is_no_fault(
    env: SlackEnvironment, http, kind: str, missing: str
) -> None:
    """A missing team, user or channel is refused or ignored, and stores nothing."""
    places = {name: each for name, each in PLACES.items() if name != missing}
    body = urlencode({"payload": json.dumps({**PAYLOADS[kind], **places})}).encode()
    answer = await send(env, http, body)
    assert answer.status_code < 500, answer.text
    if missing == "user":
        assert env.cases.clicks == []


@pytest.mark.parametrize("missing", ["team_id", "user_id", "channel_id", "text", "trigger_id"])
async def test_a_command_without_its_place_is_no_fault(
    env: SlackEnvironment, http, missing: str
) -> None:
    """The same for a slash command."""
    fields = {
        "command": "/koban",
        "text": "help",
        "team_id": "T0KOBAN",
        "user_id": "U0SATO",
        "channel_id": "C0LIVE",
        "trigger_id": "1.2.x",
    }
    body = urlencode({name: each for name, each in fields.items() if name != missing}).encode()
    assert (await send(env, http, body)).status_code < 500


@pytest.mark.parametrize("event", [{"type": "app_home_opened", "tab": "home"}, {"type": "x"}, {}])
async def test_an_event_without_its_person_is_no_fault(
    env: SlackEnvironment, http, event: dict
) -> None:
    """The same for an event."""
    body = json.dumps({"type": "event_callback", "team_id": "T0KOBAN", "event": event}).encode()
    answer = await send(env, http, body, **{"Content-Type": "application/json"})
    assert answer.status_code < 500, answer.text
