"""`views.publish`: within a budget, not for nothing, and never over a newer view."""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.drawing import Block

A_MINUTE = 30
"""Of the 100 that Slack takes (tier 4, docs.slack.dev/apis/web-api/rate-limits): modals are opened
and updated beside, and each process has a budget of its own."""
AT_ONCE = 10
"""How many may come together: a shift begins, and everybody opens their home."""
KEPT = 300.0
"""Seconds after which a home is published anew though nothing changed: another process may have
published since, and Slack tells nobody."""
MOST_KEPT = 1_000
BUSY = 5.0
"""Seconds to wait where Slack says that it is busy, and not for how long."""

_log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What became of a home that was to be published."""

    SHOWN = "shown"
    LATER = "later"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True)
class _Shown:
    """What a person's home shows: Slack's hash of it, a digest of ours, and since when."""

    hash: str
    digest: str
    at: float


class Budget:
    """A bucket of calls that fills with time."""

    def __init__(self, a_minute: int, at_once: int, clock: Callable[[], float]) -> None:
        self._per_second = a_minute / 60
        self._most = float(at_once)
        self._left = self._most
        self._clock = clock
        self._filled = clock()

    def wait(self) -> float:
        """Seconds until a call may be made; 0.0 takes it."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._filled) * self._per_second)
        self._filled = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_second

    def close(self, seconds: float) -> None:
        """No call is made for so long."""
        self._left = 1 - seconds * self._per_second


class Publisher:
    """Publishes homes. One call at a time: who calls it waits for `Outcome`."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._shown: OrderedDict[str, _Shown] = OrderedDict()
        self.budget = Budget(A_MINUTE, AT_ONCE, clock)

    def seen(self, person: str, hash_: str | None) -> None:
        """What Slack shows a person who opens their home: it may not be ours any more."""
        shown = self._shown.get(person)
        if shown is not None and shown.hash != hash_:
            del self._shown[person]

    def is_shown(self, person: str, blocks: Sequence[Block]) -> bool:
        """Whether the person sees just this."""
        shown = self._shown.get(person)
        fresh = shown is not None and self._clock() - shown.at < KEPT
        return fresh and shown is not None and shown.digest == _digest(blocks)

    async def publish(self, person: str, blocks: Sequence[Block]) -> Outcome:
        """Shows a home. STALE where another process was faster: draw it anew, then publish."""
        shown = self._shown.get(person)
        view = {"type": "home", "blocks": list(blocks)}
        hash_ = {"hash": shown.hash} if shown is not None else {}
        try:
            answer = await self._client.views_publish(user_id=person, view=view, **hash_)
        except SlackApiError as error:
            return self._refused(person, error)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._shown.pop(person, None)  # it may be shown, or not
            _log.warning("home_not_published", person=person, error=type(error).__name__)
            return Outcome.FAILED
        self._keep(person, str(answer["view"]["hash"]), _digest(blocks))
        return Outcome.SHOWN

    def _refused(self, person: str, error: SlackApiError) -> Outcome:
        code = error.response.get("error", "")
        if code == "hash_conflict":
            self._shown.pop(person, None)
            return Outcome.STALE
        if code == "ratelimited":
            asked = error.response.headers.get("Retry-After", "")
            self.budget.close(float(asked) if asked.isdecimal() else BUSY)
            return Outcome.LATER
        _log.warning("home_not_published", person=person, error=code)
        return Outcome.FAILED

    def _keep(self, person: str, hash_: str, digest: str) -> None:
        self._shown[person] = _Shown(hash_, digest, self._clock())
        self._shown.move_to_end(person)
        while len(self._shown) > MOST_KEPT:
            self._shown.popitem(last=False)


def _digest(blocks: Sequence[Block]) -> str:
    return hashlib.sha256(json.dumps(blocks, sort_keys=True).encode()).hexdigest()
