"""Process plumbing of the commands: event loop, clients, ledger and signals."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import httpx
from slack_sdk.web.async_client import AsyncWebClient

from activities.ledger.database import Database, LedgerRefused, LedgerUnavailable
from activities.platform.client import open_platform
from activities.signatures import Signer
from activities.slack.client import slack_client
from bot.errors import NotReachable, SettingWrong
from bot.settings import Ledger, Settings, need

T = TypeVar("T")

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


def stop_event() -> asyncio.Event:
    """Returns an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
