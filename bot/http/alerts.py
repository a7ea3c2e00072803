"""Alerts over HTTP: signed requests of detectors, answered once Temporal holds every alert."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from bot.http.admission import AlertSubmitter, Handled, TemporalAway
from bot.http.metrics import Metrics
from bot.http.models import EXAMPLE, Batch, Outcome, Refused, Results
from bot.http.signatures import (
    MAX_BODY,
    NotSigned,
    Signer,
    TooLarge,
    TooSlow,
    read_body,
    who_signed,
)
from bot.http.validation import Invalid, NotAlerts, read_alerts
from workflows.domain.alerts import Alert

RETRY_AFTER = 5
"""Seconds after which a detector should send again when Temporal is out of reach."""


@dataclass(frozen=True)
class Keys:
    """What requests are checked with now. `own` are the detectors with a secret of their own."""

    signers: tuple[Signer, ...]
    own: frozenset[str]


@dataclass(frozen=True)
class AlertEndpoint:
    """What the route needs; `keys` is asked at every request, since policy files change."""

    handover: AlertSubmitter
    keys: Callable[[], Keys]
    metrics: Metrics

    async def post_alerts(self, request: Request) -> Response:
        """Answers one request; nothing that it refuses has had an effect."""
        try:
            body = await read_body(request)
            keys = self.keys()
            signer = who_signed(body, request.headers, keys.signers)
            return await self._take(read_alerts(body, signer.detector, keys.own))
        except TooLarge:
            return as_json(413, {"error": f"A request may have at most {MAX_BODY} bytes."})
        except TooSlow:
            return as_json(408, {"error": "The body did not arrive in time."})
        except NotSigned as refused:
            return as_json(401, {"error": str(refused)})
        except NotAlerts as refused:
            pointer = {} if refused.pointer is None else {"pointer": refused.pointer}
            return as_json(422, {"error": str(refused), **pointer})
        except TemporalAway:
            return as_json(
                503,
                {"error": "Temporal is out of reach: send the same alerts again."},
                {"Retry-After": str(RETRY_AFTER)},
            )

    async def _take(self, read: list[Alert | Invalid]) -> Response:
        handled = iter(
            await self.handover.hand_over([one for one in read if not isinstance(one, Invalid)])
        )
        tally: Counter[tuple[str, str]] = Counter()
        results = []
        for one in read:
            result = (
                _refused(one) if isinstance(one, Invalid) else _result(one, next(handled), tally)
            )
            results.append(result)
        invalid = sum(result["result"] == Outcome.INVALID for result in results)
        tally[Outcome.INVALID, ""] += invalid
        self.metrics.alerts(tally)
        if invalid == len(results):
            return as_json(422, {"error": "None of the alerts can be used.", "results": results})
        return as_json(202, {"results": results})


def _refused(one: Invalid) -> dict[str, Any]:
    return {
        "id": one.id,
        "result": Outcome.INVALID,
        "pointer": one.pointer,
        "error": one.error,
    }


def _result(alert: Alert, handled: Handled, tally: Counter[tuple[str, str]]) -> dict[str, Any]:
    if handled.outcome is Outcome.INVALID:
        return _refused(Invalid(alert.id, "/kind", "No playbook takes this alert."))
    tally[handled.outcome, handled.playbook or ""] += 1
    return {"id": alert.id, "result": handled.outcome}


def as_json(
    status: int, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    """An answer with `content` as JSON."""
    return Response(to_json(content), status, headers, media_type="application/json")


_BODY = TypeAdapter(Alert | Batch).json_schema(ref_template="#/components/schemas/{model}")
SCHEMAS: dict[str, Any] = _BODY.pop("$defs")
"""The models of the request body, for the components of the OpenAPI page."""

OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _BODY,
                "examples": {
                    "one": {"summary": "One alert", "value": EXAMPLE},
                    "several": {"summary": "Several alerts", "value": {"alerts": [EXAMPLE]}},
                },
            }
        },
    },
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": description,
        }
        for name, description in (
            ("webhook-id", "Unique to the message; the same one when it is sent again"),
            ("webhook-timestamp", "Seconds since 1970, at most 5 minutes away from now"),
            ("webhook-signature", "v1, and the base64 HMAC-SHA256 (Standard Webhooks)"),
        )
    ],
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": Results, "description": "Temporal holds every accepted alert"},
    401: {"model": Refused, "description": "The signature does not hold"},
    408: {"model": Refused, "description": "The body did not arrive in time"},
    413: {"model": Refused, "description": "The body is over 1 MiB"},
    422: {"model": Refused, "description": "There is nothing usable in it"},
    503: {"model": Refused, "description": "Temporal is out of reach; send it again"},
}
