"""How a button finds its appeal: `value` is `{appeal}:{version}`, `block_id` the appeal's route."""

import re
from typing import NamedTuple

from workflows.domain.identity import appeal_route

_VALUE = re.compile(r"(A[0-9A-HJKMNP-TV-Z]{12}):([0-9]{1,9})")


class AppealHandle(NamedTuple):
    """What a press carries: the appeal, and the version of its card."""

    appeal: str
    version: int


def encode(appeal: str, version: int) -> str:
    """The `value` of a button."""
    return f"{appeal}:{version}"


def decode(value: object, block_id: object) -> AppealHandle | None:
    """The handle of a press, or None where it was not made by Koban for one appeal."""
    named = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if named is None or block_id != appeal_route(named[1]):
        return None
    return AppealHandle(appeal=named[1], version=int(named[2]))
