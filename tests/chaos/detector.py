"""Detector with retries and repeated alerts."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from deploy.sandbox.stage import INGEST_SECRET
from deploy.sandbox.traffic.alerts import alert, message, stream, user
from tests.chaos.places import Places
from tests.chaos.plan import Arrival, Life, Sending

RETRY_SECONDS = 0.3
HELD = ("accepted", "duplicate")


class Detector:
    """`held` has the subjects of the alerts that Koban has accepted, by alert id."""

    def __init__(self, places: Places) -> None:
        """Sends to the Koban of `places`."""
        self._places = places
        self._webhook = Webhook(INGEST_SECRET)
        self.held: dict[str, str] = {}
        self.answers: Counter[str] = Counter()

    def know(self, life: Life) -> None:
        """Creates the subjects of a life's alerts at the marketplace, except missing ones."""
        if life.kind == "ghost":
            return
        things = (
            user(life.subject, life.number),
            stream(f"s_{life.number}", "ライブ", life.subject, 1240),
            message(f"m_{life.number}", "LINE ID ください", life.subject),
        )
        for type_, body in things:
            self._places.stage.market.put(type_, body)

    async def send(self, life: Life, number: int, arrival: Arrival) -> None:
        """Sends one alert once or twice."""
        body = json.dumps(_alert(life, number, arrival), ensure_ascii=False).encode()
        headers = self._signed(body)
        if arrival.sending is Sending.ONCE:
            await self._until_held(life, body, headers)
            return
        same = arrival.sending is Sending.SAME_REQUEST
        await asyncio.gather(
            self._until_held(life, body, headers),
            self._later(arrival.again, life, body, headers if same else self._signed(body)),
        )

    async def _later(self, after: float, life: Life, body: bytes, headers: dict[str, str]) -> None:
        await asyncio.sleep(after)
        await self._until_held(life, body, headers)

    async def _until_held(self, life: Life, body: bytes, headers: dict[str, str]) -> None:
        while True:
            if await self._posted(life, body, headers):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _posted(self, life: Life, body: bytes, headers: dict[str, str]) -> bool:
        url = f"{self._places.url}/v1/alerts"
        try:
            answer = await self._places.http.post(url, content=body, headers=headers)
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            return False
        if answer.status_code != 202:
            self.answers[str(answer.status_code)] += 1
            return False
        (result,) = answer.json()["results"]
        self.answers[result["result"]] += 1
        if result["result"] in HELD:
            self.held[f"default/{result['id']}"] = life.subject
        return True

    def _signed(self, body: bytes) -> dict[str, str]:
        now, name = datetime.now(UTC), f"msg_{uuid4().hex}"
        return {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(name, now, body.decode()),
            "content-type": "application/json",
        }


def _alert(life: Life, number: int, arrival: Arrival) -> dict:
    kind = "other" if life.kind == "other" else "lure"
    return alert(
        f"{kind}-{life.number:04}-{number}",
        kind,
        ("user", life.subject),
        ("LINEへの誘導", "Moved the buyer to LINE"),
        score=arrival.score,
        text=f"LINE ID ください {number}",
        related=(("stream", f"s_{life.number}"), ("message", f"m_{life.number}")),
        viewers=1240,
    )
