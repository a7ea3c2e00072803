"""Compressed policy in payloads, one object for all cases with the same version."""

import zlib
from base64 import b85decode, b85encode
from collections import OrderedDict
from functools import lru_cache
from sys import intern

from pydantic import field_validator

from workflows.domain.policy.playbook import Policy
from workflows.domain.values import Value

REMEMBERED = 256
"""Size of the cache of unpacked policies."""


class PackedPolicy(Value):
    """A policy compressed to about a third of its JSON; `version` identifies the content."""

    version: str
    playbook: str
    data: str

    @field_validator("data")
    @classmethod
    def _is_kept_once(cls, data: str) -> str:
        return intern(data)

    @property
    def policy(self) -> Policy:
        """The policy, one object for all cases of a process. Raises `ValueError`."""
        return _unpacked(self.data)


def pack(policy: Policy) -> PackedPolicy:
    """Compresses `policy`. The same object is compressed once."""
    known = _packed.get(id(policy))
    if known is not None and known[0] is policy:
        return known[1]
    data = zlib.compress(policy.model_dump_json(by_alias=True).encode(), 9)
    packed = PackedPolicy(
        version=policy.version,
        playbook=policy.playbook.playbook,
        data=b85encode(data).decode("ascii"),
    )
    _packed[id(policy)] = (policy, packed)
    if len(_packed) > REMEMBERED:
        _packed.popitem(last=False)
    return packed


_packed: OrderedDict[int, tuple[Policy, PackedPolicy]] = OrderedDict()
"""By identity: tests have different policies of one version."""


@lru_cache(maxsize=REMEMBERED)
def _unpacked(data: str) -> Policy:
    try:
        text = zlib.decompress(b85decode(data))
    except zlib.error as error:
        raise ValueError("no compressed policy") from error
    return Policy.model_validate_json(text)
