"""Fault switches: named failures that a person or a test turns on and off."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel


class SlackFault(StrEnum):
    """Failures of the Web API and of response URLs."""

    RATE_LIMITED = "slack_429"
    LOST_RESPONSE = "slack_lost_response"
    DOWN = "slack_down"
    HANG = "slack_hang"


SLACK_FAULTS: dict[str, dict[str, str]] = {
    SlackFault.RATE_LIMITED: {
        "ja": "Slack のレート制限（429）",
        "en": "Slack rate limit (429)",
    },
    SlackFault.LOST_RESPONSE: {
        "ja": "Slack の応答消失（処理は完了）",
        "en": "Slack response lost (write made)",
    },
    SlackFault.DOWN: {"ja": "Slack の停止（503）", "en": "Slack down (503)"},
    SlackFault.HANG: {"ja": "Slack の応答なし", "en": "Slack not responding"},
}

Listener = Callable[[str, bool], None]


class Faults:
    """Switches by name; `titles` gives each a `{ja, en}` title and fixes their order.

    Listeners run in the caller's thread, only on a real change.
    """

    def __init__(self, titles: Mapping[str, dict[str, str]] = SLACK_FAULTS) -> None:
        self._titles = {str(name): title for name, title in titles.items()}
        self._on: set[str] = set()
        self._listeners: list[Listener] = []

    def on(self, name: str) -> bool:
        """True while the fault is on. ValueError on an unknown name."""
        self._check(name)
        return name in self._on

    def set(self, name: str, on: bool) -> None:
        """Switches one fault. ValueError on an unknown name."""
        self._check(name)
        if on == (name in self._on):
            return
        (self._on.add if on else self._on.discard)(name)
        for listener in self._listeners:
            listener(name, on)

    def on_change(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def clear(self) -> None:
        for name in list(self._on):
            self.set(name, False)

    def listing(self) -> list[dict[str, object]]:
        """`[{name, on, title: {ja, en}}]` in a fixed order."""
        return [
            {"name": name, "on": name in self._on, "title": title}
            for name, title in self._titles.items()
        ]

    def _check(self, name: str) -> None:
        if name not in self._titles:
            raise ValueError(f"no fault is called {name!r}")


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
            raise HTTPException(404, str(unknown)) from unknown
        return faults.listing()

    return router
