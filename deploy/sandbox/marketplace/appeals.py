"""Appeals of marketplace users, posted to Koban with a platform's signature."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.marketplace.store import Store
from deploy.sandbox.traffic.sender import signed

SECONDS = 5.0


def appeal_routes(store: Store, koban: Callable[[], str], secret: str) -> APIRouter:
    """`POST /market-ui/appeals` of the page: `{"user": …, "statement": …}`."""
    router = APIRouter()
    numbers = count(1)

    @router.post("/market-ui/appeals")
    async def file(request: Request) -> Response:
        given = await request.json()
        user, statement = str(given.get("user", "")), str(given.get("statement", ""))
        case = store.last_case("users", user)
        if case is None:
            error = {"error": "This user has no sanction."}
            return JSONResponse({"results": [], **error}, 404)
        body = {
            "id": f"ap-{int(datetime.now(UTC).timestamp())}-{next(numbers)}",
            "case": case,
            "subject": {"type": "user", "id": user},
            "statement": statement,
            "submitted_at": datetime.now(UTC).isoformat(),
        }
        return await post_appeal(koban(), secret, body)

    return router


async def post_appeal(koban: str, secret: str, body: dict[str, Any]) -> Response:
    """Koban's response; 503 without one."""
    content = json.dumps(body, ensure_ascii=False)
    try:
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            answer = await http.post(
                f"{koban}/v1/appeals", content=content.encode(), headers=signed(secret, content)
            )
    except httpx.TransportError:
        return JSONResponse({"error": "Koban is unavailable. Please try again."}, 503)
    return Response(answer.content, answer.status_code, media_type="application/json")
