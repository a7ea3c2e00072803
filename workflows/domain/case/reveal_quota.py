"""Quota of hidden evidence that one person may see within a shift."""

from datetime import datetime, timedelta

from workflows.domain.policy.limits import Exposure
from workflows.domain.values import Value


class Exposed(Value):
    """The ledger's counts before a piece of evidence is shown to a person.

    `found`: the case has the piece. `again`: the person saw it within the time. `seen` counts the
    other pieces, `since` is the time of the first. `alert`: the leads are to be alerted.
    """

    found: bool = False
    image: bool = False
    again: bool = False
    seen: int = 0
    since: datetime | None = None
    alert: bool = False


class Reached(Value):
    """A reached quota: `reveals` pieces within `within`, the first at `since`."""

    reveals: int
    within: timedelta
    since: datetime

    @property
    def over_at(self) -> datetime:
        """The time from which on another piece can be shown."""
        return self.since + self.within


def is_full(most: int | None, seen: int, again: bool) -> bool:
    """Whether another piece exceeds the quota; a piece that was shown before does not count."""
    return most is not None and not again and seen >= most


def reached(rule: Exposure | None, exposed: Exposed, now: datetime) -> Reached | None:
    """The quota that prevents another piece, or None."""
    if rule is None or not is_full(rule.reveals, exposed.seen, exposed.again):
        return None
    return Reached(reveals=exposed.seen, within=rule.within, since=exposed.since or now)
