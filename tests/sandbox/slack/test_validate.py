"""Method blocks.validate of the stand-in, over its own block check."""

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.sandbox.slack.tiny_bot import CARD, modal

LONG = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
TOO_LONG = {"code": "failed_constraint", "message": "must be less than 151 characters"}


async def refused(call) -> dict:
    with pytest.raises(SlackApiError) as caught:
        await call
    return {name: caught.value.response.get(name) for name in ("error", "errors")}


async def test_valid_blocks_pass(client: AsyncWebClient):
    """A call has blocks, a message or a view."""
    assert (await client.blocks_validate(blocks=CARD))["ok"]
    assert (await client.blocks_validate(message={"blocks": CARD}))["ok"]
    assert (await client.blocks_validate(view=modal()))["ok"]


async def test_faults_have_their_place(client: AsyncWebClient):
    """Faults are objects with a pointer relative to the argument."""
    assert await refused(client.blocks_validate(blocks=[LONG])) == {
        "error": "invalid_blocks",
        "errors": [{"pointer": "/0/text/text", **TOO_LONG}],
    }
    assert await refused(client.blocks_validate(message={"blocks": [LONG]})) == {
        "error": "invalid_message",
        "errors": [{"pointer": "/blocks/0/text/text", **TOO_LONG}],
    }
    assert await refused(client.blocks_validate(view={**modal(), "blocks": [LONG]})) == {
        "error": "invalid_view",
        "errors": [{"pointer": "/blocks/0/text/text", **TOO_LONG}],
    }


async def test_a_message_is_its_blocks_alone(client: AsyncWebClient):
    """`text` is an additional property of a message there."""
    answer = await refused(client.blocks_validate(message={"text": "x", "blocks": CARD}))
    assert [fault["message"] for fault in answer["errors"]] == ["invalid additional property: text"]


@pytest.mark.parametrize("given", [{}, {"blocks": [], "view": {}}])
async def test_exactly_one_argument_is_required(client: AsyncWebClient, given: dict):
    """None and several are refused."""
    answer = await refused(client.blocks_validate(**given))
    assert answer["error"] == "invalid_arguments"


@pytest.mark.parametrize("kind", ["message", "view"])
async def test_garbage_gives_a_fault_and_no_crash(client: AsyncWebClient, kind: str):
    """The argument is a list in place of an object."""
    answer = await refused(client.blocks_validate(**{kind: "[]"}))
    assert answer["errors"] == [
        {"pointer": "", "code": "failed_constraint", "message": "must provide an object"}
    ]


async def test_it_needs_no_token(slack: str):
    """Slack's own method needs no scope."""
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        answer = await http.post("/api/blocks.validate", data={"blocks": "[]"})
    assert answer.json() == {"ok": True}
