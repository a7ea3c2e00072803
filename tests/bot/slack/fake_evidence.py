"""Alerts of cases in memory."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.errors import Unavailable
from activities.ledger.evidence import AlertsPage
from tests.bot.slack.fakes import NOW
from workflows.domain.alerts import AlertEvidence
from workflows.domain.values import Text


def an_alert(number: int, *pieces: dict[str, Any]) -> AlertEvidence:
    """Alert with this number; a higher one is older."""
    return AlertEvidence.model_validate(
        {
            "key": f"live-chat/chat-{number:03}",
            "kind": "off_platform",
            "detector": "live-chat",
            "occurred_at": NOW - timedelta(minutes=number),
            "score": 0.98,
            "title": Text(ja="LINEへの誘導", en="Moved the buyer to LINE"),
            "evidence": pieces,
        }
    )


def words(text: str, sensitive: bool = False) -> dict[str, Any]:
    return {"kind": "text", "text": text, "sensitive": sensitive}


def image(sensitive: bool = True) -> dict[str, Any]:
    return {"kind": "image", "url": "https://images.example/1.png", "sensitive": sensitive}


@dataclass
class FakeEvidence:
    """Alerts, newest first; `gate` delays an answer, `away` refuses it."""

    alerts: list[AlertEvidence] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    away: bool = False

    async def page(self, case: str, skip: int, limit: int, until: datetime) -> AlertsPage:
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise Unavailable("the ledger does not answer")
        self.asked.append((case, skip))
        found = self.alerts[skip : skip + limit]
        return AlertsPage(total=len(self.alerts), alerts=tuple(found))
