"""Receiver of feedback: the detectors' end of Koban's webhooks, which verifies and can fail."""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.responses import Response


@dataclass(frozen=True)
class Delivery:
    """One request: its `webhook-id`, and the status that it was answered with."""

    detector: str
    id: str
    status: int


class FeedbackReceiver:
    """Verdicts by detector. A receiver keeps one for each id: a repeated one is no other."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self.status = 204
        """Status of answers; above 299 nothing is kept."""
        self.headers: dict[str, str] = {}
        self.deliveries: list[Delivery] = []
        self.taken: dict[str, dict[str, Any]] = {}

    def verdicts(self, alert: str) -> list[dict[str, Any]]:
        """What was said about an alert, by version."""
        found = [each["data"] for each in self.taken.values() if each["data"]["alert"] == alert]
        return sorted(found, key=lambda data: int(data["version"]))

    def standing(self, alert: str) -> dict[str, Any] | None:
        """The verdict that holds, whatever the order in which messages came."""
        return self.verdicts(alert)[-1] if self.verdicts(alert) else None

    def take(self, detector: str, headers: dict[str, str], body: bytes) -> int:
        """Verifies and keeps a message; returns the status of the answer."""
        id_ = headers.get("webhook-id", "")
        status = self.status if self._is_signed(headers, body) else 401
        if status < 300:
            self.taken.setdefault(id_, json.loads(body))
        self.deliveries.append(Delivery(detector, id_, status))
        return status

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        try:
            self._webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError):
            return False
        return True


def feedback_routes(receiver: FeedbackReceiver) -> APIRouter:
    """`POST /feedback/NAME`, as a detector of that name has it."""
    router = APIRouter()

    @router.post("/feedback/{detector}")
    async def take(detector: str, request: Request) -> Response:
        status = receiver.take(detector, dict(request.headers), await request.body())
        return Response(status_code=status, headers=receiver.headers)

    return router
