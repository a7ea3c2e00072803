"""Encrypts what Temporal stores: its operators, its disk and its backups see no alert.

Every payload is sealed with AES-256-GCM by the first key; each key that is set still reads, so
that keys can be rotated while cases of the old one are open.
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
"""NIST SP 800-38D: 96 bits; drawn at random, good for 2³² payloads a key."""

ENCODING = b"binary/encrypted"
_KEY_ID = "encryption-key-id"
_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


class Unreadable(InputWrong):
    """What Temporal holds can't be decrypted; the message says with which key it would be."""


@dataclass(frozen=True)
class Key:
    """One key by its id, which is stored in the clear beside what it sealed."""

    id: str
    secret: bytes = field(repr=False)


def encryption_keys(written: SecretStr) -> tuple[Key, ...]:
    """The keys in one setting: `id:base64`, several with commas, the newest first.

    Raises:
        ValueError: where one of them is not an id and base64 of 32 bytes, or an id comes twice.
    """
    keys = tuple(_one_key(one.strip()) for one in written.get_secret_value().split(","))
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("the same id twice")
    return keys


def _one_key(written: str) -> Key:
    name, _, encoded = written.partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not _ID.match(name) or len(secret) != KEY_BYTES:
        raise ValueError("not an encryption key")  # and never what was written
    return Key(name, secret)


def is_sealed(payload: Payload) -> bool:
    """Whether `payload` was encrypted, by whatever key."""
    return payload.metadata.get("encoding") == ENCODING


class Sealed(PayloadCodec):
    """Seals with the first key and opens with all; what was stored in the clear stays readable."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """`keys` has at least one."""
        self._first = keys[0].id
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload whole, with its own metadata, as the data of another."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads as they were. Raises `Unreadable`."""
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        nonce, name = os.urandom(NONCE_BYTES), self._first.encode()
        sealed = self._ciphers[self._first].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(metadata={"encoding": ENCODING, _KEY_ID: name}, data=nonce + sealed)

    def _open(self, payload: Payload) -> Payload:
        if not is_sealed(payload):
            return payload  # from before a key was set
        name = payload.metadata.get(_KEY_ID, b"")
        shown = name.decode("utf-8", "replace")[:64]
        cipher = self._ciphers.get(shown)
        if cipher is None:
            raise Unreadable(
                f"Temporal holds data that was encrypted with the key {shown!r}: "
                "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS."
            )
        try:
            clear = cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], name)
        except InvalidTag:
            raise Unreadable(
                f"Temporal holds data that the key {shown!r} does not open: "
                "KOBAN_TEMPORAL__ENCRYPTION_KEYS has another key under that id."
            ) from None
        return Payload.FromString(clear)
