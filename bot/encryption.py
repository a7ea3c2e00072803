"""Payload encryption: AES-256-GCM for everything that Temporal stores.

The first key encrypts and all keys decrypt, so keys can be rotated while cases are open.
"""

import base64
import binascii
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from bot.errors import InputWrong

KEY_BYTES = 32
NONCE_BYTES = 12
"""NIST SP 800-38D: 96 random bits allow 2³² payloads a key."""

ENCODING = b"binary/encrypted"
_KEY_ID = "encryption-key-id"
_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


class Undecryptable(InputWrong):
    """Payloads that the given keys can't decrypt; the message names the key that is needed."""


@dataclass(frozen=True)
class Key:
    """A key; its id is stored unencrypted with each payload."""

    id: str
    secret: bytes = field(repr=False)


def encryption_keys(value: SecretStr) -> tuple[Key, ...]:
    """Parses `id:base64` of 32 bytes, with commas, the newest first. Raises `ValueError`."""
    keys = tuple(_one_key(one.strip()) for one in value.get_secret_value().split(","))
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("the same id twice")
    return keys


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


class EncryptionCodec(PayloadCodec):
    """Codec that encrypts with the first key. Unencrypted payloads are decoded as they are."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """`keys` has at least one."""
        self._first = keys[0].id
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Wraps each payload, metadata included, in an encrypted one."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Returns the original payloads. Raises `Undecryptable`."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce, name = os.urandom(NONCE_BYTES), self._first.encode()
        encrypted = self._ciphers[self._first].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(metadata={"encoding": ENCODING, _KEY_ID: name}, data=nonce + encrypted)

    def _decrypt(self, payload: Payload) -> Payload:
        if not is_encrypted(payload):
            return payload  # from before a key was set
        name = payload.metadata.get(_KEY_ID, b"")
        shown = name.decode("utf-8", "replace")[:64]
        cipher = self._ciphers.get(shown)
        if cipher is None:
            raise Undecryptable(
                f"Temporal holds data that was encrypted with the key {shown!r}: "
                "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS."
            )
        try:
            clear = cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], name)
        except InvalidTag:
            raise Undecryptable(
                f"Temporal holds data that the key {shown!r} does not open: "
                "KOBAN_TEMPORAL__ENCRYPTION_KEYS has another key under that id."
            ) from None
        return Payload.FromString(clear)
