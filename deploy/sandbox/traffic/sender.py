"""Sender of a detector: signs with Standard Webhooks, repeats a batch until it is accepted."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from deploy.sandbox.traffic.alerts import Json

BATCH = 500
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
REPEATED = frozenset({429, *range(500, 600)})


def signed(secret: str, body: str) -> dict[str, str]:
    """Standard Webhooks headers for one more try to send `body`."""
    now, message = datetime.now(UTC), f"msg_{uuid4().hex}"
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, now, body),
        "content-type": "application/json",
    }


class Rejected(Exception):
    """Koban's 4xx response, with its text."""


class Sender:
    """Posts alerts to one Koban. A batch is sent until it is answered; ids prevent duplicates."""

    def __init__(self, url: str, secret: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._secret = secret
        self._http = http

    async def send(self, alerts: Sequence[Json]) -> list[Json]:
        """Sends all alerts; returns Koban's result for each. Raises `Rejected`."""
        results: list[Json] = []
        for start in range(0, len(alerts), BATCH):
            batch = {"alerts": list(alerts[start : start + BATCH])}
            results += await self._send_batch("/v1/alerts", batch)
        return results

    async def send_own(self, detector: str, events: Sequence[Json]) -> list[Json]:
        """Sends a detector's own JSON, as `send` does for alerts."""
        return await self._send_batch(f"/v1/detectors/{detector}", list(events))

    async def _send_batch(self, path: str, content: Json | list[Json]) -> list[Json]:
        body = json.dumps(content, ensure_ascii=False)
        pause = PAUSE_SECONDS
        while True:
            response = await self._post(path, body)
            if response is not None and response.status_code == 202:
                return list(response.json()["results"])
            if response is not None and response.status_code not in REPEATED:
                raise Rejected(f"{response.status_code}: {response.text[:300]}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _post(self, path: str, body: str) -> httpx.Response | None:
        headers, url = signed(self._secret, body), f"{self._url}{path}"
        try:
            return await self._http.post(url, content=body.encode(), headers=headers)
        except httpx.TransportError:
            return None
