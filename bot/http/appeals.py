"""Appeals over HTTP: signed requests that file an appeal or take it back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from temporalio.service import RPCError

from activities.ledger.database import LedgerUnavailable
from bot.http.alerts import OPENAPI, RESPONSES, RETRY_AFTER, Keys, as_json
from bot.http.models import Outcome
from bot.http.signatures import MAX_BODY, NotSigned, TooLarge, TooSlow, read_body, who_signed
from bot.http.validation import DEFAULT_DETECTOR, Invalid, invalid, location, sentence
from workflows.client import OutOfReach
from workflows.domain.appeal.model import Appealed, AppealRequest
from workflows.domain.ids import appeal_id
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text
from workflows.ports.appeals import AppealStart

LEDGER_SECONDS = 1.0
"""A slow ledger must not hold an appeal up: the appeal asks again for itself."""

log = structlog.get_logger()


class NotAnAppeal(Exception):
    """The body as a whole is unusable; the message is a sentence."""


class FilesAppeals(Protocol):
    """The part of `workflows.client.Appeals` that ingest needs. Raises `OutOfReach`."""

    async def file(self, start: AppealStart) -> bool:
        """Stores a new appeal; False where it was there already."""
        ...

    async def withdraw(self, appeal: str) -> bool:
        """Takes an appeal back; False where none is open."""
        ...


class KnowsAppeals(Protocol):
    """What the ledger can tell. Raises `LedgerUnavailable`."""

    async def known(self, appeal: str) -> bool:
        """Whether this appeal was filed before."""
        ...

    async def against(self, case: str, decision: str | None) -> tuple[Appealed | None, bool]:
        """What is appealed against, and whether the case is closed, so that nothing changes it."""
        ...


@dataclass(frozen=True)
class AppealTerms:
    """What a new appeal keeps of the policy; None of it where appeals are not set up."""

    rules: AppealRules
    notice: NoticeCall | None
    titles: dict[str, Text]


@dataclass(frozen=True)
class AppealEndpoint:
    """What the route needs; `keys` and `terms` are asked anew, since policy files change."""

    appeals: FilesAppeals
    ledger: KnowsAppeals
    keys: Callable[[], Keys]
    terms: Callable[[], AppealTerms | None]

    async def post_appeals(self, request: Request) -> Response:
        """Answers one request; nothing that it refuses has had an effect."""
        try:
            body = await read_body(request)
            keys = self.keys()
            signer = who_signed(body, request.headers, keys.signers)
            return await self._answer(read_appeal(body, signer.detector, keys.own))
        except TooLarge:
            return as_json(413, {"error": f"A request may have at most {MAX_BODY} bytes."})
        except TooSlow:
            return as_json(408, {"error": "The body did not arrive in time."})
        except NotSigned as refused:
            return as_json(401, {"error": str(refused)})
        except NotAnAppeal as refused:
            return as_json(422, {"error": str(refused)})
        except (OutOfReach, RPCError):
            return _away()
        except RuntimeError as away:
            # Until its first connection stands, the client says so with a RuntimeError.
            if "client connect" not in str(away):
                raise
            return _away()

    async def _answer(self, read: AppealRequest | Invalid) -> Response:
        result = read if isinstance(read, Invalid) else await self._take(read)
        if isinstance(result, Invalid):
            told = {"id": result.id, "result": Outcome.INVALID}
            told |= {"pointer": result.pointer, "error": result.error}
            error = {"error": "The appeal can't be used.", "results": [told]}
            return as_json(422, error)
        assert isinstance(read, AppealRequest)
        return as_json(202, {"results": [{"id": read.id, "result": result}]})

    async def _take(self, request: AppealRequest) -> Outcome | Invalid:
        appeal = appeal_id(request.source, request.id)
        known = await self._known(appeal)
        if request.withdrawn:
            return await self._withdraw(request, appeal, known)
        if known:
            return Outcome.DUPLICATE
        terms = self.terms()
        if terms is None:
            raise NotAnAppeal("Appeals are not set up here: appeals.yaml is missing.")
        problem = await self._problem(request)
        if problem is not None:
            return problem
        start = AppealStart(
            id=appeal,
            request=request,
            rules=terms.rules,
            notice=terms.notice,
            titles=terms.titles,
        )
        return Outcome.ACCEPTED if await self.appeals.file(start) else Outcome.DUPLICATE

    async def _withdraw(
        self, request: AppealRequest, appeal: str, known: bool
    ) -> Outcome | Invalid:
        if await self.appeals.withdraw(appeal):
            return Outcome.ACCEPTED
        if known:
            return Outcome.DUPLICATE
        return Invalid(request.id, "/id", "There is no appeal with this id to withdraw.")

    async def _known(self, appeal: str) -> bool:
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                return await self.ledger.known(appeal)
        except (LedgerUnavailable, TimeoutError) as away:
            log.warning("ledger_away", error=type(away).__name__)
            return False

    async def _problem(self, request: AppealRequest) -> Invalid | None:
        """Why nothing can be reviewed; None also where the ledger can't tell by now."""
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                found, closed = await self.ledger.against(request.case, request.decision)
        except (LedgerUnavailable, TimeoutError) as away:
            log.warning("ledger_away", error=type(away).__name__)
            return None
        if found is None:
            return Invalid(request.id, "/case", f"There is no case {request.case}.")
        if found.effective or not closed:
            return None
        if found.decision is not None and found.decision.bulk is not None:
            told = (
                f"Decision {found.decision.id} acted on many accounts at once, and can't be "
                f"reviewed for one of them here: ask the team about case {request.case}."
            )
            return Invalid(request.id, "/decision" if request.decision else "/case", told)
        if request.decision is None:
            told = f"No measure of case {request.case} is in force."
            return Invalid(request.id, "/case", told)
        told = f"No measure of decision {request.decision} is in force."
        return Invalid(request.id, "/decision", told)


def read_appeal(body: bytes, speaker: str | None, taken: frozenset[str]) -> AppealRequest | Invalid:
    """The appeal of `body`; `speaker` and `taken` as for alerts.

    Raises:
        NotAnAppeal: where there is no appeal to look at.
    """
    try:
        item = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as broken:
        raise NotAnAppeal(f"The body is not JSON that can be used: {broken}.") from broken
    if not isinstance(item, dict):
        raise NotAnAppeal("The body has to be one appeal.")
    given = item.setdefault("source", speaker or DEFAULT_DETECTOR)
    if speaker is not None and given != speaker:
        return invalid(item, ("source",), f"This request speaks for {speaker[:64]!r} only.")
    if speaker is None and isinstance(given, str) and given in taken:
        return invalid(item, ("source",), "This source signs with a secret of its own.")
    try:
        request = AppealRequest.model_validate(item)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        return invalid(item, location(first), sentence(first))
    if not request.withdrawn and not request.statement.strip():
        return invalid(item, ("statement",), "This field is required.")
    return request


def appeal_routes(intake: AppealEndpoint) -> APIRouter:
    """The route, for the app."""
    router = APIRouter()
    router.add_api_route(
        "/v1/appeals",
        intake.post_appeals,
        methods=["POST"],
        status_code=202,
        summary="Post an appeal against a decision, or take one back",
        responses={**RESPONSES, 202: {**RESPONSES[202], "description": "Temporal holds it"}},
        openapi_extra=_OPENAPI,
        response_class=JSONResponse,
    )
    return router


def _away() -> Response:
    error = {"error": "Temporal is out of reach: send the same appeal again."}
    return as_json(503, error, {"Retry-After": str(RETRY_AFTER)})


EXAMPLE: dict[str, Any] = {
    "id": "ap-1",
    "case": "K7Q2F9XM0",
    "decision": "D1",
    "subject": {"type": "user", "id": "u_123"},
    "statement": "LINEのIDではなく、商品の型番を書いただけです。",
    "submitted_at": "2026-11-25T03:04:05Z",
}
_SCHEMA = TypeAdapter(AppealRequest).json_schema(ref_template="#/components/schemas/{model}")
# Its one inner model, the subject, is published with the alerts.
_SCHEMA.pop("$defs", None)
_OPENAPI: dict[str, Any] = {
    **OPENAPI,
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _SCHEMA, "example": EXAMPLE}},
    },
}
