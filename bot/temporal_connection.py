"""How Koban reaches Temporal: one client a process, and a word about why it can't."""

import asyncio
import re
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, TLSConfig

from bot.errors import SettingWrong
from bot.settings import Temporal

HEALTH_TIMEOUT = timedelta(seconds=2)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two tries to connect: doubled up to the longest."""

log = structlog.get_logger()


async def open_client(settings: Temporal, lazy: bool = True) -> Client:
    """A client; a lazy one connects with its first call, so that a process starts without Temporal.

    Workers take none that is lazy. Raises `RuntimeError` where one that is not can't connect.
    """
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        tls=_tls(settings),
        data_converter=pydantic_data_converter,
        lazy=lazy,
    )


async def temporal_problem(client: Client, settings: Temporal) -> str | None:
    """None where Temporal answers for the namespace, else what to do."""
    where = settings.address
    try:
        if not await client.service_client.check_health(timeout=HEALTH_TIMEOUT):
            return f"Temporal at {where} says that it is not healthy: look at its log."
    except (RPCError, RuntimeError):
        return f"Temporal at {where} does not answer: start it or set KOBAN_TEMPORAL__ADDRESS."
    return None


async def wait_for_temporal(settings: Temporal) -> Client:
    """A connected client; says once that Temporal is away, and once that it is back."""
    pause, told = FIRST_PAUSE, False
    while True:
        try:
            client = await open_client(settings, lazy=False)
        except RuntimeError as away:
            if not told:
                log.warning("temporal_away", address=settings.address, problem=_short(away))
            told = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            if told:
                log.info("temporal_back", address=settings.address)
            return client


def _short(error: RuntimeError) -> str:
    """The innermost reason that the transport gives, such as `Connection refused`."""
    found = re.search(r'message: "([^"]{1,200})"', str(error))
    return found[1] if found else "no connection"


def _tls(settings: Temporal) -> TLSConfig | bool:
    if settings.tls_cert is None and settings.tls_key is None:
        return settings.api_key is not None
    if settings.tls_cert is None or settings.tls_key is None:
        raise SettingWrong(
            "KOBAN_TEMPORAL__TLS_CERT and KOBAN_TEMPORAL__TLS_KEY belong together: set both."
        )
    try:
        return TLSConfig(
            client_cert=settings.tls_cert.read_bytes(),
            client_private_key=settings.tls_key.read_bytes(),
        )
    except OSError as unreadable:
        raise SettingWrong(
            f"The TLS file {unreadable.filename} can't be read: {unreadable.strerror}."
        ) from unreadable
