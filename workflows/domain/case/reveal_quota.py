"""How much hidden evidence one person is shown within a shift."""

from datetime import datetime, timedelta

from workflows.domain.policy.playbook import Exposure
from workflows.domain.values import Value


class Exposed(Value):
    """What the ledger knows before a piece of evidence is shown to a person.

    `found` where the case has it at all; `again` where the person was shown this very piece within
    the time already; `seen` counts the other pieces, `since` is when the first of them was shown.
    """

    found: bool = False
    image: bool = False
    again: bool = False
    seen: int = 0
    since: datetime | None = None


class Reached(Value):
    """A cap that somebody reached: so many pieces within a time, the first of them `since` then."""

    reveals: int
    within: timedelta
    since: datetime

    @property
    def over_at(self) -> datetime:
        """When the next piece can be shown."""
        return self.since + self.within


def is_full(most: int | None, seen: int, again: bool) -> bool:
    """Whether one more piece is too many; what was shown already is no more of it."""
    return most is not None and not again and seen >= most


def reached(rule: Exposure | None, exposed: Exposed, now: datetime) -> Reached | None:
    """The cap that stands against one more piece, or None."""
    if rule is None or not is_full(rule.reveals, exposed.seen, exposed.again):
        return None
    return Reached(reveals=exposed.seen, within=rule.within, since=exposed.since or now)
