"""Payload encryption: decrypted with every configured key and with no other."""

import pytest
from temporalio.api.common.v1 import Payload

from bot.encryption import EncryptionCodec, Key, Undecryptable
from bot.settings import Temporal
from bot.temporal import data_converter

OLD, NEW = Key("k1", b"o" * 32), Key("k2", b"n" * 32)
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data='"LINE ID ください"'.encode())


async def sealed_with(*keys: Key) -> Payload:
    """`CLEAR` as Temporal stores it."""
    return (await EncryptionCodec(keys).encode([CLEAR]))[0]


async def test_a_payload_comes_back_as_it_was() -> None:
    """With its metadata; only the key's id is stored unencrypted."""
    stored = await sealed_with(NEW)
    assert await EncryptionCodec([NEW]).decode([stored]) == [CLEAR]
    assert stored.metadata == {"encoding": b"binary/encrypted", "encryption-key-id": b"k2"}
    assert "ください".encode() not in stored.SerializeToString()


async def test_the_same_payload_is_sealed_differently_each_time() -> None:
    """A repeated nonce would reveal both."""
    assert (await sealed_with(NEW)).data != (await sealed_with(NEW)).data


async def test_the_old_key_reads_while_the_new_one_encrypts() -> None:
    """During a rotation the new key comes first, then the old one."""
    stored = await sealed_with(OLD)
    both = EncryptionCodec([NEW, OLD])
    assert await both.decode([stored]) == [CLEAR]
    assert (await both.encode([CLEAR]))[0].metadata["encryption-key-id"] == b"k2"


async def test_what_was_stored_in_the_clear_stays_readable() -> None:
    """Encryption can be turned on while cases are open."""
    assert await EncryptionCodec([NEW]).decode([CLEAR]) == [CLEAR]


async def test_a_key_that_is_gone_is_named() -> None:
    """The error has the missing key and its setting."""
    stored = await sealed_with(OLD)
    with pytest.raises(Undecryptable) as missing:
        await EncryptionCodec([NEW]).decode([stored])
    assert str(missing.value) == (
        "Temporal holds data that was encrypted with the key 'k1': "
        "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS."
    )


@pytest.mark.parametrize("broken", ["another key", "changed", "cut"])
async def test_what_a_key_does_not_open_is_not_taken(broken: str) -> None:
    """Another key with the same id, or manipulated bytes, are refused."""
    stored = await sealed_with(OLD)
    key = Key("k1", b"x" * 32) if broken == "another key" else OLD
    if broken == "changed":
        stored.data = stored.data[:-1] + bytes([stored.data[-1] ^ 1])
    if broken == "cut":
        stored.data = stored.data[:20]
    with pytest.raises(Undecryptable) as refused:
        await EncryptionCodec([key]).decode([stored])
    assert str(refused.value) == (
        "Temporal holds data that the key 'k1' does not open: "
        "KOBAN_TEMPORAL__ENCRYPTION_KEYS has another key under that id."
    )


def test_nothing_is_encrypted_without_a_key() -> None:
    """Payloads are encrypted exactly when a key is set."""
    assert data_converter(Temporal()).payload_codec is None


def test_a_key_and_its_codec_do_not_show_their_bytes() -> None:
    """Logs and tracebacks do not contain them."""
    shown = f"{NEW!r} {EncryptionCodec([NEW])!r} {vars(EncryptionCodec([NEW]))}"
    assert "nnnn" not in shown
