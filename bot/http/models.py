"""Request and response models of the HTTP API, as the OpenAPI document shows them."""

from typing import Any

from pydantic import BaseModel, Field

from workflows.domain.alerts import Alert, Outcome

MAX_ALERTS = 1000
"""Alerts in one request."""


class RequestRefused(Exception):
    """A request that is refused as a whole.

    `status` and `pointer` (a JSON pointer into the body, or None) go into the answer; the message
    is a sentence for the sender's engineer.
    """

    def __init__(self, sentence: str, pointer: str | None = None, status: int = 422) -> None:
        super().__init__(sentence)
        self.pointer, self.status = pointer, status


class Result(BaseModel):
    """Result of one item. `pointer` is a JSON pointer into it, such as `/evidence/0/url`."""

    id: str | None = Field(None, description="The alert's id, if it has one")
    result: Outcome
    pointer: str | None = Field(None, description="JSON pointer to the invalid field")
    error: str | None = Field(None, description="Reason, in one sentence")


class Results(BaseModel):
    """One result an alert, in the order of the request."""

    results: list[Result]


class Refused(BaseModel):
    """The whole request was refused: nothing of it had an effect, unless `results` says so."""

    error: str = Field(description="Reason, in one sentence")
    pointer: str | None = Field(None, description="JSON pointer to the request's field")
    budget: str | None = Field(None, description="The budget that is used up (429)")
    results: list[Result] | None = Field(None, description="Results by alert, if any")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="Reason, in one sentence")
    error: str = Field(description="The same sentence, as in other answers")


class Batch(BaseModel):
    """Several alerts of one detector."""

    alerts: list[Alert] = Field(max_length=MAX_ALERTS)


EXAMPLE: dict[str, Any] = {
    "id": "chat-000123",
    "detector": "live-chat",
    "kind": "off_platform",
    "subject": {"type": "user", "id": "u_123"},
    "related": [{"type": "stream", "id": "s_9"}, {"type": "listing", "id": "m_77"}],
    "score": 0.93,
    "occurred_at": "2026-11-23T03:04:05Z",
    "title": {"ja": "LINEへの誘導", "en": "Moved the buyer to LINE"},
    "evidence": [{"kind": "text", "text": "LINE ID ください", "sensitive": False}],
    "attributes": {"viewers": 1240},
}
