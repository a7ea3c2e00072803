"""HTTP app on a free port, with a Temporal that records its calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.admission import AlertSubmitter, Target
from bot.http.alerts import AlertEndpoint
from bot.http.app import make_app
from bot.http.metrics import Metrics
from bot.http.validation import Window
from bot.sender_keys import Keys, signers
from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.bot.http.fakes import (
    APPEALS,
    APPEALS_NEXT,
    COMMON,
    LIVE_CHAT,
    NEXT,
    WEB_SHOP,
    KnownKeys,
    RecordingCases,
    as_json,
    policy,
    signed,
)
from workflows.domain.alerts import Alert
from workflows.domain.policy.matching import AlertRecord

POLICY = policy()
WINDOW = Window(oldest=timedelta(days=36_500), newest=timedelta(minutes=5))
"""The tests' alerts have a date that gets older."""
KEYS = Keys(signers((COMMON, NEXT), {"live-chat": [LIVE_CHAT]}), frozenset({"live-chat"}))
"""Two common secrets, and one detector with its own secret."""
APPEAL_KEYS = Keys(
    signers((APPEALS, APPEALS_NEXT), {"web-shop": [WEB_SHOP]}), frozenset({"web-shop"})
)
"""The same for appeals: none of them is a detector's."""


async def no_record(records: Sequence[AlertRecord]) -> None:
    """Every alert of these tests belongs to a case."""
    raise AssertionError(records)


def target_of(alert: Alert) -> Target | None:
    """A match of one playbook for every kind except `nobody`."""
    return None if alert.kind == "nobody" else Target(POLICY, (alert.subject.key,))


class Front:
    """A server for all tests, with the current test's app."""

    app: ASGIApp

    def __init__(self) -> None:
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls the current test's app."""
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def front() -> AsyncIterator[Front]:
    """One real HTTP server on a free port for all tests of this folder."""
    front = Front()
    server = uvicorn.Server(uvicorn.Config(front, "127.0.0.1", 0, log_config=None, lifespan="off"))
    socket = server.config.bind_socket()
    front.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    serving = asyncio.create_task(server.serve([socket]))
    yield front
    server.should_exit = True
    await serving
    socket.close()


class SigningClient(httpx.AsyncClient):
    """HTTP client that signs what it posts."""

    async def send_signed(
        self, path: str, value: Any, secret: str = COMMON, **headers: str
    ) -> httpx.Response:
        """Posts `value` (bytes as they are) signed with `secret`; `headers` with _ for -."""
        body = value if isinstance(value, bytes) else as_json(value)
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.post(path, content=body, headers={**signed(body, secret), **given})


@dataclass
class AlertServer:
    """The served app and its dependencies."""

    http: SigningClient
    cases: RecordingCases
    known: KnownKeys
    operator: httpx.AsyncClient
    submitter: AlertSubmitter
    checks: dict[str, str | None] = field(default_factory=dict)

    async def post(self, value: Any, secret: str = COMMON, **headers: str) -> httpx.Response:
        """Posts an alert or several."""
        return await self.http.send_signed("/v1/alerts", value, secret, **headers)


@pytest.fixture
async def server(front: Front) -> AsyncIterator[AlertServer]:
    """An app for alerts."""
    cases, known, metrics = RecordingCases(), KnownKeys(), Metrics()
    submitter = AlertSubmitter(cases, target_of, known, record=no_record)
    endpoint = AlertEndpoint(lambda: KEYS, submitter, metrics, WINDOW)
    answers: dict[str, str | None] = {"temporal": None, "ledger": None}

    async def temporal() -> str | None:
        return answers["temporal"]

    async def ledger() -> str | None:
        return answers["ledger"]

    checks = {"temporal": temporal, "ledger": ledger}
    front.app = app = make_app([endpoint.router()], checks, metrics)
    inside = httpx.ASGITransport(app.internal)
    async with (
        SigningClient(timeout=WAIT_SECONDS, base_url=front.url) as http,
        httpx.AsyncClient(transport=inside, base_url="http://inside") as operator,
    ):
        yield AlertServer(http, cases, known, operator, submitter, answers)
