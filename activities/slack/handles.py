"""How a button finds its case: its `value` says which case, as of which version; its block where.

value     `{case_id}:{version}`
block_id  the case's route, the workflow id that is asked; in a view with rows `#2` behind it
"""

import re
from typing import NamedTuple

_VALUE = re.compile(r"(K[0-9A-HJKMNP-TV-Z]{8}):([0-9]{1,9})")
_ROUTE = re.compile(
    r"(case/(?:[a-z][a-z0-9_]{0,39}/[0-9A-HJKMNP-TV-Z]{16}|K[0-9A-HJKMNP-TV-Z]{8}))(?:#[1-9])?"
)


class Handle(NamedTuple):
    """What a press carries: the case, the version of the card, and the case's route."""

    case: str
    version: int
    route: str


def encode(case: str, version: int) -> str:
    """The `value` of a button."""
    return f"{case}:{version}"


def row(route: str, number: int) -> str:
    """The `block_id` of one of several rows in a view, where each has to be unique."""
    return f"{route}#{number}"


def decode(value: object, block_id: object) -> Handle | None:
    """The handle of a press, or None where it was not made by Koban."""
    if not isinstance(value, str) or not isinstance(block_id, str):
        return None
    named = _VALUE.fullmatch(value)
    placed = _ROUTE.fullmatch(block_id)
    if named is None or placed is None:
        return None
    return Handle(case=named[1], version=int(named[2]), route=placed[1])
