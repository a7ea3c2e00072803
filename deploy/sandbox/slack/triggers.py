"""Trigger ids and response URLs, with their lifetimes and numbers of uses."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.sandbox.slack.errors import SlackError

Clock = Callable[[], float]

# docs.slack.dev, handling user interaction: "trigger_id … 3 seconds", "up to 5 times within 30
# minutes".
TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass
class Trigger:
    user: str
    made_at: float
    used: bool = False


@dataclass
class Triggers:
    clock: Clock = time.monotonic
    lives: float = TRIGGER_SECONDS
    _made: dict[str, Trigger] = field(default_factory=dict)

    def make(self, user: str) -> str:
        trigger_id = (
            f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**11)}.{secrets.token_hex(16)}"
        )
        self._made[trigger_id] = Trigger(user, self.clock())
        return trigger_id

    def exchange(self, trigger_id: str) -> str:
        """The user of a valid trigger id, once. Raises `SlackError`."""
        trigger = self._made.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.made_at > self.lives:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user


@dataclass
class ResponseUrl:
    """Target of a response URL: channel, person, and the clicked message."""

    channel: str
    user: str
    source_ts: str | None
    thread_ts: str | None
    made_at: float
    uses: int = 0


@dataclass
class ResponseUrls:
    clock: Clock = time.monotonic
    _made: dict[str, ResponseUrl] = field(default_factory=dict)

    def make(
        self, channel: str, user: str, source_ts: str | None = None, thread_ts: str | None = None
    ) -> str:
        token = secrets.token_urlsafe(18)
        self._made[token] = ResponseUrl(channel, user, source_ts, thread_ts, self.clock())
        return token

    def use(self, token: str) -> ResponseUrl:
        """Counts one use. Raises `SlackError` (`expired_url` or `used_url`) if none is left."""
        found = self._made.get(token)
        if found is None or self.clock() - found.made_at > RESPONSE_SECONDS:
            raise SlackError("expired_url")
        if found.uses >= RESPONSE_USES:
            raise SlackError("used_url")
        found.uses += 1
        return found
