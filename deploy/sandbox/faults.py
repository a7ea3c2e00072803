"""Faults a person or a test switches on to see that nothing gets lost, and off to heal."""

from collections.abc import Callable
from enum import StrEnum

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel


class Fault(StrEnum):
    SLACK_429 = "slack_429"
    SLACK_LOST_RESPONSE = "slack_lost_response"
    SLACK_DOWN = "slack_down"
    SLACK_HANG = "slack_hang"
    PLATFORM_429 = "platform_429"
    PLATFORM_500 = "platform_500"
    PLATFORM_HANG = "platform_hang"
    PLATFORM_LOST_RESPONSE = "platform_lost_response"
    KILL_WORKER = "kill_worker"
    KILL_BOT = "kill_bot"
    KILL_TEMPORAL = "kill_temporal"


TITLES: dict[Fault, dict[str, str]] = {
    Fault.SLACK_429: {
        "ja": "Slack のレート制限（429）",
        "en": "Slack rate limit (429)",
    },
    Fault.SLACK_LOST_RESPONSE: {
        "ja": "Slack が書き込んだあと返事を失う",
        "en": "Slack writes, then loses its answer",
    },
    Fault.SLACK_DOWN: {"ja": "Slack が止まる", "en": "Slack is down"},
    Fault.SLACK_HANG: {"ja": "Slack が応答しない", "en": "Slack hangs"},
    Fault.PLATFORM_429: {
        "ja": "マーケットのレート制限（429）",
        "en": "Marketplace rate limit (429)",
    },
    Fault.PLATFORM_500: {"ja": "マーケットがエラーを返す", "en": "The marketplace answers errors"},
    Fault.PLATFORM_HANG: {"ja": "マーケットが応答しない", "en": "The marketplace hangs"},
    Fault.PLATFORM_LOST_RESPONSE: {
        "ja": "マーケットが実行したあと返事を失う",
        "en": "The marketplace acts, then loses its answer",
    },
    Fault.KILL_WORKER: {"ja": "ワーカーを止める", "en": "Stop the worker"},
    Fault.KILL_BOT: {"ja": "ボットを止める", "en": "Stop the bot"},
    Fault.KILL_TEMPORAL: {"ja": "Temporal を止める", "en": "Stop Temporal"},
}

Listener = Callable[[Fault, bool], None]


class Faults:
    """The switches. `on_change` listeners run in the caller's thread, only on a real change."""

    def __init__(self) -> None:
        self._on: set[Fault] = set()
        self._listeners: list[Listener] = []

    def on(self, name: str) -> bool:
        """Whether the fault is switched on; ValueError on an unknown name."""
        return Fault(name) in self._on

    def set(self, name: str, on: bool) -> None:
        """Switch one fault; ValueError on an unknown name."""
        fault = Fault(name)
        if on == (fault in self._on):
            return
        (self._on.add if on else self._on.discard)(fault)
        for listener in self._listeners:
            listener(fault, on)

    def on_change(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def clear(self) -> None:
        for fault in list(self._on):
            self.set(fault, False)

    def listing(self) -> list[dict[str, object]]:
        """`[{name, on, title: {ja, en}}]` in a fixed order."""
        return [{"name": f.value, "on": f in self._on, "title": TITLES[f]} for f in Fault]


class Switch(BaseModel):
    name: str
    on: bool


def faults_router(faults: Faults) -> APIRouter:
    """`GET /faults` the listing; `POST /faults {name, on}` switches one, 404 when unknown."""
    router = APIRouter()

    @router.get("/faults")
    async def listing() -> list[dict[str, object]]:
        return faults.listing()

    @router.post("/faults")
    async def switch(body: Switch) -> list[dict[str, object]]:
        try:
            faults.set(body.name, body.on)
        except ValueError as unknown:
            raise HTTPException(404, f"no fault is called {body.name!r}") from unknown
        return faults.listing()

    return router
