"""Fakes for HTTP tests: alerts, signatures, and recorders in place of Temporal and the ledger."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from standardwebhooks.webhooks import hmac_data
from temporalio.service import RPCError, RPCStatusCode

from activities.ledger.database import LedgerUnavailable
from bot.admission import Pair
from workflows.client import OutOfReach
from workflows.domain.alerts import Alert
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.playbook import Playbook, Policy


def secret_of(letter: str) -> str:
    """A webhook secret of 32 equal bytes."""
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


COMMON, NEXT, LIVE_CHAT = secret_of("c"), secret_of("n"), secret_of("l")
APPEALS, APPEALS_NEXT, WEB_SHOP = secret_of("a"), secret_of("b"), secret_of("w")
"""Two common secrets of appeals, and that of the source web-shop."""


def signed(
    body: bytes, secret: str = COMMON, message: str = "msg_1", at: float | None = None
) -> dict[str, str]:
    """The three headers of Standard Webhooks, independent of the verifying library."""
    timestamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac_data(key, f"{message}.{timestamp}.".encode() + body)
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
        "content-type": "application/json",
    }


def alert(id: str = "a1", **fields: Any) -> dict[str, Any]:
    """The smallest alert, with `fields` on top."""
    return {
        "id": id,
        "kind": "off_platform",
        "subject": {"type": "user", "id": "u_123"},
        "occurred_at": "2026-11-23T03:04:05Z",
        **fields,
    }


def as_json(value: Any) -> bytes:
    """JSON as a detector would send it."""
    return json.dumps(value, ensure_ascii=False).encode()


def policy() -> Policy:
    """A policy with one playbook."""
    playbook = Playbook.model_validate(
        {
            "playbook": "off_platform",
            "title": "Off-platform",
            "match": "true",
            "channel": "ts-live",
            "severity": {"medium": "true"},
            "clocks": {"medium": {"claim": "1h", "decide": "8h"}},
        }
    )
    return Policy(version="v1", playbook=playbook, catalog=ActionCatalog(actions={}))


class RecordingCases:
    """`Cases` that records alerts, or raises `OutOfReach`.

    Temporal refuses those of the group `refused`, and does not answer for `unanswered`.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[Alert, tuple[str, ...]]] = []
        self.away_after: int | None = None
        self.refused: tuple[str, ...] | None = None
        self.unanswered: tuple[str, ...] | None = None
        self.tried = 0
        self._goes = asyncio.Event()
        self._goes.set()

    def hold(self) -> Callable[[], None]:
        """Blocks every call until the returned function is called."""
        self._goes.clear()
        return self._goes.set

    async def accept_all(
        self, alerts: Sequence[Alert], policy: Policy, group: tuple[str, ...]
    ) -> str:
        """Records, or raises `OutOfReach` once `away_after` alerts were taken."""
        self.tried += 1
        await self._goes.wait()
        if group == self.refused:
            raise RPCError("exceeded limit", RPCStatusCode.INVALID_ARGUMENT, b"")
        if group == self.unanswered:
            raise OutOfReach("no answer")
        if self.away_after is not None and len(self.taken) >= self.away_after:
            raise OutOfReach("away")
        self.taken += [(alert, group) for alert in alerts]
        return "case/off_platform/X"

    async def reached(self, workflow_id: str) -> None:
        """Returns at once: the workers keep up."""

    @property
    def ids(self) -> list[str]:
        """The ids in the order of their storage."""
        return [alert.id for alert, _ in self.taken]


class KnownKeys:
    """Alerts that the ledger has, or an unreachable ledger."""

    def __init__(self) -> None:
        self.keys: set[Pair] = set()
        self.away = False
        self.asked = 0

    async def __call__(self, keys: Sequence[Pair]) -> frozenset[Pair]:
        """Returns the known ones of `keys`."""
        self.asked += 1
        if self.away:
            raise LedgerUnavailable
        return frozenset(self.keys & set(keys))
