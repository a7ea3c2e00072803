"""Small Bolt app that records the stand-in's payloads."""

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import Response
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

CARD = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*外部誘導* u_123"}},
    {
        "type": "actions",
        "block_id": "do",
        "elements": [
            {
                "type": "button",
                "action_id": "case.claim",
                "text": {"type": "plain_text", "text": "担当する"},
                "value": "K1:1",
            },
            {
                "type": "button",
                "action_id": "case.decide",
                "text": {"type": "plain_text", "text": "判断する"},
                "value": "K1:1",
            },
            {
                "type": "overflow",
                "action_id": "case.more",
                "options": [
                    {"text": {"type": "plain_text", "text": "手放す"}, "value": "release"},
                    {"text": {"type": "plain_text", "text": "メモ"}, "value": "note"},
                ],
            },
        ],
    },
]


def option(text: str, value: str) -> dict:
    return {"text": {"type": "plain_text", "text": text}, "value": value}


def modal(title: str = "判断", **more: object) -> dict:
    return {
        "type": "modal",
        "callback_id": "decide",
        "private_metadata": "K1",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "決定"},
        "blocks": [
            {
                "type": "input",
                "block_id": "verdict",
                "label": {"type": "plain_text", "text": "判断"},
                "element": {
                    "type": "static_select",
                    "action_id": "verdict",
                    "options": [option("違反", "violation"), option("違反なし", "no_violation")],
                },
            },
            {
                "type": "input",
                "block_id": "reason",
                "label": {"type": "plain_text", "text": "理由"},
                "element": {"type": "plain_text_input", "action_id": "reason"},
            },
        ],
        **more,
    }


class TinyBot:
    """Records each payload; `answer` is the ack of view_submission."""

    def __init__(self, client: AsyncWebClient, signing_secret: str) -> None:
        self.heard: list[dict] = []
        self.requests: list[dict[str, str]] = []
        self.answer: dict = {}
        self.home_failures = 0
        self.asgi = FastAPI()
        self.app = AsyncApp(client=client, signing_secret=signing_secret)
        handler = AsyncSlackRequestHandler(self.app)
        self._hang = asyncio.Event()

        @self.asgi.post("/slack/events")
        async def events(request: Request) -> Response:
            self.requests.append(dict(request.headers))
            if request.headers["content-type"] == "application/json" and self.home_failures:
                self.home_failures -= 1
                return Response(status_code=500)
            return await handler.handle(request)

        self._listen()

    def let_go(self) -> None:
        """Ends hanging requests."""
        self._hang.set()

    def _listen(self) -> None:
        app = self.app

        @app.action("case.claim")
        async def claim(ack, body, respond):
            self.heard.append(body)
            await ack()
            await respond("佐藤さんが担当しています", response_type="ephemeral")

        @app.action("case.decide")
        async def decide(ack, body, client):
            self.heard.append(body)
            await client.views_open(trigger_id=body["trigger_id"], view=modal())
            await ack()

        @app.action("case.more")
        async def more(ack, body):
            self.heard.append(body)
            await ack()

        @app.action("case.hang")
        async def hang(ack, body):
            self.heard.append(body)
            await self._hang.wait()

        @app.view("decide")
        async def decided(ack, body):
            self.heard.append(body)
            await ack(**self.answer)

        @app.command("/koban")
        async def command(ack, body):
            self.heard.append(body)
            await ack(f"`{body['text']}` の使い方です")

        @app.shortcut("report_message")
        @app.shortcut("open_case")
        async def shortcut(ack, body):
            self.heard.append(body)
            await ack()

        @app.event("app_home_opened")
        async def home(event, client):
            self.heard.append(event)
            view = {"type": "home", "blocks": CARD}
            await client.views_publish(user_id=event["user"], view=view)

        @app.options("pick")
        async def pick(ack, body):
            self.heard.append(body)
            await ack(options=[option("パレート", "pareto")])
