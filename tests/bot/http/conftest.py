"""The app over real HTTP on a free port, with a recording desk behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.http.admission import AlertSubmitter, Placed
from bot.http.alerts import AlertEndpoint, Keys
from bot.http.app import make_app
from bot.http.appeals import AppealEndpoint, appeal_routes
from bot.http.metrics import Metrics
from bot.http.signatures import signers
from deploy.sandbox.slack.person import PATIENCE
from tests.bot.http.appellant import TERMS, RecordingAppeals
from tests.bot.http.detector import (
    COMMON,
    LIVE_CHAT,
    NEXT,
    KnownKeys,
    RecordingCases,
    as_json,
    policy,
    signed,
)
from workflows.domain.alerts import Alert

POLICY = policy()


def place(alert: Alert) -> Placed | None:
    """One playbook takes everything but the kind `nobody`."""
    return None if alert.kind == "nobody" else (POLICY, (alert.subject.key,))


class Front:
    """What listens stays; each test puts an app of its own behind it."""

    app: ASGIApp

    def __init__(self) -> None:
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on to the app of the moment."""
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def front() -> AsyncIterator[Front]:
    """One real HTTP server on a free port for all tests of this room."""
    front = Front()
    server = uvicorn.Server(uvicorn.Config(front, "127.0.0.1", 0, log_config=None, lifespan="off"))
    socket = server.config.bind_socket()
    front.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    serving = asyncio.create_task(server.serve([socket]))
    yield front
    server.should_exit = True
    await serving
    socket.close()


@dataclass
class Desk:
    """The served app, and what stands behind it."""

    http: httpx.AsyncClient
    cases: RecordingCases
    known: KnownKeys
    checks: dict[str, str | None] = field(default_factory=dict)
    appeals: RecordingAppeals = field(default_factory=RecordingAppeals)

    async def post(
        self, value: Any, secret: str = COMMON, path: str = "/v1/alerts", **headers: str
    ) -> httpx.Response:
        """Posts `value` (bytes as they are) signed with `secret`; `headers` with _ for -."""
        body = value if isinstance(value, bytes) else as_json(value)
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.http.post(path, content=body, headers={**signed(body, secret), **given})


@pytest.fixture
async def desk(front: Front) -> AsyncIterator[Desk]:
    """A desk with two common secrets and one detector that signs with its own."""
    cases, known = RecordingCases(), KnownKeys()
    keys = Keys(signers((COMMON, NEXT), {"live-chat": [LIVE_CHAT]}), frozenset({"live-chat"}))
    intake = AlertEndpoint(AlertSubmitter(cases, place, known), lambda: keys, Metrics())
    answers: dict[str, str | None] = {"temporal": None, "ledger": None}

    async def temporal() -> str | None:
        return answers["temporal"]

    async def ledger() -> str | None:
        return answers["ledger"]

    appeals = RecordingAppeals()
    filing = AppealEndpoint(appeals, appeals, lambda: keys, lambda: TERMS)
    checks = {"temporal": temporal, "ledger": ledger}
    front.app = make_app(intake, checks, [appeal_routes(filing)])
    async with httpx.AsyncClient(timeout=PATIENCE, base_url=front.url) as http:
        yield Desk(http, cases, known, answers, appeals)
