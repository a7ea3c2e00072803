"""Layer 1: slack_sdk's classes parse the JSON, accept it and serialize it unchanged."""

from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from tests.slack_shapes.sent import Kind, Sent


def model_faults(sent: Sent) -> Iterator[str]:
    """Faults that the classes find, and differences after a round trip.

    `Block.parse` silently skips unknown blocks, so every block must be in the result.
    """
    for index, block in enumerate(sent.blocks):
        pointer = f"/blocks/{index}"
        parsed = Block.parse(block)
        if parsed is None:
            yield f"{pointer}: slack_sdk does not know a block of type {block.get('type')}"
            continue
        yield from _same(pointer, parsed, block)
    if sent.kind in (Kind.MODAL, Kind.HOME):
        yield from _same("", View(**sent.whole), sent.whole)


def _same(pointer: str, parsed: Block | View, given: dict[str, Any]) -> Iterator[str]:
    try:
        written = parsed.to_dict()
    except SlackObjectFormationError as error:
        yield f"{pointer}: {error}"
        return
    if written != given:
        yield f"{pointer}: slack_sdk writes {_first(written, given)}"


def _first(written: object, given: object, pointer: str = "") -> str:
    """The innermost difference."""
    if isinstance(written, dict) and isinstance(given, dict) and written.keys() == given.keys():
        for name in given:
            if written[name] != given[name]:
                return _first(written[name], given[name], f"{pointer}/{name}")
    if isinstance(written, list) and isinstance(given, list) and len(written) == len(given):
        for index, pair in enumerate(zip(written, given, strict=True)):
            if pair[0] != pair[1]:
                return _first(*pair, f"{pointer}/{index}")
    return f"{written!r} at {pointer or '/'} and not {given!r}"
