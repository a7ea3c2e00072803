"""HTTP apps: alerts, appeals and Slack on one port, metrics and readiness on the other."""

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


class PublicApp(FastAPI):
    """App of the port that detectors and Slack reach; `internal` is that of the other port.

    The public one describes nothing: neither its API, nor its metrics, nor what it depends on.
    """

    internal: FastAPI


def make_app(
    routers: Sequence[APIRouter],
    checks: Mapping[str, Check],
    metrics: Metrics,
    notes: Mapping[str, Check] | None = None,
) -> PublicApp:
    """Builds both apps; `/readyz` runs `checks`, and inside `notes`, which never change its status.

    `notes` name what keeps nothing from working.
    """
    app = PublicApp(title="Koban", version="1", openapi_url=None)
    app.add_middleware(RequestTimer, metrics=metrics)
    app.add_exception_handler(Exception, _server_error)
    for router in routers:
        app.include_router(router)
    readiness = Readiness(checks)
    _add_liveness(app)

    @app.get("/readyz", summary="Readiness", responses={503: {}})
    async def readyz() -> JSONResponse:
        ready = not any((await readiness.problems()).values())
        return JSONResponse({"status": "ok" if ready else "unavailable"}, 200 if ready else 503)

    app.internal = make_internal_app(checks, metrics, notes, _openapi(app))
    return app


def make_internal_app(
    checks: Mapping[str, Check],
    metrics: Metrics,
    notes: Mapping[str, Check] | None = None,
    schema: dict[str, Any] | None = None,
) -> FastAPI:
    """Builds the app for operators: `/metrics`, `/readyz` with every dependency.

    With the `schema` of the public app also `/docs` and `/openapi.json`.
    """
    pages = {"openapi_url": "/openapi.json" if schema else None}
    app = FastAPI(title="Koban", version="1", redoc_url=None, **pages)  # type: ignore[arg-type]
    if schema is not None:
        app.openapi = lambda: schema  # type: ignore[method-assign]
    readiness = Readiness({**checks, **(notes or {})})
    _add_liveness(app)

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        problems = await readiness.problems()
        content = {name: problem or "ok" for name, problem in problems.items()}
        return JSONResponse(content, 503 if any(problems[name] for name in checks) else 200)

    @app.get("/metrics", response_class=Response)
    async def prometheus() -> Response:
        metrics.note_problems(await readiness.problems())
        return metrics.page()

    return app


def _add_liveness(app: FastAPI) -> None:
    @app.get("/healthz", summary="Liveness")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}


class Readiness:
    """Checks of dependencies; requests at the same time share one run."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._running: asyncio.Task[dict[str, str | None]] | None = None

    async def problems(self) -> dict[str, str | None]:
        """Returns the sentence of each check, None where it answers."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def _run(self) -> dict[str, str | None]:
        try:
            found = await asyncio.gather(*(run_check(check) for check in self._checks.values()))
        finally:
            self._running = None
        return dict(zip(self._checks, found, strict=True))


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
    schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schema.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
    return schema
