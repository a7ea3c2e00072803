"""HTTP app: alerts, appeals, Slack, health and metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.responses import Response

from bot.http.alerts import OPENAPI, RESPONSES, SCHEMAS, AlertEndpoint
from bot.http.metrics import Timed

CHECK_SECONDS = 2.0
"""How long `/readyz` waits for each dependency."""

Check = Callable[[], Awaitable[str | None]]
"""None where the dependency answers, else a sentence about what to do."""

log = structlog.get_logger()


def make_app(
    intake: AlertEndpoint,
    checks: Mapping[str, Check],
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """The app; `checks` are what `/readyz` asks, `routers` are served beside its own."""
    app = FastAPI(title="Koban", version="1", redoc_url=None)
    app.add_middleware(Timed, metrics=intake.metrics)
    app.add_exception_handler(Exception, _broken)
    for router in routers:
        app.include_router(router)
    app.add_api_route(
        "/v1/alerts",
        intake.post_alerts,
        methods=["POST"],
        status_code=202,
        summary="Post one alert, or several of one detector",
        responses=RESPONSES,
        openapi_extra=OPENAPI,
        response_class=JSONResponse,
    )
    _add_health(app, intake, checks)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_health(app: FastAPI, intake: AlertEndpoint, checks: Mapping[str, Check]) -> None:
    @app.get("/healthz", summary="Whether the process runs")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether what it depends on answers", responses={503: {}})
    async def readyz() -> JSONResponse:
        answers = await asyncio.gather(*(ask(check) for check in checks.values()))
        ready = all(answer is None for answer in answers)
        told = {name: answer or "ok" for name, answer in zip(checks, answers, strict=True)}
        return JSONResponse(told, 200 if ready else 503)

    @app.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return intake.metrics.page()


async def ask(check: Check) -> str | None:
    """The answer of `check`, or a sentence where it takes longer than `CHECK_SECONDS`."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"


async def _broken(request: Request, error: Exception) -> JSONResponse:
    # The trace may quote what was sent, so only its kind and place are logged.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    log.error("request_failed", path=request.url.path, error=type(error).__name__, where=where)
    return JSONResponse({"error": "Koban could not handle this: send it again later."}, 500)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
        app.openapi_schema = schema
    return app.openapi_schema
