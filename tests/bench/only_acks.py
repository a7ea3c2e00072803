"""Baseline for click → ack: a Bolt app that only acks. `PORT SECRET` as arguments."""

import asyncio
import re
import sys

import uvicorn
from fastapi import FastAPI, Request
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult


async def authorized(**_: object) -> AuthorizeResult:
    """Authorizes without a request."""
    return AuthorizeResult(enterprise_id=None, team_id="T", bot_token="xoxb-x", bot_user_id="U")


def app(secret: str) -> FastAPI:
    """The app, on /slack/events."""
    bolt = AsyncApp(signing_secret=secret, authorize=authorized)

    @bolt.action(re.compile(".*"))
    async def acked(ack):  # type: ignore[no-untyped-def]
        await ack()

    http, handler = FastAPI(), AsyncSlackRequestHandler(bolt)

    @http.post("/slack/events")
    async def events(request: Request):  # type: ignore[no-untyped-def]
        return await handler.handle(request)

    return http


if __name__ == "__main__":
    config = uvicorn.Config(app(sys.argv[2]), "127.0.0.1", int(sys.argv[1]), log_level="error")
    asyncio.run(uvicorn.Server(config).serve())
