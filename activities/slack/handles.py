"""Handles in buttons: case, appeal or piece of evidence, with the version of the card."""

import re
from typing import NamedTuple

from workflows.domain.ids import appeal_workflow_id

# value     `{case_id}:{version}`
# block_id  the case's workflow id; in a view with rows followed by `#2`

_VALUE = re.compile(r"(K[0-9A-HJKMNP-TV-Z]{8}):([0-9]{1,9})")
_WORKFLOW_ID = re.compile(
    r"(case/(?:[a-z][a-z0-9_]{0,39}/[0-9A-HJKMNP-TV-Z]{16}|K[0-9A-HJKMNP-TV-Z]{8}))(?:#[1-9])?"
)


class Handle(NamedTuple):
    """Case, version of the card, and workflow id."""

    case: str
    version: int
    workflow_id: str


def encode(case: str, version: int) -> str:
    """The `value` of a button of a case or appeal."""
    return f"{case}:{version}"


def row(workflow_id: str, number: int) -> str:
    """The unique `block_id` of a row in a view."""
    return f"{workflow_id}#{number}"


def decode(value: object, block_id: object) -> Handle | None:
    """The handle of a button, or None where Koban did not make it."""
    if not isinstance(value, str) or not isinstance(block_id, str):
        return None
    named = _VALUE.fullmatch(value)
    placed = _WORKFLOW_ID.fullmatch(block_id)
    if named is None or placed is None:
        return None
    return Handle(case=named[1], version=int(named[2]), workflow_id=placed[1])


_APPEAL_VALUE = re.compile(r"(A[0-9A-HJKMNP-TV-Z]{12}):([0-9]{1,9})")


class AppealHandle(NamedTuple):
    """Appeal and version of its card."""

    appeal: str
    version: int


def decode_appeal(value: object, block_id: object) -> AppealHandle | None:
    """The handle of an appeal's button, or None where Koban did not make it."""
    named = _APPEAL_VALUE.fullmatch(value) if isinstance(value, str) else None
    if named is None or block_id != appeal_workflow_id(named[1]):
        return None
    return AppealHandle(appeal=named[1], version=int(named[2]))


# value     `{case_id}:{version}:{item}:{detector}/{alert_id}`

_PIECE_VALUE = re.compile(
    r"(K[0-9A-HJKMNP-TV-Z]{8}):([0-9]{1,9}):([0-9]{1,2}):([A-Za-z0-9_.-]{1,64}/.{1,256})", re.DOTALL
)


class PieceHandle(NamedTuple):
    """Piece of evidence: the `item` (from 0) of an alert by its key."""

    case: str
    version: int
    item: int
    alert: str


def encode_piece(piece: PieceHandle) -> str:
    """The `value` of a button."""
    return f"{piece.case}:{piece.version}:{piece.item}:{piece.alert}"


def decode_piece(value: str) -> PieceHandle | None:
    """The piece of a button, or None where Koban did not make it."""
    named = _PIECE_VALUE.fullmatch(value)
    if named is None:
        return None
    return PieceHandle(named[1], int(named[2]), int(named[3]), named[4])
