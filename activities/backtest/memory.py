"""Memory of automatic actions: limits and breakers of a backtest, counted as the ledger counts."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.domain.automation import AutomationPause, pause_of, tripped
from workflows.domain.brakes import HISTORY_DAYS, Breaker, Tally, hour_of, trip, usual_of
from workflows.domain.case.automation import Booked, Booking, Counted, counted_detector, prevented
from workflows.domain.case.decision import KOBAN
from workflows.domain.policy.limits import Full, Spent, Use, full

_DAY = timedelta(days=1)
_KEEP = timedelta(hours=1)
"""The longest window of a breaker."""


@dataclass
class _Acts:
    """Automatic actions of one detector: those of the last hour, and their number by hour."""

    recent: deque[tuple[datetime, str]] = field(default_factory=deque)
    by_hour: Counter[datetime] = field(default_factory=Counter)
    first: datetime | None = None

    def add(self, at: datetime, subject: str) -> None:
        self.first = self.first or at
        self.by_hour[hour_of(at)] += 1
        self.recent.append((at, subject))
        while self.recent[0][0] <= at - _KEEP:
            self.recent.popleft()

    def remove_last(self) -> None:
        at, _ = self.recent.pop()
        self.by_hour[hour_of(at)] -= 1
        self.first = None if self.first == at and not self.by_hour[hour_of(at)] else self.first

    def tally(self, breaker: Breaker, now: datetime) -> Tally:
        """The counts of a window that ends at `now`."""
        within = [subject for at, subject in self.recent if at > now - breaker.window]
        many = len(within) >= breaker.floor
        return Tally(
            actions=len(within),
            subjects=len(set(within)),
            usual=self._usual(breaker, now) if many else None,
        )

    def _usual(self, breaker: Breaker, now: datetime) -> float | None:
        """A window has a part in two hours, of which the busier one counts."""
        hours = {hour_of(now), hour_of(now - breaker.window)}
        found = (self._usual_in(hour, breaker) for hour in hours)
        return max((each for each in found if each is not None), default=None)

    def _usual_in(self, hour: datetime, breaker: Breaker) -> float | None:
        if self.first is None:
            return None
        days = min(HISTORY_DAYS, (hour - self.first) // _DAY)
        number = sum(self.by_hour[hour - day * _DAY] for day in range(1, days + 1))
        return usual_of(number, days, breaker.window)


class AutomationMemory:
    """Answers bookings in event time; `pauses` are the breakers that tripped.

    People judge and undo nothing in a backtest: the limits `precision` and `undone` never trip.
    """

    def __init__(self) -> None:
        self.pauses: tuple[AutomationPause, ...] = ()
        self._acts: defaultdict[tuple[str, str], _Acts] = defaultdict(_Acts)
        self._spent: defaultdict[tuple[str, str], list[Spent]] = defaultdict(list)

    def book(self, booking: Booking) -> Booked:
        """Books all uses and actions, or none if a pause, a limit or a breaker prevents one."""
        stopped = prevented(booking, self.pauses)
        if stopped is not None:
            return stopped
        for use in booking.uses:
            if (limit := self._full(use, booking.at)) is not None:
                return Booked(full=limit)
        pause = self._trip(booking, booking.counted) if booking.counted is not None else None
        if pause is not None:
            return Booked(pause=pause)
        for use in booking.uses:
            self._spent[use.power, use.holder].append(Spent(at=booking.at, amount=use.amount))
        return Booked()

    def _full(self, use: Use, now: datetime) -> Full | None:
        kept = [each for each in self._spent[use.power, use.holder] if each.at > now - use.within]
        self._spent[use.power, use.holder] = kept
        return full(use, kept, now)

    def _trip(self, booking: Booking, counted: Counted) -> AutomationPause | None:
        """Counts the actions; the pause of the first breaker that trips, which counts none."""
        made: list[_Acts] = []
        for acts, detector, action, subject in self._counted(counted):
            acts.add(booking.at, subject)
            made.append(acts)
            cause = trip(counted.breaker, acts.tally(counted.breaker, booking.at))
            if cause is not None:
                for each in reversed(made):
                    each.remove_last()
                change = tripped(detector, action, cause, KOBAN, booking.case, booking.at)
                pause = pause_of(change)
                self.pauses = (*self.pauses, pause)
                return pause
        return None

    def _counted(self, counted: Counted) -> Iterator[tuple[_Acts, str, str, str]]:
        for each in counted.actions:
            if not each.sampled:
                detector = counted_detector(self.pauses, counted, each.action)
                yield self._acts[detector, each.action], detector, each.action, each.subject
