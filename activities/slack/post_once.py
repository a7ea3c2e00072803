"""What one activity has posted so far, kept over its retries.

Where the answer to a post was lost, the next try looks for the message before it posts again.
What is known goes along with a failure as the activity's heartbeat, which costs nothing while
all goes well. A try that ended otherwise (a killed worker) left none, or only signs of life: then
everything is unsure.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import ValidationError
from temporalio import activity

from activities.slack.client import SlackTrouble
from workflows.domain.case.snapshot import CardRef
from workflows.domain.values import Value

T = TypeVar("T")

SIGN_OF_LIFE = 2.5
"""Seconds between two; a try that is over sooner, as nearly all are, gives none.

A quarter of the time after which it is missed (`casework.screen`), so that a busy machine is not
taken for a dead one: two tries at once could post twice.
"""

IN_LINE = 0.5
"""The same for a card that stands in line: with the answer it hears whether it was called off."""

SKEW = timedelta(minutes=5)
"""How far Slack's clock and Temporal's may be apart."""


class Posted(Value):
    """What this activity has posted, as of try `attempt`; `told` are people with a message each."""

    attempt: int = 0
    unsure: bool = True
    card: CardRef | None = None
    through: int = 0
    approval: CardRef | None = None
    told: tuple[str, ...] = ()


class PostOnce:
    """Posts once, over all tries of one activity. Made within the activity."""

    def __init__(self, unsure_since: datetime | None = None) -> None:
        """Reads what the try before has left; `unsure_since`: another activity may have posted."""
        info = activity.info()
        before = _posted(info.heartbeat_details)
        trusted = before.attempt == info.attempt - 1 and not before.unsure
        self._look = unsure_since is not None or (info.attempt > 1 and not trusted)
        self._posted = before.model_copy(update={"attempt": info.attempt, "unsure": self._look})
        began = min(info.scheduled_time, unsure_since or info.scheduled_time)
        self.since = (began - SKEW).timestamp()

    @property
    def untouched(self) -> bool:
        """Whether it is certain that nothing was posted so far."""
        return not self._look and self._posted.card is None and self._posted.through == 0

    @property
    def posted(self) -> Posted:
        """What is posted already."""
        return self._posted

    async def once(
        self, find: Callable[[], Awaitable[T | None]], post: Callable[[], Awaitable[T]]
    ) -> T:
        """What a lost answer has left behind, else a new post."""
        found = await find() if self._look else None
        return await self._post(post) if found is None else found

    def done(self, **posted: object) -> None:
        """Remembers what is posted by now: `card`, `through`, `approval`, `told`."""
        self._set(unsure=self._look, **posted)

    def hand_on(self) -> None:
        """Gives what is known to the next try; before a failure is raised."""
        self._beat(self._posted)

    @asynccontextmanager
    async def living(self, every: float = SIGN_OF_LIFE) -> AsyncIterator[None]:
        """Tells for as long as the block lasts that this try has not died with its worker."""
        telling = asyncio.create_task(self._live(every))
        try:
            yield
        finally:
            telling.cancel()

    async def _live(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            # What is under way now may be posted by the time that anybody reads this.
            self._beat(self._posted.model_copy(update={"unsure": True}))

    def _beat(self, posted: Posted) -> None:
        activity.heartbeat(posted.model_dump(mode="json"))

    async def _post(self, post: Callable[[], Awaitable[T]]) -> T:
        self._set(unsure=True)
        try:
            return await post()
        except SlackTrouble as error:
            self._set(unsure=error.unsure or self._look)
            raise

    def _set(self, **changes: object) -> None:
        self._posted = self._posted.model_copy(update=changes)


def _posted(details: object) -> Posted:
    """The last heartbeat; one of another version of Koban counts as none."""
    if not isinstance(details, list | tuple) or not details:
        return Posted()
    try:
        return Posted.model_validate(details[0])
    except ValidationError:
        return Posted()
