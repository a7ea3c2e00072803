"""What arrived for a case, in its order, and which of it was there before."""

from collections import deque
from collections.abc import Iterable
from typing import cast

from workflows.casework.vouching import Vouched
from workflows.domain.alert import Alert
from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.commands import Click
from workflows.domain.enforcement import EnforcementReport
from workflows.domain.memory import remember, short
from workflows.ports import Delivery

Message = Alert | Click | Vouched[Click] | EnforcementReport | AppealAnswer | Delivery

AT_ONCE = 100
"""Alerts that are written to the ledger in one go."""


class Inbox:
    """A queue that remembers what it gave out: a second delivery is harmless."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self._queue: deque[Message] = deque(alerts)
        self._presses = bool(self._queue)
        self.seen: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._queue)

    @property
    def presses(self) -> bool:
        """Whether something waits that can't be put off."""
        return self._presses

    def put(self, message: Message, lingers: bool = False) -> None:
        """One more message; one that `lingers` may wait for others of its kind."""
        self._queue.append(message)
        self._presses = self._presses or not lingers

    def put_all(self, alerts: Iterable[Alert]) -> None:
        """Alerts, behind everything else."""
        self._queue.extend(alerts)
        self._presses = bool(self._queue)

    def take(self) -> Message:
        """The message that waits longest."""
        message = self._queue.popleft()
        self._presses = bool(self._queue)
        return message

    def with_those_behind(self, alert: Alert) -> list[Alert]:
        """Alerts that wait together are written together: in a storm they come by the hundred."""
        batch = [alert]
        while self._queue and isinstance(self._queue[0], Alert) and len(batch) < AT_ONCE:
            batch.append(cast(Alert, self._queue.popleft()))
        self._presses = bool(self._queue)
        return batch

    def is_new(self, key: str) -> bool:
        """Whether nothing of that key was there before, as far back as is remembered."""
        return short(key) not in self.seen

    def first_time(self, key: str) -> bool:
        """The same, and from now on it was there."""
        if not self.is_new(key):
            return False
        self.seen = remember(self.seen, short(key))
        return True
