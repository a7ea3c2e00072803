"""How a button finds its piece of evidence.

value     `{case_id}:{version}:{item}:{detector}/{alert_id}`
"""

import re
from typing import NamedTuple

_VALUE = re.compile(
    r"(K[0-9A-HJKMNP-TV-Z]{8}):([0-9]{1,9}):([0-9]{1,2}):([A-Za-z0-9_.-]{1,64}/.{1,256})", re.DOTALL
)


class PieceHandle(NamedTuple):
    """A piece of evidence: the `item` (from 0) of an alert, by its key; and the card's version."""

    case: str
    version: int
    item: int
    alert: str


def encode(piece: PieceHandle) -> str:
    """The `value` of a button."""
    return f"{piece.case}:{piece.version}:{piece.item}:{piece.alert}"


def decode(value: str) -> PieceHandle | None:
    """The piece behind a button, or None where Koban made no such value."""
    named = _VALUE.fullmatch(value)
    if named is None:
        return None
    return PieceHandle(named[1], int(named[2]), int(named[3]), named[4])
