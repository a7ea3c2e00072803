"""Requests to the platform, filled in from actions.yaml and platform.yaml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import quote

from pydantic import JsonValue

from activities.platform.client import UnusableSubject
from workflows.domain.case.enforcement import idempotency_key
from workflows.domain.policy.actions import ActionSpec
from workflows.ports.cases import Direction, Order

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
_DOTS = frozenset({".", ".."})


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """The path with every value percent-encoded, slashes and dots-only ids included.

    Raises `UnusableSubject` for `.` and `..`, which servers resolve even when encoded, and
    `KeyError` for a placeholder that `values` lacks (`koban check` finds these before).
    """
    return _PLACEHOLDER.sub(lambda match: _segment(values[match[1]]), template)


def _segment(value: str) -> str:
    if value in _DOTS or not value:
        raise UnusableSubject(f"{value!r} can't be part of a path")
    return quote(value, safe="")


def fill_json(template: JsonValue, values: Mapping[str, str | None]) -> JsonValue:
    """The body with its placeholders filled; a string of only a placeholder may become null."""
    if isinstance(template, dict):
        return {key: fill_json(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_json(value, values) for value in template]
    if not isinstance(template, str):
        return template
    alone = _PLACEHOLDER.fullmatch(template)
    if alone:
        return values[alone[1]]
    return _PLACEHOLDER.sub(lambda match: values[match[1]] or "", template)


@dataclass(frozen=True)
class Request:
    """HTTP request; `key` is the same for all retries of a change."""

    method: str
    path: str
    body: JsonValue
    key: str


def request_of(order: Order, spec: ActionSpec) -> Request | None:
    """The request of an order; None for an undo without one. Raises `UnusableSubject`."""
    undo = order.direction is Direction.UNDO
    call = spec.undo if undo else spec.request
    if call is None:
        return None
    return Request(
        method=call.method,
        path=path_of(order, call.path),
        body=None if call.json_ is None else fill_json(dict(call.json_), _values(order)),
        key=idempotency_key(order.case, order.decision, order.planned, undo, order.life),
    )


def path_of(order: Order, template: str) -> str:
    """A path of actions.yaml for this order. Raises `UnusableSubject`."""
    return fill_path(template, {name: value or "" for name, value in _values(order).items()})


def _values(order: Order) -> dict[str, str | None]:
    until = order.until.astimezone(UTC) if order.until is not None else None
    return {
        "subject.id": order.planned.subject.id,
        "subject.type": order.planned.subject.type,
        "case.id": order.case,
        "decision.id": order.decision,
        "actor": order.actor or "koban",
        "until": f"{until:%Y-%m-%dT%H:%M:%SZ}" if until is not None else None,
    }
