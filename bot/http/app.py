"""HTTP app: alerts, appeals, Slack, health and metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.responses import Response

from bot.http.alerts import SCHEMAS
from bot.http.metrics import Metrics, RequestTimer

CHECK_TIMEOUT = 2.0
"""Seconds that `/readyz` waits for each dependency."""

Check = Callable[[], Awaitable[str | None]]
"""Returns None when the dependency answers, else a sentence about what to do."""

log = structlog.get_logger()


def make_app(
    routers: Sequence[APIRouter],
    checks: Mapping[str, Check],
    metrics: Metrics,
    notes: Mapping[str, Check] | None = None,
) -> FastAPI:
    """Builds the app; `/readyz` runs `checks`, and `notes` that keep nothing from working."""
    app = FastAPI(title="Koban", version="1", redoc_url=None)
    app.add_middleware(RequestTimer, metrics=metrics)
    app.add_exception_handler(Exception, _server_error)
    for router in routers:
        app.include_router(router)
    _add_health(app, checks, notes or {}, metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_health(
    app: FastAPI, checks: Mapping[str, Check], notes: Mapping[str, Check], metrics: Metrics
) -> None:
    @app.get("/healthz", summary="Liveness")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Readiness, with every dependency", responses={503: {}})
    async def readyz() -> JSONResponse:
        problems = await _problems({**checks, **notes})
        content = {name: problem or "ok" for name, problem in problems.items()}
        return JSONResponse(content, 503 if any(problems[name] for name in checks) else 200)

    @app.get("/metrics", name="metrics", summary="Metrics for Prometheus", response_class=Response)
    async def prometheus() -> Response:
        return metrics.page()


async def _problems(checks: Mapping[str, Check]) -> dict[str, str | None]:
    found = await asyncio.gather(*(run_check(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def run_check(check: Check, seconds: float = CHECK_TIMEOUT) -> str | None:
    """Returns the result of `check`, or a sentence after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return f"no answer within {seconds:g} s"


async def _server_error(request: Request, error: Exception) -> JSONResponse:
    # bot.log_setup reduces the exception to type and line: it may quote the request.
    log.error("request_failed", path=request.url.path, exc_info=error)
    return JSONResponse({"error": "Internal error: send it again later."}, 500)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
        app.openapi_schema = schema
    return app.openapi_schema
