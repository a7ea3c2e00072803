"""Workspace over real HTTP, a bot's client, and a small Bolt app."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import ON_A_BUSY_MACHINE, Workspace
from tests.sandbox.slack.tiny_bot import TinyBot


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(
        rates=Rates(enabled=False),
        event_retry_delays=(0.0, 0.0),
        ack_seconds=ON_A_BUSY_MACHINE,
    )


class SharedServer:
    """A server for all tests, with the current test's app."""

    def __init__(self) -> None:
        self.app: ASGIApp = FastAPI()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def slack_server() -> AsyncIterator[SharedServer]:
    server = SharedServer()
    async with serving(server) as server.url:
        yield server


@pytest.fixture(scope="session")
async def bot_server() -> AsyncIterator[SharedServer]:
    server = SharedServer()
    async with serving(server) as server.url:
        yield server


@pytest.fixture
async def slack(workspace: Workspace, slack_server: SharedServer) -> AsyncIterator[str]:
    app = make_app(workspace)
    async with app.router.lifespan_context(app):
        slack_server.app, workspace.base_url = app, slack_server.url
        yield slack_server.url


@pytest.fixture
async def client(workspace: Workspace, slack: str) -> AsyncWebClient:
    return AsyncWebClient(token=workspace.bot_token, base_url=f"{slack}/api/")


@pytest.fixture
async def bot(
    workspace: Workspace, client: AsyncWebClient, bot_server: SharedServer
) -> AsyncIterator[TinyBot]:
    tiny = TinyBot(client, workspace.signing_secret)
    bot_server.app, workspace.bot_url = tiny.asgi, bot_server.url
    yield tiny
    tiny.let_go()


@pytest.fixture
async def sato(slack: str) -> AsyncIterator[Person]:
    async with Person(slack, "U0SATO") as person:
        yield person


@pytest.fixture
async def clark(slack: str) -> AsyncIterator[Person]:
    async with Person(slack, "U0CLARK") as person:
        yield person
