"""Temporal client: connection, TLS, payload conversion and worker versioning from the settings."""

import dataclasses
import functools
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadConverter,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, TLSConfig
from temporalio.worker import WorkerDeploymentConfig

from bot.encryption import UNSEALED, EncryptionCodec, Undecryptable, is_encrypted
from bot.errors import SettingWrong
from bot.settings import Temporal, is_loopback
from bot.tasks import until_connected

HEALTH_TIMEOUT = timedelta(seconds=2)

SAMPLES = 5
"""Running workflows that are read to find a missing key."""


@functools.cache
def _shared_converter() -> PayloadConverter:
    """The process's only payload converter, which caches type adapters.

    temporalio would make a new one for every workflow, and two for every workflow task.
    """
    return PydanticPayloadConverter()


_CONVERTER = DataConverter(payload_converter_class=cast(type[PayloadConverter], _shared_converter))


async def open_client(settings: Temporal, lazy: bool = True) -> Client:
    """Opens a client. A lazy one connects with its first call; others may raise `RuntimeError`."""
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        tls=_tls(settings),
        data_converter=data_converter(settings),
        lazy=lazy,
    )


def data_converter(settings: Temporal) -> DataConverter:
    """Returns the data converter, which encrypts payloads and failures when there is a key."""
    if not settings.keys:
        return _CONVERTER
    return dataclasses.replace(
        _CONVERTER,
        payload_codec=EncryptionCodec(
            settings.keys, settings.refused_keys, settings.unsealed_until
        ),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def temporal_problem(client: Client, settings: Temporal) -> str | None:
    """Returns None when Temporal answers, else a sentence about what to do."""
    where = settings.address
    try:
        if not await client.service_client.check_health(timeout=HEALTH_TIMEOUT):
            return f"Temporal at {where} says that it is not healthy: look at its log."
    except (RPCError, RuntimeError):
        return f"Temporal at {where} does not answer: start it or set KOBAN_TEMPORAL__ADDRESS."
    return None


async def encryption_problem(client: Client) -> str | None:
    """Returns None when a running workflow can be decrypted, else which key is missing.

    A worker with a wrong key would only fail one workflow task after the other. One forged workflow
    must not stop it: of the newest running ones, one is enough.
    """
    problem: str | None = None
    try:
        async for found in client.list_workflows("ExecutionStatus = 'Running'", limit=SAMPLES):
            handle = client.get_workflow_handle(found.id, run_id=found.run_id)
            one = await _start_problem(client, handle)
            if one is None:
                return None
            problem = problem or one
    except RPCError:
        return None  # unreachable, or the workflow has ended meanwhile: not about keys
    return problem


async def _start_problem(client: Client, handle: WorkflowHandle[Any, Any]) -> str | None:
    async for event in handle.fetch_history_events(page_size=1):
        payloads = event.workflow_execution_started_event_attributes.input.payloads
        try:
            await _decode(client, handle.id, payloads)
        except Undecryptable as error:
            return str(error)
        except ApplicationError as error:
            return None if error.type == UNSEALED else str(error)
        break
    return None


async def _decode(client: Client, workflow_id: str, payloads: Sequence[Payload]) -> None:
    context = WorkflowSerializationContext(client.namespace, workflow_id)
    codec = client.data_converter.with_context(context).payload_codec
    if codec is not None:
        await codec.decode(payloads)
    elif any(is_encrypted(payload) for payload in payloads):
        raise Undecryptable(
            "Temporal holds encrypted data: set KOBAN_TEMPORAL__ENCRYPTION_KEYS to its keys."
        )


def exposures(settings: Temporal, signs: bool = True) -> tuple[str, ...]:
    """Sentences on missing protection of Temporal; `signs`: for a process that signs decisions."""
    found = []
    is_open = not (settings.api_key or settings.tls_cert or settings.tls_ca)
    if is_open and not is_loopback(settings.address.rpartition(":")[0]):
        found.append(
            f"Temporal at {settings.address} is reached without TLS: set "
            "KOBAN_TEMPORAL__TLS_CERT and KOBAN_TEMPORAL__TLS_KEY, or KOBAN_TEMPORAL__API_KEY."
        )
    if not settings.keys:
        found.append(
            "Everybody who reaches Temporal can decide as a lead: set "
            "KOBAN_TEMPORAL__ENCRYPTION_KEYS."
        )
    if signs and not settings.signers:
        found.append(
            "Enforcements and snapshots are not signed: set KOBAN_TEMPORAL__SIGNING_KEYS "
            "for koban work."
        )
    if settings.unsealed_until is not None and datetime.now(UTC) < settings.unsealed_until:
        found.append(
            f"Payloads without encryption are accepted until {settings.unsealed_until.isoformat()} "
            "(KOBAN_TEMPORAL__UNSEALED_UNTIL)."
        )
    return tuple(found)


async def wait_for_temporal(settings: Temporal) -> Client:
    """Returns a connected client, as soon as Temporal can be reached."""

    async def connect() -> Client:
        try:
            return await open_client(settings, lazy=False)
        except RuntimeError as error:
            raise ConnectionError(_reason(error)) from error

    return await until_connected(connect, ConnectionError, "temporal", settings.address)


def _reason(error: RuntimeError) -> str:
    """The transport's innermost reason, such as `Connection refused`."""
    found = re.search(r'message: "([^"]{1,200})"', str(error))
    return found[1] if found else "no connection"


def _tls(settings: Temporal) -> TLSConfig | bool:
    if settings.tls_cert is None and settings.tls_key is None and settings.tls_ca is None:
        return settings.api_key is not None
    if (settings.tls_cert is None) is not (settings.tls_key is None):
        raise SettingWrong(
            "KOBAN_TEMPORAL__TLS_CERT and KOBAN_TEMPORAL__TLS_KEY belong together: set both."
        )
    try:
        return TLSConfig(
            server_root_ca_cert=_read(settings.tls_ca),
            client_cert=_read(settings.tls_cert),
            client_private_key=_read(settings.tls_key),
        )
    except OSError as error:
        raise SettingWrong(
            f"The TLS file {error.filename} can't be read: {error.strerror}."
        ) from error


def _read(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()


def deployment_of(settings: Temporal) -> WorkerDeploymentConfig | None:
    """Deployment and build of the worker; None for neither. Raises `SettingWrong` for one alone."""
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
