"""Breakers of automation, silence about content that people have cleared, and snoozed detectors.

Live operation and backtests count and remember differently, and decide with the same functions.
"""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from math import ceil, sqrt
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from workflows.domain.alerts import Alert, ImageEvidence
from workflows.domain.values import Duration, Share, Value, Written

HISTORY_DAYS = 14
"""Days before now that say what is usual in an hour of the day."""
UNDONE_WITHIN = timedelta(days=1)
"""Age of the automatic actions of which people undid a share."""
JUDGED_WITHIN = timedelta(days=30)
"""Age of the samples that people judged."""

_HOUR = timedelta(hours=1)


def _within_an_hour(given: timedelta) -> timedelta:
    if given > _HOUR:
        # What is usual differs from hour to hour.
        raise ValueError("`window` is 1h or less")
    return given


Window = Annotated[
    Duration,
    AfterValidator(_within_an_hour),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([1-9][0-9]{0,3}s|([1-9]|[1-5][0-9]|60)m|1h)$",
            "description": "A duration of 1h or less: 30s, 5m.",
        }
    ),
]
"""Time in which a breaker counts."""

# Both tails of the normal distribution together have 5 %.
_Z = 1.959964


class Breaker(Written):
    """Limits for each detector and action; beyond one of them only people act.

    - `floor`: actions within `window` below which the rate is not compared
    - `usual`: multiple of the actions that are usual in that hour of the day
    - `subjects`: distinct subjects within `window`
    - `precision`: least lower bound of the share of samples that people confirmed
    - `undone`: largest share of the last day's actions that people undid
    """

    window: Window = Field(default="5m", validate_default=True)
    floor: Annotated[int, Field(ge=2, le=100_000)] = 20
    usual: Annotated[float, Field(ge=1, le=1000)] = 3
    subjects: Annotated[int, Field(ge=2, le=100_000)] = 100
    precision: Annotated[Share, Field(gt=0, lt=1)] | None = None
    undone: Annotated[Share, Field(lt=1)] | None = None


class BrakeCause(StrEnum):
    """The limit of a breaker that was exceeded."""

    RATE = "rate"
    SUBJECTS = "subjects"
    PRECISION = "precision"
    UNDONE = "undone"


class Tally(Value):
    """Counts about one action of one detector since its breaker was last armed.

    `actions` and `subjects` are those of the window, `usual` the actions of such a window in its
    hours of the day (None: no history yet). People `judged` samples, of which they found some
    `right`. Of the `acted` automatic actions of the last day some were `undone` by people.
    """

    actions: int = 0
    subjects: int = 0
    usual: float | None = None
    judged: int = 0
    right: int = 0
    acted: int = 0
    undone: int = 0


class Trip(Value):
    """A breaker that tripped: its `limit` of that cause, and the counts that exceeded it.

    `limit` is a number of actions or subjects, or a share of 1.
    """

    cause: BrakeCause
    window: timedelta
    limit: float
    tally: Tally


class AutomaticAction(Value):
    """An automatic action to count: `decision` is the id of its decision or protection.

    `subject` is its subject's key. `sampled`: a person decides instead, without knowing of it.
    """

    decision: str
    action: str
    subject: str
    sampled: bool = False


def trip(breaker: Breaker, tally: Tally) -> Trip | None:
    """The first limit that the counts exceed, with the action that is about to happen."""
    limits = {
        BrakeCause.RATE: (_most_actions(breaker, tally), _is_fast(breaker, tally)),
        BrakeCause.SUBJECTS: (breaker.subjects, tally.subjects >= breaker.subjects),
        BrakeCause.PRECISION: (breaker.precision, _is_imprecise(breaker, tally)),
        BrakeCause.UNDONE: (breaker.undone, _is_undone(breaker, tally)),
    }
    for cause, (limit, exceeded) in limits.items():
        if exceeded and limit is not None:
            return Trip(cause=cause, window=breaker.window, limit=limit, tally=tally)
    return None


def _most_actions(breaker: Breaker, tally: Tally) -> float:
    """The actions of a window that are allowed; without history those below the floor."""
    return max(breaker.floor - 1, breaker.usual * (tally.usual or 0))


def _is_fast(breaker: Breaker, tally: Tally) -> bool:
    return tally.actions > _most_actions(breaker, tally)


def _is_imprecise(breaker: Breaker, tally: Tally) -> bool:
    least = breaker.precision
    if least is None or tally.judged < samples_needed(least):
        return False
    return lower_bound(tally.right, tally.judged) < least


def _is_undone(breaker: Breaker, tally: Tally) -> bool:
    if breaker.undone is None or tally.acted < breaker.floor:
        return False
    return tally.undone > breaker.undone * tally.acted


def usual_of(count: int, days: int, window: timedelta) -> float | None:
    """The actions of a window that are usual, from those of the same hour on `days` days."""
    return None if days < 1 else count / days * (window / _HOUR)


def hour_of(at: datetime) -> datetime:
    """The begin of the hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def samples_needed(precision: float) -> int:
    """The number of samples at which a record without a mistake reaches `precision`; 35 for 0.9."""
    return ceil(precision * _Z**2 / (1 - precision))


def lower_bound(right: int, judged: int) -> float:
    """The lower bound of the Wilson score interval, 95 %; 0 if none is right.

    https://doi.org/10.1080/01621459.1927.10502953
    """
    if right == 0:
        return 0.0
    share, z2 = right / judged, _Z**2
    centre = share + z2 / (2 * judged)
    spread = _Z * sqrt(share * (1 - share) / judged + z2 / (4 * judged**2))
    return (centre - spread) / (1 + z2 / judged)


# -- silence ------------------------------------------------------------------------------


class Silence(Written):
    """Alerts about content that people cleared open no case until it changes.

    At most `at_most` after the end of the case in which it was cleared.
    """

    after: Literal["no_violation"] = "no_violation"
    until: Literal["changed"] = "changed"
    at_most: Duration = Field(default="7d", validate_default=True)


class LastCase(Value):
    """The subject's last case of a playbook: how it ended, and the content of its alerts.

    `severity` is its rank, 1 is the worst. `closed_at` is None while it is open.
    """

    case: str
    severity: int
    closed_at: datetime | None
    cleared: bool
    content: frozenset[str] = frozenset()


def content_digest(alert: Alert) -> str | None:
    """A digest of what an alert shows: kind, title, texts and image addresses; None if nothing.

    Scores, times and attributes are left out: they differ in each alert about the same content.
    """
    if alert.title is None and not alert.evidence:
        return None
    shown = [each.url if isinstance(each, ImageEvidence) else each.text for each in alert.evidence]
    title = [] if alert.title is None else [alert.title.ja, alert.title.en]
    content = json.dumps([alert.kind, title, shown], ensure_ascii=True)
    return sha256(content.encode()).hexdigest()


def is_silenced(
    silence: Silence, last: LastCase | None, content: str, severity: int, now: datetime
) -> bool:
    """Whether an alert with this content and severity (its rank) opens no case after the last."""
    if last is None or last.closed_at is None or not last.cleared:
        return False
    recent = now - last.closed_at < silence.at_most
    return recent and severity >= last.severity and content in last.content


# -- snoozed detectors --------------------------------------------------------------------


class DetectorSnooze(Value):
    """A detector whose alerts about the subject of a case open and join no case until `until`.

    `number` is the `seq` of the event that began it. `severity` is the rank of the case's severity
    then, 1 is the worst. People may end it before, at `ended_at`.
    """

    detector: str
    number: int
    by: str
    at: datetime
    until: datetime
    severity: int
    ended_at: datetime | None = None

    def lasts(self, now: datetime) -> bool:
        """Whether it has begun and is not over."""
        ends = self.until if self.ended_at is None else min(self.until, self.ended_at)
        return self.at <= now < ends


def is_snoozed(snooze: DetectorSnooze, severity: int, now: datetime) -> bool:
    """Whether an alert of this severity (its rank) is only recorded: a worse one is heard."""
    return snooze.lasts(now) and severity >= snooze.severity
