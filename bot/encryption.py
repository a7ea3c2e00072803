"""Payload encryption: AES-256-GCM for everything that Temporal stores, bound to its workflow.

The first key encrypts and all keys decrypt, so keys can be rotated while cases are open. What is
not encrypted, or for another workflow, is refused (docs/security.md).
"""

import base64
import binascii
import copy
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from bot.errors import FORGERIES, Forgery, InputWrong

log = structlog.get_logger()

KEY_BYTES = 32
NONCE_BYTES = 12
"""NIST SP 800-38D: 96 random bits allow 2³² payloads a key."""
CHECK_BYTES = 8
"""Bytes of a key's check value, which tells a wrong key from a changed payload."""

ENCODING = b"binary/encrypted"
REFUSED = b"binary/refused"
"""Encoding of a refused payload inside a workflow worker; no converter reads it."""
UNSEALED = "Unsealed"
"""Error type of a refused payload."""
_KEY_ID = "encryption-key-id"
_NO_KEY = "refused"
_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")
_REFUSED_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}(/[0-9a-f]{16})?$")
# Temporal appends the time to the workflow id of a schedule; the seal was made without it.
_SCHEDULED = re.compile(r"^((?:report|retention)/.+)-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


class Undecryptable(InputWrong):
    """Payloads that the given keys can't decrypt; the message names the key that is needed."""


@dataclass(frozen=True)
class Key:
    """A key; its id is stored unencrypted with each payload."""

    id: str
    secret: bytes = field(repr=False)

    @property
    def check(self) -> bytes:
        """A value that tells keys of one id apart, and reveals nothing about the key."""
        return hashlib.sha256(b"koban key check\x00" + self.secret).digest()[:CHECK_BYTES]


def encryption_keys(value: SecretStr) -> tuple[Key, ...]:
    """Parses `id:base64` of 32 bytes, with commas, the newest first. Raises `ValueError`.

    Entries `id:refused` are not keys; see `refused_keys`.
    """
    keys = tuple(_one_key(one) for one in _entries(value) if not _is_refused(one))
    if not keys:
        raise ValueError("no key")
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("the same id twice")
    return keys


def refused_keys(value: SecretStr) -> frozenset[str]:
    """The ids (`id` or `id/check`) of entries `id:refused`: payloads that name them are refused."""
    return frozenset(one.rpartition(":")[0] for one in _entries(value) if _is_refused(one))


def _entries(value: SecretStr) -> list[str]:
    return [one.strip() for one in value.get_secret_value().split(",")]


def _is_refused(entry: str) -> bool:
    name, _, key = entry.rpartition(":")
    return key == _NO_KEY and _REFUSED_ID.match(name) is not None


def _one_key(value: str) -> Key:
    name, _, encoded = value.partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not _ID.match(name) or len(secret) != KEY_BYTES:
        raise ValueError("not an encryption key")  # without the value, which is secret
    return Key(name, secret)


def is_encrypted(payload: Payload) -> bool:
    """Whether `payload` is encrypted with any key."""
    return payload.metadata.get("encoding") == ENCODING


def is_refused(payload: Payload) -> bool:
    """Whether a codec refused `payload` for a workflow."""
    return payload.metadata.get("encoding") == REFUSED


def restored(payload: Payload) -> Payload | None:
    """The plain payload that was refused; None for one that was sealed for something else."""
    if "plain" not in payload.metadata:
        return None
    return Payload.FromString(payload.data)


class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """Codec that encrypts with the first key and binds each payload to its workflow's id.

    A payload that is plain, changed or bound to another workflow is refused: with an error, or for
    a workflow by a mark (`REFUSED`), because an error would fail its tasks again and again.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        refused: Iterable[str] = (),
        unsealed_until: datetime | None = None,
    ) -> None:
        """`keys` has at least one; plain payloads are decoded `unsealed_until` that time."""
        self._first = keys[0].id
        self._checks = {key.id: key.check for key in keys}
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._refused = frozenset(refused)
        self._bound = b""
        self._marks = False
        self._context: SerializationContext | None = None
        self.unsealed_until = unsealed_until

    def for_workflows(self) -> Self:
        """A codec for the worker of workflows, which marks what it refuses."""
        made = copy.copy(self)
        made._marks = True
        return made

    def with_context(self, context: SerializationContext) -> Self:
        """A codec bound to the context's workflow."""
        made = copy.copy(self)
        made._bound = _bound_to(context)
        made._context = context
        return made

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Wraps each payload, metadata included, in an encrypted one."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Returns the original payloads. Raises `Undecryptable`, or `ApplicationError` UNSEALED."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce, name = os.urandom(NONCE_BYTES), self._first.encode()
        clear, bound = payload.SerializeToString(), name + b"\x00" + self._bound
        encrypted = self._ciphers[self._first].encrypt(nonce, clear, bound)
        data = self._checks[self._first] + nonce + encrypted
        return Payload(metadata={"encoding": ENCODING, _KEY_ID: name}, data=data)

    def _decrypt(self, payload: Payload) -> Payload:
        if not is_encrypted(payload):
            return self._plain(payload)
        name = payload.metadata.get(_KEY_ID, b"")
        check, sealed = payload.data[:CHECK_BYTES], payload.data[CHECK_BYTES:]
        shown = name.decode("utf-8", "replace")[:64]
        if len(sealed) <= NONCE_BYTES or self._names_no_key(shown, check):
            return self._refuse(payload)
        self._require(shown, check)
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            clear = self._ciphers[shown].decrypt(nonce, encrypted, name + b"\x00" + self._bound)
        except InvalidTag:
            return self._refuse(payload)
        return Payload.FromString(clear)

    def _names_no_key(self, shown: str, check: bytes) -> bool:
        return bool({shown, f"{shown}/{check.hex()}"} & self._refused)

    def _require(self, shown: str, check: bytes) -> None:
        """Raises `Undecryptable` for a key that is not configured: nothing is lost meanwhile."""
        if self._checks.get(shown) == check:
            return
        if self._marks:  # other callers report the error themselves
            log.error("encryption_key_missing", key=f"{shown}/{check.hex()}")
        if shown in self._checks:
            raise Undecryptable(
                f"Temporal holds data that the key {shown!r} does not open: "
                "KOBAN_TEMPORAL__ENCRYPTION_KEYS has another key under that id."
            )
        raise Undecryptable(
            f"Temporal holds data that was encrypted with the key {shown!r}: "
            "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS."
        )

    def _plain(self, payload: Payload) -> Payload:
        until = self.unsealed_until
        # A workflow compares with the time of its task instead, which is the same in a replay.
        if not self._marks_here and until is not None and datetime.now(UTC) < until:
            return payload
        return self._refuse(payload)

    @property
    def _marks_here(self) -> bool:
        """False for activities, which the same worker may run."""
        return self._marks and not isinstance(self._context, ActivitySerializationContext)

    def _refuse(self, payload: Payload) -> Payload:
        plain = not is_encrypted(payload)
        if not self._marks_here:
            FORGERIES[Forgery.UNSEALED] += 1
            log.error("unsealed_refused", plain=plain, bound_to=self._bound.decode())
            what = "is not encrypted" if plain else "was sealed for something else, or changed"
            raise ApplicationError(
                f"A payload at Temporal {what}: it is refused.", type=UNSEALED, non_retryable=True
            )
        metadata = {"encoding": REFUSED, **({"plain": b"true"} if plain else {})}
        return Payload(metadata=metadata, data=payload.SerializeToString() if plain else b"")


def _bound_to(context: SerializationContext) -> bytes:
    """Namespace and workflow id. An activity without a workflow has an id of its own."""
    match context:
        case WorkflowSerializationContext(namespace=namespace, workflow_id=workflow_id):
            return _bound(namespace, workflow_id)
        case ActivitySerializationContext(namespace=namespace, workflow_id=str(workflow_id)) if (
            workflow_id
        ):
            return _bound(namespace, workflow_id)
        case ActivitySerializationContext(namespace=namespace, activity_id=activity_id):
            return _bound(namespace, f"\x00activity/{activity_id}")
        case _:
            return b"\x00"


def _bound(namespace: str, workflow_id: str) -> bytes:
    scheduled = _SCHEDULED.match(workflow_id)
    return f"{namespace}\x00{scheduled[1] if scheduled else workflow_id}".encode(
        "utf-8", "surrogatepass"
    )
