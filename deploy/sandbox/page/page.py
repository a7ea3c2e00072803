"""Static files of the sandbox page: no build step, no request to another origin."""

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASSETS = Path(__file__).parent / "assets"

# The page shows text of attackers and never parses it as HTML. If that fails, the browser still
# refuses foreign scripts, styles, images and connections.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # A restart of the demo after a change must not show a cached script.
    "cache-control": "no-cache",
}


class Guarded:
    """ASGI wrapper that adds `HEADERS` to every response of the static files."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


async def index(_request: Request) -> Response:
    """The only HTML document; all other files are below `/page/`."""
    return FileResponse(ASSETS / "index.html", media_type="text/html", headers=HEADERS)


def page_routes() -> list[BaseRoute]:
    """Routes of the page: `/` and `/page/*`.

    The app must also serve `/ui/*`, `/market-ui/state` and `/faults` on the same origin: the page
    uses no other one.
    """
    return [
        Route("/", index, methods=["GET"], name="page"),
        Mount("/page", app=Guarded(StaticFiles(directory=ASSETS)), name="page-files"),
    ]
