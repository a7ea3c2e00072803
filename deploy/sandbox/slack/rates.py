"""Slack's rate limits as token buckets: per method and, for posting, per channel.

https://docs.slack.dev/apis/web-api/rate-limits — tier 2: 20, tier 3: 50, tier 4: 100 a minute;
chat.postMessage: about one a second per channel with short bursts, and a cap per workspace.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum


class Tier(IntEnum):
    """Calls a minute."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    SPECIAL = 300


TIERS: dict[str, Tier] = {
    "api.test": Tier.FOUR,
    "apps.connections.open": Tier.ONE,
    "auth.test": Tier.SPECIAL,
    "blocks.validate": Tier.THREE,  # "special rate limits apply", without a figure
    "chat.delete": Tier.THREE,
    "chat.getPermalink": Tier.SPECIAL,
    "chat.postEphemeral": Tier.FOUR,
    "chat.postMessage": Tier.SPECIAL,
    "chat.update": Tier.THREE,
    "conversations.history": Tier.THREE,
    "conversations.info": Tier.THREE,
    "conversations.join": Tier.THREE,
    "conversations.list": Tier.TWO,
    "conversations.open": Tier.THREE,
    "conversations.replies": Tier.THREE,
    "files.completeUploadExternal": Tier.FOUR,
    "files.delete": Tier.THREE,
    "files.getUploadURLExternal": Tier.FOUR,
    "files.info": Tier.FOUR,
    "usergroups.list": Tier.TWO,
    "usergroups.users.list": Tier.TWO,
    "users.info": Tier.FOUR,
    "users.list": Tier.TWO,
    "views.open": Tier.FOUR,
    "views.publish": Tier.FOUR,
    "views.push": Tier.FOUR,
    "views.update": Tier.FOUR,
}
_UNKNOWN = Tier.THREE


@dataclass
class Bucket:
    capacity: float
    per_second: float
    filled_at: float
    tokens: float

    def take(self, now: float) -> float:
        """0 if a token was taken, else the seconds until the next one."""
        self.tokens = min(
            self.capacity, self.tokens + max(0.0, now - self.filled_at) * self.per_second
        )
        self.filled_at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.per_second


@dataclass
class Rates:
    """`burst_share`: share of a minute's calls allowed at once; Slack gives no figure.

    An app may open ten connections, so `connection_burst` of them may be requested at once.
    `speed`: multiple of Slack's rates, for tests that can't wait a minute.
    """

    enabled: bool = True
    speed: float = 1.0
    burst_share: float = 0.5
    channel_per_second: float = 1.0
    channel_burst: int = 4
    connection_burst: int = 10
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    @property
    def pace(self) -> float:
        """Multiple of Slack's rates that is allowed; 0 without limits."""
        return self.speed if self.enabled else 0.0

    def wait_for(self, method: str, channel: str | None = None) -> int:
        """0 if the call is allowed, else whole seconds for `Retry-After`."""
        if not self.enabled:
            return 0
        per_minute = TIERS.get(method, _UNKNOWN)
        burst = per_minute * self.burst_share
        if method == "apps.connections.open":
            burst = self.connection_burst
        wait = self._bucket(method, "", burst, per_minute / 60)
        if not wait and channel and method == "chat.postMessage":
            wait = self._bucket(method, channel, self.channel_burst, self.channel_per_second)
        return math.ceil(wait)

    def _bucket(self, method: str, channel: str, capacity: float, per_second: float) -> float:
        now = self.clock()
        full, rate = max(1.0, capacity), per_second * self.speed
        bucket = self._buckets.setdefault(
            (method, channel), Bucket(full, rate, filled_at=now, tokens=full)
        )
        return bucket.take(now)
