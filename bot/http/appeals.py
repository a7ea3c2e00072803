"""Appeals endpoint: `POST /v1/appeals` files an appeal or withdraws it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import structlog
from pydantic import TypeAdapter
from starlette.responses import Response

from activities.ledger.appeals import AppealsLedger
from activities.ledger.database import Database, LedgerUnavailable, Row
from activities.ledger.queries import Queries
from bot.http.endpoint import Posted, SignedEndpoint, as_json, invalid_result
from bot.http.models import RequestRefused
from bot.http.validation import Invalid, Window, read_appeal
from bot.timeouts import PRODUCTION
from workflows.client import Appeals
from workflows.domain.alerts import Outcome
from workflows.domain.appeal.model import AppealRequest
from workflows.domain.case.model import Phase
from workflows.domain.ids import appeal_id
from workflows.ports.appeals import Against, AppealStart

T = TypeVar("T")

log = structlog.get_logger()

EXAMPLE: dict[str, Any] = {
    "id": "ap-1",
    "case": "K7Q2F9XM0",
    "decision": "D1",
    "subject": {"type": "user", "id": "u_123"},
    "statement": "LINEのIDではなく、商品の型番を書いただけです。",
    "submitted_at": "2026-11-25T03:04:05Z",
}
_SCHEMA = TypeAdapter(AppealRequest).json_schema(ref_template="#/components/schemas/{model}")
# Its only inner model, the subject, is in the components with the alerts.
_SCHEMA.pop("$defs", None)


@dataclass(frozen=True)
class AppealEndpoint(SignedEndpoint):
    """Endpoint for one appeal; `start` returns None while appeals.yaml is missing."""

    appeals: Appeals
    database: Database
    start: Callable[[str, AppealRequest], AppealStart | None]
    window: Window
    ledger_timeout: float = PRODUCTION.ledger
    """Seconds for the ledger's checks; after them the appeal is taken without them."""

    path: ClassVar = "/v1/appeals"
    summary: ClassVar = "File or withdraw an appeal against a decision"
    accepted: ClassVar = "The appeal is stored"
    noun: ClassVar = "appeal"
    account: ClassVar = "Appeals of {sender}"
    content: ClassVar = {"schema": _SCHEMA, "example": EXAMPLE}

    async def process(self, posted: Posted) -> Response:
        """Files or withdraws the appeal; 422 when there is nothing to review."""
        request = await self.intake.work(
            posted.sender,
            lambda: read_appeal(posted.body, posted.speaker, posted.own, self.window),
        )
        outcome = request if isinstance(request, Invalid) else await self._submit(request)
        if isinstance(outcome, Invalid):
            results = [invalid_result(outcome)]
            return as_json(422, {"error": "The appeal is invalid.", "results": results})
        return as_json(202, {"results": [{"id": request.id, "result": outcome}]})

    async def _submit(self, request: AppealRequest) -> Outcome | Invalid:
        appeal = appeal_id(request.source, request.id)
        row = await self._from_ledger(Queries(self.database).appeal(appeal))
        if request.withdrawn:
            return await self._withdraw(appeal, request, row)
        if row is not None:
            return Outcome.DUPLICATE
        start = self.start(appeal, request)
        if start is None:
            raise RequestRefused("Appeals are not enabled: appeals.yaml is missing.")
        problem = await self._from_ledger(self._problem(request))
        if problem is not None:
            return problem
        filed = await self.appeals.file(start)
        return Outcome.ACCEPTED if filed else Outcome.DUPLICATE

    async def _withdraw(
        self, appeal: str, request: AppealRequest, row: Row | None
    ) -> Outcome | Invalid:
        """Withdraws the appeal of this source; `row` is that of the ledger, if it has one."""
        problem = None if row is None else _other_appeal(request, row)
        if problem is not None:
            return problem
        if await self.appeals.withdraw(appeal):
            return Outcome.ACCEPTED
        if row is not None:
            return Outcome.DUPLICATE
        return Invalid(request.id, "/id", "There is no open appeal with this id.")

    async def _problem(self, request: AppealRequest) -> Invalid | None:
        """The reason why there is nothing to review. Raises `LedgerUnavailable`."""
        row = await Queries(self.database).case(request.case)
        against = Against(case=request.case, decision=request.decision)
        found = None if row is None else await AppealsLedger(self.database).load_appealed(against)
        if row is None or found is None:
            return Invalid(request.id, "/case", f"There is no case {request.case}.")
        if found.is_about_other(request.subject) and found.decision is not None:
            sentence = f"Decision {found.decision.id} is not about this subject."
            return Invalid(request.id, "/subject", sentence)
        if found.effective or row["phase"] != Phase.CLOSED:
            return None
        pointer = "/decision" if request.decision else "/case"
        if found.decision is not None and found.decision.bulk is not None:
            sentence = (
                f"Decision {found.decision.id} is a bulk decision and can't be "
                f"appealed for a single account: ask the team about case {request.case}."
            )
            return Invalid(request.id, pointer, sentence)
        what = f"decision {request.decision}" if request.decision else f"case {request.case}"
        return Invalid(request.id, pointer, f"No action of {what} is in effect.")

    async def _from_ledger(self, query: Awaitable[T]) -> T | None:
        """The result of `query`, None when the ledger does not answer in time."""
        try:
            async with asyncio.timeout(self.ledger_timeout):
                return await query
        except (LedgerUnavailable, TimeoutError) as error:
            log.warning("ledger_away", error=type(error).__name__)
            return None


def _other_appeal(request: AppealRequest, row: Row) -> Invalid | None:
    """Refuses a withdrawal that names another case or subject than the appeal with its id."""
    if row["case_id"] != request.case:
        return Invalid(request.id, "/case", "The appeal with this id is about another case.")
    subject, known = request.subject, (row["subject_type"], row["subject_id"])
    if subject is None or known == (None, None) or known == (subject.type, subject.id):
        return None
    return Invalid(request.id, "/subject", "The appeal with this id is of another subject.")
