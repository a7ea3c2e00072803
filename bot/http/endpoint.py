"""Signed endpoints: authentication, error answers and OpenAPI parts of every `POST` under `/v1`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fastapi import APIRouter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from temporalio.service import RPCError

from bot.admission import BODIES_RETRY, HeldBody, NotStored, TemporalUnavailable
from bot.http.budgets import Intake, OverBudget, Sender, named_in
from bot.http.models import Refused, RequestRefused, Results
from bot.http.signatures import check_encoding, read_body, verify_signature
from bot.http.validation import Invalid
from bot.sender_keys import Keys, Signer
from workflows.client import OutOfReach
from workflows.domain.alerts import Outcome

RETRY_AFTER = 5
"""Seconds until a sender should retry while Temporal is unreachable (the `Retry-After` header)."""


AT_ONCE = 16 * 1024
"""Bytes of a body whose signature is verified without a turn."""


@dataclass(frozen=True)
class Posted:
    """A request with a valid signature; large work on it waits for the turn of `sender`.

    `speaker` is the sender whose own secret signed it, None for the common secret; `own` are the
    senders that the common secret can't speak for. `place` is the name in its path.
    """

    body: bytes
    speaker: str | None
    own: frozenset[str]
    sender: Sender
    place: str = ""


@dataclass(frozen=True)
class SignedEndpoint(ABC):
    """Base of an endpoint. `keys` is called for every request, because policy files change."""

    keys: Callable[[], Keys]
    intake: Intake = field(default_factory=Intake, kw_only=True)

    path: ClassVar[str]
    summary: ClassVar[str]
    accepted: ClassVar[str]
    """Description of the 202 answer."""
    noun: ClassVar[str]
    account: ClassVar[str] = "{sender}"
    """Name of the sender's account in the budgets."""
    content: ClassVar[dict[str, Any]]
    """Schema and examples of the request body, as OpenAPI's media type object."""
    path_parameters: ClassVar[list[dict[str, Any]]] = []
    responses: ClassVar[dict[int | str, dict[str, Any]]] = {}
    """Parameters and answers of this endpoint alone, for OpenAPI."""

    @abstractmethod
    async def process(self, posted: Posted) -> Response:
        """Handles a request with a valid signature.

        Raises:
            RequestRefused: nothing in the body is usable.
            OverBudget: it is more than its sender may send now.
            NotStored, OutOfReach, RPCError: the sender has to send it again.
        """

    async def post(self, request: Request) -> Response:
        """Answers one request; a refused one has no effect."""
        with self.intake.bodies.body() as held:
            return await self._answer(request, held)

    async def _answer(self, request: Request, held: HeldBody) -> Response:
        try:
            body, keys = await read_body(request, held), self.keys()
            signer = await self._verified(request, body, keys)
            place = str(request.path_params.get("name", ""))
            name = self.account.format(sender=signer.sender or place or named_in(body))
            sender = Sender(name, signer.sender is None)
            with self.intake.budgets.request(sender.name, len(body), sender.common):
                return await self.process(Posted(body, signer.sender, keys.own, sender, place))
        except OverBudget as refused:
            content = {"error": str(refused), "budget": refused.budget}
            return as_json(429, content, {"Retry-After": str(refused.retry_after)})
        except RequestRefused as refused:
            pointer = {} if refused.pointer is None else {"pointer": refused.pointer}
            headers = {"Retry-After": str(BODIES_RETRY)} if refused.status == 503 else {}
            if refused.status == 404:
                return _not_found(str(refused))
            return as_json(refused.status, {"error": str(refused), **pointer}, headers)
        except (NotStored, OutOfReach, RPCError) as error_:
            ledger = isinstance(error_, NotStored) and not isinstance(error_, TemporalUnavailable)
            who = "The ledger" if ledger else "Temporal"
            error = f"{who} is unavailable: send the same {self.noun} again."
            return as_json(503, {"error": error}, {"Retry-After": str(RETRY_AFTER)})

    async def _verified(self, request: Request, body: bytes, keys: Keys) -> Signer:
        """The signer. Raises `RequestRefused` (401, 415)."""

        def verify() -> Signer:
            check_encoding(body, request.headers)
            return verify_signature(body, request.headers, keys.signers)

        if len(body) <= AT_ONCE:
            return verify()
        # It takes milliseconds a secret, and anybody can ask for it: those of one peer wait.
        peer = request.client.host if request.client else ""
        signer, _ = await self.intake.turns.run(f"unverified {peer}", verify)
        return signer

    def router(self) -> APIRouter:
        """The endpoint's route with its OpenAPI description."""
        router = APIRouter()
        router.add_api_route(
            self.path,
            self.post,
            methods=["POST"],
            name=f"post_{self.path.removeprefix('/v1/').partition('/')[0]}",
            status_code=202,
            summary=self.summary,
            responses={
                202: {"model": Results, "description": self.accepted},
                **_RESPONSES,
                **self.responses,
            },
            openapi_extra={
                "requestBody": {"required": True, "content": {"application/json": self.content}},
                "parameters": [*self.path_parameters, *_PARAMETERS],
            },
            response_class=JSONResponse,
        )
        return router


def as_json(
    status: int, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    """An answer with `content` as JSON."""
    return Response(to_json(content), status, headers, media_type="application/json")


def _not_found(sentence: str) -> Response:
    """A problem document (RFC 9457), with the `error` that every answer has."""
    problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": sentence}
    content = to_json({**problem, "error": sentence})
    return Response(content, 404, media_type="application/problem+json")


def invalid_result(invalid: Invalid) -> dict[str, Any]:
    """The `Result` of an item that failed validation."""
    return {
        "id": invalid.id,
        "result": Outcome.INVALID,
        "pointer": invalid.pointer,
        "error": invalid.error,
    }


_PARAMETERS = [
    {
        "name": name,
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": description,
    }
    for name, description in (
        ("webhook-id", "Unique per message; a retry has the same id"),
        ("webhook-timestamp", "Seconds since 1970, at most 5 minutes from the current time"),
        ("webhook-signature", "v1, and the base64 HMAC-SHA256 (Standard Webhooks)"),
    )
]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": description}
    for status, description in (
        (401, "The signature is invalid"),
        (408, "The body did not arrive in time"),
        (413, "The body is over 1 MiB"),
        (415, "The body is compressed, or not UTF-8"),
        (422, "The content is invalid"),
        (429, "The sender has used up a budget; send it again after Retry-After"),
        (503, "Temporal is unavailable, or too many large requests are under way; send it again"),
    )
}
