"""Static files of the sandbox page: no build step, no request to another origin."""

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASSETS = Path(__file__).parent / "assets"

# The page draws text that attackers wrote. It never parses it as HTML; should that ever
# slip, the browser still refuses foreign scripts, styles, images and connections.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # A person who restarts the demo after a change must not see yesterday's script.
    "cache-control": "no-cache",
}


class Guarded:
    """ASGI wrapper that adds ``HEADERS`` to every answer of the files beneath it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


async def index(_request: Request) -> Response:
    """The one HTML document; everything else it needs lies under ``/page/``."""
    return FileResponse(ASSETS / "index.html", media_type="text/html", headers=HEADERS)


def page_routes() -> list[BaseRoute]:
    """Routes for the app that carries the page: ``/`` and ``/page/*``.

    The app must also answer ``/ui/*``, ``/market-ui/state`` and ``/faults`` on the same
    origin: the page talks to nothing else.
    """
    return [
        Route("/", index, methods=["GET"], name="page"),
        Mount("/page", app=Guarded(StaticFiles(directory=ASSETS)), name="page-files"),
    ]
