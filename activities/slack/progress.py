"""What one activity has posted so far, kept over its retries.

Where the answer to a post was lost, the next try looks for the message before it posts again.
What is known goes along with a failure as the activity's heartbeat, which costs nothing while
all goes well. A try that ended otherwise (a killed worker) left none, or only signs of life: then
everything is unsure.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from pydantic import ValidationError
from temporalio import activity

from activities.slack.troubles import SlackTrouble
from workflows.domain.memory import CardRef
from workflows.domain.model import Value

T = TypeVar("T")

SIGN_OF_LIFE = 2.5
"""Seconds between two; a try that is over sooner, as nearly all are, gives none.

A quarter of the time after which it is missed (`casework.screen`), so that a busy machine is not
taken for a dead one: two tries at once could post twice.
"""

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


class Progress:
    """Posts once, over all tries of one activity. Made within the activity."""

    def __init__(self) -> None:
        """Reads what the try before has left."""
        info = activity.info()
        before = _posted(info.heartbeat_details)
        trusted = before.attempt == info.attempt - 1 and not before.unsure
        self._look = info.attempt > 1 and not trusted
        self._posted = before.model_copy(update={"attempt": info.attempt, "unsure": self._look})
        self.since = (info.scheduled_time - SKEW).timestamp()

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

    async def live(self) -> None:
        """Tells for as long as it runs that this try has not died with its worker."""
        while True:
            await asyncio.sleep(SIGN_OF_LIFE)
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
