"""What time it is for a decision that somebody asked for.

A workflow knows only when its task began. After an outage, or while it waits for somebody's roles,
that is a while ago: a press that came since would be judged as if an expired approval still stood.
"""

from datetime import datetime, timedelta

MOST_AHEAD = timedelta(seconds=10)
"""By how much a press may be later than its task. A clock that is further off is not believed."""


def present(now: datetime, received_at: datetime | None) -> datetime:
    """`now`, or when the press was received where that is a little later."""
    if received_at is None or not now < received_at <= now + MOST_AHEAD:
        return now
    return received_at
