"""Refresh of App Home: at once where it is opened, soon where something changed."""

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from activities.errors import retry_after
from activities.slack.rate_limiter import INTERACTIVE, Bucket, Rate
from bot.slack.rendering import Block
from bot.tasks import Background

HOMES = Rate(per_minute=30, burst=10, reserve=0)
"""Of the 100 a minute that Slack allows (tier 4, docs.slack.dev/apis/web-api/rate-limits): modals
need some as well, and each process has its own bucket. A shift begins with a burst."""
KEPT = 300.0
"""Seconds after which an unchanged home is published again: another process may have replaced it
meanwhile, and Slack sends no event for that."""
MOST_KEPT = 1_000
BUSY = timedelta(seconds=5)
"""Wait after `ratelimited` without Retry-After."""

_log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """Result of publishing a home."""

    SHOWN = "shown"
    LATER = "later"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True)
class _Shown:
    """A published home: Slack's hash, our digest, and its time."""

    hash: str
    digest: str
    at: float


class HomePublisher:
    """Publishes homes, one call at a time."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._shown: OrderedDict[str, _Shown] = OrderedDict()
        self._bucket = Bucket(HOMES, HOMES.per_minute / 60, HOMES.burst, clock())

    def wait(self) -> float:
        """Seconds until a home may be published; 0.0 takes the token for it."""
        seconds = self._bucket.wait(self._clock(), INTERACTIVE)
        if not seconds:
            self._bucket.tokens -= 1
        return seconds

    def seen(self, person: str, hash_: str | None) -> None:
        """Drops our record of a home whose hash at Slack differs."""
        shown = self._shown.get(person)
        if shown is not None and shown.hash != hash_:
            del self._shown[person]

    def is_shown(self, person: str, blocks: Sequence[Block]) -> bool:
        """Whether the person's home has these blocks already."""
        shown = self._shown.get(person)
        fresh = shown is not None and self._clock() - shown.at < KEPT
        return fresh and shown is not None and shown.digest == _digest(blocks)

    async def publish(self, person: str, blocks: Sequence[Block]) -> Outcome:
        """Publishes a home. STALE if another process was faster: draw it again first."""
        shown = self._shown.get(person)
        view = {"type": "home", "blocks": list(blocks)}
        hash_ = {"hash": shown.hash} if shown is not None else {}
        try:
            answer = await self._client.views_publish(user_id=person, view=view, **hash_)
        except SlackApiError as error:
            return self._refused(person, error)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._shown.pop(person, None)  # it may or may not be shown
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
            wait = retry_after(error.response.headers.get("Retry-After")) or BUSY
            self._bucket.tokens = 1 - wait.total_seconds() * self._bucket.per_second
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


# All homes opened lately are drawn together over one reading of the ledger, and only changed ones
# are published: a press refreshes the homes that show it and no others.

LATELY = 30 * 60.0
"""Seconds for which a home counts as open: Slack sends no event when it is closed."""
MOST_LOOKING = 200
SETTLED = (0.7, 4.0)
"""Seconds after the last press, when its case has acted; the second one is for a loaded system."""
EVERY = 30.0
"""Seconds between refreshes for other causes: alerts, timers, other processes."""
TRIES = 3
PAUSE = 1.0
"""Seconds after a failure, as Slack is usually unreachable for everybody."""

Draw = Callable[[str], Awaitable[list[Block]]]
"""The blocks of a person's home; it must not raise."""


class HomeRefresh:
    """The open homes."""

    def __init__(
        self,
        publisher: HomePublisher,
        draw: Draw,
        background: Background,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._draw = draw
        self._background = background
        self._clock = clock
        self._looking: OrderedDict[str, float] = OrderedDict()
        self._wanted: OrderedDict[str, int] = OrderedDict()
        self._drawing: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._looking_again: asyncio.Task[None] | None = None

    def opened(self, person: str) -> None:
        """Draws the home of a person who just opened it, before all others."""
        self._looking[person] = self._clock()
        self._looking.move_to_end(person)
        while len(self._looking) > MOST_LOOKING:
            self._looking.popitem(last=False)
        self._want(person, first=True)
        if self._looking_again is None or self._looking_again.done():
            self._looking_again = self._background.start_endless(self._look_again())

    def changed(self) -> None:
        """Refreshes all open homes once the case of a stored command has acted."""
        if not self._looking:
            return
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self._background.start_endless(self._settle())

    def refresh(self) -> None:
        """Draws all homes opened lately."""
        before = self._clock() - LATELY
        for person in [who for who, at in self._looking.items() if at < before]:
            del self._looking[person]
        for person in self._looking:
            self._want(person)

    async def _settle(self) -> None:
        passed = 0.0
        for at in SETTLED:
            await asyncio.sleep(at - passed)
            passed = at
            self.refresh()

    async def _look_again(self) -> None:
        while self._looking:
            await asyncio.sleep(EVERY)
            self.refresh()

    def _want(self, person: str, first: bool = False, tries: int = TRIES) -> None:
        self._wanted[person] = max(tries, self._wanted.get(person, 0))
        if first:
            self._wanted.move_to_end(person, last=False)
        if self._drawing is None or self._drawing.done():
            self._drawing = self._background.start_endless(self._draw_wanted())

    async def _draw_wanted(self) -> None:
        while self._wanted:
            person, tries = self._wanted.popitem(last=False)
            blocks = await self._draw(person)
            if self._publisher.is_shown(person, blocks):
                continue
            wait = self._publisher.wait()
            if wait:
                # A home opened meanwhile comes first; this one is drawn again then.
                self._wanted.setdefault(person, tries)
                await asyncio.sleep(wait)
                continue
            await self._publish(person, blocks, tries)

    async def _publish(self, person: str, blocks: list[Block], tries: int) -> None:
        outcome = await self._publisher.publish(person, blocks)
        if outcome is Outcome.LATER:
            self._wanted.setdefault(person, tries)
        elif outcome in (Outcome.STALE, Outcome.FAILED) and tries > 1:
            self._wanted.setdefault(person, tries - 1)
            await asyncio.sleep(PAUSE if outcome is Outcome.FAILED else 0)
