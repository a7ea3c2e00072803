"""Fake server of the sandbox page: canned states that a test can change.

Every POST is recorded in `posts`; the response is set per path.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.sandbox.page.page import page_routes
from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.sandbox.page import canned, canned_market

Json = dict[str, Any]


class FakeUi:
    """Responses of `/ui/state` by person; `changed()` notifies every open page."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.states = {person["id"]: canned.state_of(person) for person in canned.PEOPLE}
        self.market = canned_market.market()
        self.faults = canned_market.faults()
        self.detectors = canned_market.detectors()
        self.shortcuts = list(canned.SHORTCUTS)
        self.posts: list[tuple[str, Json]] = []
        self.answers: dict[str, Json] = {}
        self.away = False
        self.seq = 0
        self.bell = asyncio.Condition()

    async def changed(self) -> None:
        async with self.bell:
            self.seq += 1
            self.bell.notify_all()

    def posted(self, path: str) -> list[Json]:
        return [body for name, body in self.posts if name == path]

    async def wait_for_post(self, path: str, count: int = 1) -> Json:
        """The newest body sent to `path` once there are `count`; TimeoutError otherwise."""
        async with asyncio.timeout(WAIT_SECONDS), self.bell:
            await self.bell.wait_for(lambda: len(self.posted(path)) >= count)
        return self.posted(path)[-1]

    def message(self, user: str, channel: str, ts: str) -> Json:
        return next(m for m in self.states[user]["messages"][channel] if m["ts"] == ts)

    def everywhere(self, channel: str, message: Json) -> None:
        """Adds `message` for every person."""
        for state in self.states.values():
            state["messages"][channel].append(message)

    async def stream(self, request: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        return StreamingResponse(self._events(request), media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncIterator[str]:
        seen = -1
        while not self.away:
            if seen != self.seq:
                seen = self.seq
                yield f'data: {{"seq": {seen}}}\n\n'
            # One turn in a while, so that a page that left does not keep the server up.
            async with self.bell:
                try:
                    await asyncio.wait_for(self.bell.wait(), 0.5)
                except TimeoutError:
                    if await request.is_disconnected():
                        return

    async def state(self, request: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        return JSONResponse(self.states[request.query_params["as"]] | {"seq": self.seq})

    async def post(self, request: Request) -> Response:
        path = request.url.path
        self.posts.append((path, json.loads(await request.body())))
        async with self.bell:
            self.bell.notify_all()
        return JSONResponse(self.answers.get(path, {"ok": True}))

    async def switch(self, request: Request) -> Response:
        body = await request.json()
        for fault in self.faults:
            if fault["name"] == body["name"]:
                fault["on"] = body["on"]
        return await self.post(request)

    def app(self) -> Starlette:
        async def people(_: Request) -> Response:
            return JSONResponse(canned.PEOPLE)

        async def offered(_: Request) -> Response:
            return JSONResponse(self.shortcuts)

        async def market(_: Request) -> Response:
            return JSONResponse(self.market)

        async def detectors(_: Request) -> Response:
            return JSONResponse({"detectors": self.detectors})

        async def faults(_: Request) -> Response:
            return JSONResponse(self.faults)

        posts = ["act", "submit", "close", "command", "home", "message", "read", "options"]
        posts += ["shortcut", "message_shortcut"]
        return Starlette(
            routes=[
                Route("/ui/people", people),
                Route("/ui/shortcuts", offered),
                Route("/ui/state", self.state),
                Route("/ui/stream", self.stream),
                *(Route(f"/ui/{name}", self.post, methods=["POST"]) for name in posts),
                Route("/market-ui/state", market),
                Route("/detectors-ui/state", detectors),
                Route("/market-ui/appeals", self.post, methods=["POST"]),
                Route("/faults", faults, methods=["GET"]),
                Route("/faults", self.switch, methods=["POST"]),
                *page_routes(),
            ]
        )
