"""Layer 2: a JSON Schema made from the types that Slack publishes (README.md)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from tests.slack_shapes.sent import Kind, Sent

SCHEMA = json.loads((Path(__file__).parent / "slack_types.schema.json").read_text(encoding="utf-8"))
_NAMED = {Kind.MODAL: "ModalView", Kind.HOME: "HomeView"}


def _of(definition: str) -> Draft7Validator:
    return Draft7Validator({**SCHEMA, "$ref": f"#/definitions/{definition}"})


_BLOCK = _of("KnownBlock")
_VIEWS = {kind: _of(name) for kind, name in _NAMED.items()}


def schema_faults(sent: Sent) -> Iterator[str]:
    """Violations of Slack's types; a misspelt key is one."""
    if sent.kind in _VIEWS:
        yield from _worded("", _VIEWS[sent.kind], sent.whole)
        return
    for index, block in enumerate(sent.blocks):
        yield from _worded(f"/blocks/{index}", _BLOCK, block)


def _worded(pointer: str, validator: Draft7Validator, value: Any) -> Iterator[str]:
    for error in validator.iter_errors(value):
        yield f"{pointer}{_pointer(error)}: {error.message[:300]}"


def _pointer(error: ValidationError) -> str:
    return "".join(f"/{part}" for part in error.absolute_path)
