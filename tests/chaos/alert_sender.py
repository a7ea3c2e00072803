"""Alert sender with retries and repeated alerts."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from deploy.sandbox.app import INGEST_SECRET
from deploy.sandbox.traffic.alerts import alert, message, stream, user
from tests.chaos.plan import Arrival, CasePlan, SendPattern
from tests.chaos.processes import Cluster

RETRY_SECONDS = 0.3
HELD = ("accepted", "duplicate")


class AlertSender:
    """`held` has the subjects of the alerts that Koban has accepted, by alert id."""

    def __init__(self, cluster: Cluster) -> None:
        """Sends to the Koban of `cluster`."""
        self._cluster = cluster
        self._webhook = Webhook(INGEST_SECRET)
        self.held: dict[str, str] = {}
        self.answers: Counter[str] = Counter()

    def know(self, case_plan: CasePlan) -> None:
        """Creates the subjects of a case's alerts at the marketplace, except missing ones."""
        if case_plan.kind == "ghost":
            return
        things = (
            user(case_plan.subject, case_plan.number),
            stream(f"s_{case_plan.number}", "ライブ", case_plan.subject, 1240),
            message(f"m_{case_plan.number}", "LINE ID ください", case_plan.subject),
        )
        for type_, body in things:
            self._cluster.sandbox.market.put(type_, body)

    async def send(self, case_plan: CasePlan, number: int, arrival: Arrival) -> None:
        """Sends one alert once or twice."""
        body = json.dumps(_alert(case_plan, number, arrival), ensure_ascii=False).encode()
        headers = self._signed(body)
        if arrival.sending is SendPattern.ONCE:
            await self._until_held(case_plan, body, headers)
            return
        same = arrival.sending is SendPattern.SAME_REQUEST
        await asyncio.gather(
            self._until_held(case_plan, body, headers),
            self._later(arrival.again, case_plan, body, headers if same else self._signed(body)),
        )

    async def _later(
        self, after: float, case_plan: CasePlan, body: bytes, headers: dict[str, str]
    ) -> None:
        await asyncio.sleep(after)
        await self._until_held(case_plan, body, headers)

    async def _until_held(self, case_plan: CasePlan, body: bytes, headers: dict[str, str]) -> None:
        while True:
            if await self._posted(case_plan, body, headers):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _posted(self, case_plan: CasePlan, body: bytes, headers: dict[str, str]) -> bool:
        url = f"{self._cluster.url}/v1/alerts"
        try:
            answer = await self._cluster.http.post(url, content=body, headers=headers)
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            return False
        if answer.status_code != 202:
            self.answers[str(answer.status_code)] += 1
            return False
        (result,) = answer.json()["results"]
        self.answers[result["result"]] += 1
        if result["result"] in HELD:
            self.held[f"default/{result['id']}"] = case_plan.subject
        return True

    def _signed(self, body: bytes) -> dict[str, str]:
        now, name = datetime.now(UTC), f"msg_{uuid4().hex}"
        return {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(name, now, body.decode()),
            "content-type": "application/json",
        }


def _alert(case_plan: CasePlan, number: int, arrival: Arrival) -> dict:
    kind = "other" if case_plan.kind == "other" else "lure"
    return alert(
        f"{kind}-{case_plan.number:04}-{number}",
        kind,
        ("user", case_plan.subject),
        ("LINEへの誘導", "Moved the buyer to LINE"),
        score=arrival.score,
        text=f"LINE ID ください {number}",
        related=(("stream", f"s_{case_plan.number}"), ("message", f"m_{case_plan.number}")),
        viewers=1240,
    )
