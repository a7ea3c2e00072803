"""From an order to the request that it means, as actions.yaml describes it: pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from activities.platform.template import fill_json, fill_path
from workflows.domain.enforcement import idempotency_key
from workflows.ports import Direction, Order


@dataclass(frozen=True)
class Asked:
    """One request. `key` is the same over all retries of the same change."""

    method: str
    path: str
    body: JsonValue
    key: str


def asked_for(order: Order) -> Asked | None:
    """The request of an order; None where its undo is not described.

    Raises:
        UnusableSubject: where the subject's id can't stand in a path.
    """
    undo = order.direction is Direction.UNDO
    call = order.spec.undo if undo else order.spec.request
    if call is None:
        return None
    return Asked(
        method=call.method,
        path=path_of(order, call.path),
        body=None if call.json_ is None else fill_json(dict(call.json_), _values(order)),
        key=idempotency_key(order.case, order.decision, order.planned, undo, order.life),
    )


def path_of(order: Order, template: str) -> str:
    """A path of actions.yaml for this order. Raises `UnusableSubject`."""
    return fill_path(template, {name: value or "" for name, value in _values(order).items()})


def _values(order: Order) -> dict[str, str | None]:
    until = None if order.until is None else _iso(order.until)
    return {
        "subject.id": order.planned.subject.id,
        "subject.type": order.planned.subject.type,
        "case.id": order.case,
        "decision.id": order.decision,
        "actor": order.actor or "koban",
        "until": until,
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
