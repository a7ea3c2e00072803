"""How Koban reaches Temporal: one client a process, and a word about why it can't."""

import asyncio
import dataclasses
import functools
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadConverter,
)
from temporalio.service import RPCError, TLSConfig
from temporalio.worker import WorkerDeploymentConfig

from bot.encryption import Sealed, Unreadable, is_sealed
from bot.errors import SettingWrong
from bot.settings import Temporal

HEALTH_TIMEOUT = timedelta(seconds=2)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two tries to connect: doubled up to the longest."""

log = structlog.get_logger()


@functools.cache
def _one_for_all() -> PayloadConverter:
    """The only payload converter of a process, which knows its types from the first time on.

    temporalio makes a new one for every workflow, and two for every task of one.
    """
    return PydanticPayloadConverter()


_CONVERTER = DataConverter(payload_converter_class=cast(type[PayloadConverter], _one_for_all))


async def open_client(settings: Temporal, lazy: bool = True) -> Client:
    """A client; a lazy one connects with its first call, so that a process starts without Temporal.

    Workers take none that is lazy. Raises `RuntimeError` where one that is not can't connect.
    """
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        tls=_tls(settings),
        data_converter=data_converter(settings),
        lazy=lazy,
    )


def data_converter(settings: Temporal) -> DataConverter:
    """How values become payloads: sealed where there is a key, the words of failures too."""
    if not settings.keys:
        return _CONVERTER
    return dataclasses.replace(
        _CONVERTER,
        payload_codec=Sealed(settings.keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
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


async def unreadable(client: Client) -> str | None:
    """None where the newest running workflow's start can be read, else what to do about the keys.

    Without this look a worker with a wrong key would only fail task after task.
    """
    try:
        async for found in client.list_workflows("ExecutionStatus = 'Running'", limit=1):
            handle = client.get_workflow_handle(found.id, run_id=found.run_id)
            async for event in handle.fetch_history_events(page_size=1):
                payloads = event.workflow_execution_started_event_attributes.input.payloads
                await _opened(client, payloads)
                break
    except Unreadable as sealed:
        return str(sealed)
    except RPCError:
        return None  # out of reach, or gone meanwhile: another check tells of that
    return None


async def _opened(client: Client, payloads: Sequence[Payload]) -> None:
    codec = client.data_converter.payload_codec
    if codec is not None:
        await codec.decode(payloads)
    elif any(is_sealed(payload) for payload in payloads):
        raise Unreadable(
            "Temporal holds encrypted data: set KOBAN_TEMPORAL__ENCRYPTION_KEYS to its keys."
        )


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


def deployment_of(settings: Temporal) -> WorkerDeploymentConfig | None:
    """The worker's deployment and build, or None where it is not versioned.

    Raises:
        SettingWrong: where only one of the two is set.
    """
    if settings.deployment is None and settings.build_id is None:
        return None
    if settings.deployment is None or settings.build_id is None:
        raise SettingWrong(
            "KOBAN_TEMPORAL__DEPLOYMENT and KOBAN_TEMPORAL__BUILD_ID belong together: set both."
        )
    version = WorkerDeploymentVersion(settings.deployment, settings.build_id)
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        # Cases move on with their next task; `PinnedEnforcement` stays with its version.
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
