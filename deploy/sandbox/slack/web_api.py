"""Routes that the app calls: `/api/{method}`, response URLs, uploads, files."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.datastructures import UploadFile
from starlette.types import Receive, Scope, Send

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.faults import SlackFault
from deploy.sandbox.slack.methods.chat import respond
from deploy.sandbox.slack.methods.table import METHODS, WITH_APP_TOKEN, WITHOUT_TOKEN
from deploy.sandbox.slack.workspace import Workspace

HANG_SECONDS = 30.0
LOOK_SECONDS = 0.1


class LostResponse(Response):
    """Closes the connection without an answer, after the call was carried out."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn hands out its request cycle as `receive`; its transport is the connection.
        cycle = getattr(receive, "__self__", None)
        transport = getattr(cycle, "transport", None)
        if transport is None:
            await Response(status_code=500)(scope, receive, send)
            return
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            continue


def api_router(workspace: Workspace) -> APIRouter:
    router = APIRouter()

    @router.api_route("/api/{method}", methods=["GET", "POST"])
    async def call(method: str, request: Request) -> Response:
        learn_base_url(workspace, request)
        return await _failing(workspace, lambda: _call(workspace, method, request))

    @router.post("/response/{token}")
    async def response_url(token: str, request: Request) -> Response:
        body = await _json_body(request)
        return await _failing(workspace, lambda: _respond(workspace, token, body))

    @router.post("/upload/{token}")
    async def upload(token: str, request: Request) -> Response:
        if not workspace.uploads.receive(token, await _uploaded(request)):
            return PlainTextResponse("wrong upload url or length", 400)
        return PlainTextResponse("OK")

    @router.get("/files/{file_id}")
    async def file(file_id: str) -> Response:
        found = workspace.uploads.files.get(file_id)
        if found is None:
            return PlainTextResponse("file_not_found", 404)
        # Uploads are untrusted: the page may show them as images, never run them.
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return Response(found.content, media_type=found.mimetype, headers=headers)

    return router


def learn_base_url(workspace: Workspace, request: Request) -> None:
    if not workspace.base_url:
        workspace.base_url = str(request.base_url).rstrip("/")


async def _failing(workspace: Workspace, work: Callable[[], Awaitable[Response]]) -> Response:
    if workspace.faults.on(SlackFault.DOWN):
        return PlainTextResponse("service unavailable", 503)
    if workspace.faults.on(SlackFault.HANG):
        await _hang(workspace)
        return PlainTextResponse("gateway timeout", 504)
    response = await work()
    if workspace.faults.on(SlackFault.LOST_RESPONSE):
        return LostResponse()
    return response


async def _hang(workspace: Workspace) -> None:
    for _ in range(int(HANG_SECONDS / LOOK_SECONDS)):
        if not workspace.faults.on(SlackFault.HANG):
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _call(workspace: Workspace, method: str, request: Request) -> Response:
    given = await _arguments(request)
    workspace.calls[method] += 1
    if workspace.faults.on(SlackFault.RATE_LIMITED):
        return _limited(workspace, method, 1)
    try:
        _authorise(workspace, method, given, request)
        args = Args(given)
        wait = workspace.rates.wait_for(method, _rate_channel(workspace, args))
        if wait:
            return _limited(workspace, method, wait)
        refusal = workspace.refuses(method, given)
        if refusal is not None:
            raise SlackError(refusal)
        scopes = {"X-OAuth-Scopes": workspace.scopes} if workspace.scopes else None
        return JSONResponse(METHODS[method](workspace, args), headers=scopes)
    except SlackError as refusal:
        return JSONResponse(refusal.as_json())


def _limited(workspace: Workspace, method: str, seconds: int) -> Response:
    workspace.refused[method] += 1
    body = {"ok": False, "error": "ratelimited"}
    return JSONResponse(body, 429, headers={"Retry-After": str(seconds)})


def _rate_channel(workspace: Workspace, args: Args) -> str | None:
    try:
        return workspace.channel(args.text("channel")).id
    except SlackError:
        return None


def _authorise(workspace: Workspace, method: str, given: dict, request: Request) -> None:
    if method not in METHODS:
        raise SlackError("unknown_method")
    if method in WITHOUT_TOKEN:
        return
    header = request.headers.get("authorization", "")
    token = header.removeprefix("Bearer ") if header else str(given.get("token") or "")
    if not token:
        raise SlackError("not_authed")
    if token not in (workspace.bot_token, workspace.app_token):
        raise SlackError("invalid_auth")
    if (token == workspace.app_token) != (method in WITH_APP_TOKEN):
        raise SlackError("not_allowed_token_type")


async def _arguments(request: Request) -> dict:
    given: dict = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        given |= await _json_body(request)
    elif kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        given |= dict(await request.form())
    return given


async def _json_body(request: Request) -> dict:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _uploaded(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return await request.body()
    for part in (await request.form()).values():
        if isinstance(part, UploadFile):
            return await part.read()
    return b""


async def _respond(workspace: Workspace, token: str, body: dict) -> Response:
    try:
        respond(workspace, workspace.response_urls.use(token), body)
    except SlackError as refusal:
        status = 404 if refusal.code in ("expired_url", "used_url") else 400
        return JSONResponse(refusal.as_json(), status)
    return PlainTextResponse("ok")
