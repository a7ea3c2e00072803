"""Process plumbing of the commands: event loop, clients, ledger and signals."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TypeVar

import httpx
import structlog
import uvicorn
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient

from activities.ledger.database import (
    Database,
    LedgerGone,
    LedgerRefused,
    LedgerUnavailable,
)
from activities.platform.client import open_platform
from activities.signatures import Signer
from activities.slack.client import slack_client
from bot.errors import InputWrong, NotReachable, SettingWrong
from bot.settings import Http, Ledger, Settings, need

T = TypeVar("T")

log = structlog.get_logger()

_fast_loop: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as _fast_loop
except ImportError:  # not available on Windows
    _fast_loop = None


def run(work: Coroutine[None, None, T]) -> T:
    """Runs a coroutine, on uvloop if there is one (10 % less CPU a case). Raises `Stop`."""
    try:
        with asyncio.Runner(loop_factory=_fast_loop) as runner:
            return runner.run(work)
    except LedgerRefused as error:
        raise SettingWrong(f"{error} Set KOBAN_LEDGER__URL.") from error
    except LedgerGone as error:
        raise NotReachable(str(error)) from error
    except LedgerUnavailable as error:
        raise NotReachable(f"{error} Start it or set KOBAN_LEDGER__URL.") from error


async def open_web(opened: AsyncExitStack, settings: Settings) -> AsyncWebClient:
    """Opens the Slack client, closed with `opened`. Raises `SettingWrong` without a token."""
    need(settings, "slack.bot_token")
    assert settings.slack.bot_token is not None
    token = settings.slack.bot_token.get_secret_value()
    return await opened.enter_async_context(slack_client(token, settings.slack.api_url))


async def open_http(opened: AsyncExitStack, settings: Settings) -> httpx.AsyncClient:
    """Opens the platform's client, closed with `opened`. Raises `SettingWrong` without a URL."""
    need(settings, "platform.base_url")
    assert settings.platform.base_url is not None
    token = settings.platform.token
    http = open_platform(settings.platform.base_url, token.get_secret_value() if token else None)
    return await opened.enter_async_context(http)


@asynccontextmanager
async def open_database(settings: Ledger, signer: Signer | None = None) -> AsyncIterator[Database]:
    """The ledger without migrations, closed with the block; its audit log signed by `signer`."""
    database = Database(settings.url.get_secret_value(), signer)
    try:
        yield database
    finally:
        await database.aclose()


async def need_tables(database: Database) -> None:
    """Checks that the database has a ledger. Raises `InputWrong`, and `LedgerUnavailable`."""
    if not await database.has_tables():
        raise InputWrong(f"The database at {database.shown} has no ledger: check its address.")


def listen(host: str, port: int, settings: str) -> socket.socket:
    """Opens a listening socket before anything else starts. Raises `InputWrong` with `settings`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise InputWrong(
            f"Koban can't listen on {host} port {port} ({why}): set {settings}."
        ) from error


def shown(listener: socket.socket) -> str:
    """The address of a listening socket as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Server beside another one: signals are left to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving_inside(app: FastAPI, http: Http) -> AsyncIterator[None]:
    """Serves `app` on the port for operators, if there is one, for the block."""
    if http.metrics_port is None:
        yield
        return
    names = "KOBAN_HTTP__METRICS_HOST or KOBAN_HTTP__METRICS_PORT"
    with listen(http.metrics_host, http.metrics_port, names) as listener:
        server = _Server(uvicorn.Config(app, ws="none", log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        log.info("listening_inside", url=shown(listener))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


def stop_event() -> asyncio.Event:
    """Returns an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
