"""A workspace served over real HTTP, a client as bots use it, and a tiny Bolt app."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace
from tests.sandbox.slack.tiny_bot import TinyBot


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(rates=Rates(enabled=False), event_retry_delays=(0.0, 0.0))


class Door:
    """A server that stays up while each test puts its own app behind it."""

    def __init__(self) -> None:
        self.app: ASGIApp = FastAPI()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def slack_door() -> AsyncIterator[Door]:
    door = Door()
    async with serving(door) as door.url:
        yield door


@pytest.fixture(scope="session")
async def bot_door() -> AsyncIterator[Door]:
    door = Door()
    async with serving(door) as door.url:
        yield door


@pytest.fixture
async def slack(workspace: Workspace, slack_door: Door) -> AsyncIterator[str]:
    app = make_app(workspace)
    async with app.router.lifespan_context(app):
        slack_door.app, workspace.base_url = app, slack_door.url
        yield slack_door.url


@pytest.fixture
async def client(workspace: Workspace, slack: str) -> AsyncWebClient:
    return AsyncWebClient(token=workspace.bot_token, base_url=f"{slack}/api/")


@pytest.fixture
async def bot(
    workspace: Workspace, client: AsyncWebClient, bot_door: Door
) -> AsyncIterator[TinyBot]:
    tiny = TinyBot(client, workspace.signing_secret)
    bot_door.app, workspace.bot_url = tiny.asgi, bot_door.url
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
