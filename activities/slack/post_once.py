"""Idempotent posts: the messages of one activity, posted once over all of its attempts.

Slack has no idempotency key. Where the answer to a post was lost, the next attempt looks for the
message before it posts again. The posts of a failed attempt reach the next one as heartbeat
details. An attempt that ended otherwise (a killed worker) leaves none, or only periodic ones:
then every post is unsure.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.errors import Unavailable
from activities.slack.client import SlackTrouble
from workflows.domain.case.snapshot import CardRef
from workflows.domain.values import Value

T = TypeVar("T")

HEARTBEAT_SECONDS = 2.5
"""Heartbeat interval; nearly all attempts are over sooner and send none.

A quarter of the heartbeat timeout (`workflows.shared.slack_sync`): a busy worker must not time
out, because two concurrent attempts could post twice.
"""

QUEUED_HEARTBEAT_SECONDS = 0.5
"""Interval for a card that waits for the rate limiter: a heartbeat's answer brings cancellation."""

CLOCK_SKEW = timedelta(minutes=5)
"""Largest difference between Slack's clock and Temporal's."""


_log = structlog.get_logger(__name__)


class Posted(Value):
    """Posts of an activity as of `attempt`; `through` is the seq of the last posted event.

    `looks_refused` counts looks for earlier posts that Slack refused.
    """

    attempt: int = 0
    looks_refused: int = 0
    unsure: bool = True
    card: CardRef | None = None
    through: int = 0
    approval: CardRef | None = None
    notified: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    role_channel: bool = False


class PostOnce:
    """Posts of the running activity; made inside of it."""

    def __init__(self, unsure_since: datetime | None = None) -> None:
        """`unsure_since`: another activity may have posted since then."""
        info = activity.info()
        before = _posted(info.heartbeat_details)
        trusted = before.attempt == info.attempt - 1 and not before.unsure
        self._look = unsure_since is not None or (info.attempt > 1 and not trusted)
        self.posted = before.model_copy(update={"attempt": info.attempt, "unsure": self._look})
        began = min(info.scheduled_time, unsure_since or info.scheduled_time)
        self.since = (began - CLOCK_SKEW).timestamp()

    @property
    def nothing_posted(self) -> bool:
        """True where it is certain that nothing was posted yet."""
        return not self._look and self.posted.card is None and self.posted.through == 0

    async def once(
        self, find: Callable[[], Awaitable[T | None]], post: Callable[[], Awaitable[T]]
    ) -> T:
        """The result of `find` where an earlier answer may be lost, else of `post`."""
        found = await self._found(find) if self._look else None
        if found is not None:
            return found
        self._set(unsure=True)
        try:
            return await post()
        except SlackTrouble as error:
            self._set(unsure=error.unsure or self._look)
            raise

    async def _found(self, find: Callable[[], Awaitable[T | None]]) -> T | None:
        """The result of `find`; None where Slack refuses to look: twice is better than never.

        A refusal that may pass is repeated, whatever else has failed before.
        """
        try:
            return await find()
        except SlackTrouble as error:
            self._set(looks_refused=self.posted.looks_refused + error.answered)
            if not error.is_refusal(self.posted.looks_refused):
                # No refusal of the message: another activity would post it without a look.
                raise SlackTrouble(error.code, unsure=True, delay=error.next_retry_delay) from None
            _log.error("posted_without_look", code=error.code)
            return None

    def done(self, **posted: object) -> None:
        """Records a post: `card`, `through`, `approval`, `notified` or `missed`."""
        self._set(unsure=self._look, **posted)

    @asynccontextmanager
    async def attempt(self, every: float = HEARTBEAT_SECONDS) -> AsyncIterator[None]:
        """Sends heartbeats; on a failure the last one carries the posts to the next attempt."""
        beats = asyncio.create_task(self._heartbeats(every))
        try:
            yield
        except (ApplicationError, Unavailable):
            _heartbeat(self.posted)
            raise
        finally:
            beats.cancel()

    async def _heartbeats(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            # A call under way may have posted by the time that the next attempt reads this.
            _heartbeat(self.posted.model_copy(update={"unsure": True}))

    def _set(self, **changes: object) -> None:
        self.posted = self.posted.model_copy(update=changes)


def _heartbeat(posted: Posted) -> None:
    activity.heartbeat(posted.model_dump(mode="json"))


def _posted(details: Sequence[object]) -> Posted:
    """The last heartbeat; empty where another version of Koban wrote it."""
    try:
        return Posted.model_validate(details[0]) if details else Posted()
    except ValidationError:
        return Posted()
