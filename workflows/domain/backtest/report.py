"""Report of a backtest: counts, labels with their curve, and the differences of two policies."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from workflows.domain.values import Value

MOST_EXAMPLES = 10
"""Examples of each kind of difference."""
THRESHOLDS = 21
"""Points of the curve: thresholds from 0 to 1 in equal steps."""


class Hour(Value):
    """Alerts, and the cases that they opened, in the hour that begins at `hour`."""

    hour: datetime
    alerts: int
    cases: int


class TripRecord(Value):
    """A breaker that tripped: the action of the detector was review only from `at` on."""

    at: datetime
    playbook: str
    detector: str
    action: str
    cause: str


class Point(Value):
    """The quality of all alerts with a score of at least `threshold`, and their number.

    Precision or recall is None where nothing is counted.
    """

    threshold: float
    precision: float | None
    recall: float | None
    cases: int


class Labels(Value):
    """Labelled alerts: a positive one went to people or was acted on, a negative one did not.

    `precision` is tp ÷ (tp + fp), `recall` is tp ÷ (tp + fn); None where nothing is counted.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    precision: float | None
    recall: float | None
    curve: tuple[Point, ...] = ()


class ChangeKind(StrEnum):
    """The part of an alert's outcome that differs between two policies."""

    PLAYBOOK = "playbook"
    HANDLING = "handling"
    SEVERITY = "severity"
    ACTIONS = "actions"


class Change(Value):
    """An alert (`detector/id`) with two outcomes: `before` by the other folder, `after` by this."""

    kind: ChangeKind
    alert: str
    before: str
    after: str


class Comparison(Value):
    """The other folder's number of cases, the number of differing alerts by kind, and examples."""

    cases: int
    counts: dict[str, int]
    changed: tuple[Change, ...]


class Staffing(Value):
    """Work of `people` who take cases in the order of their severity, one at a time.

    `minutes` is the handling time of a case. `late_claims` and `late_decisions` missed the clocks
    of the playbook; `waiting` cases were not decided at the end. `busy` is the share of the time
    in which people worked. `wait_median` and `wait_p90` are minutes from the opening to the claim.
    """

    people: int
    minutes: float
    handled: int
    waiting: int
    late_claims: int
    late_decisions: int
    busy: float
    wait_median: float
    wait_p90: float


class BacktestReport(Value):
    """Result of a backtest; times are UTC, `seconds` is the run time.

    `alerts` are valid and not repeated. `logged` were only recorded, `silenced` are about content
    that people had cleared. `unmatched` had no playbook; `invalid` broke the contract of alerts,
    the first by its `fault`; `duplicates` had a known detector and id. `unfinished`: the run was
    interrupted.
    """

    alerts: int
    cases: int
    logged: int
    silenced: int
    unmatched: int
    invalid: int
    duplicates: int
    fault: str | None = None
    by_playbook: dict[str, int]
    by_severity: dict[str, int]
    actions: dict[str, int]
    withheld: dict[str, int]
    auto: int
    shadow: dict[str, int]
    approvals: int
    escalations: int
    per_hour: tuple[Hour, ...]
    breaker_trips: int
    trips: tuple[TripRecord, ...]
    labels: Labels | None = None
    against: Comparison | None = None
    staffing: Staffing | None = None
    since: datetime | None = None
    until: datetime | None = None
    unfinished: bool = False
    seconds: float = 0.0


# -- labels ---------------------------------------------------------------------------------


def labels_of(scored: Iterable[tuple[float | None, bool, bool]]) -> Labels:
    """Labels from (score, label, seen) of each labelled alert; `seen`: it did not go unnoticed."""
    ordered = sorted(scored, key=lambda each: -1.0 if each[0] is None else each[0], reverse=True)
    tp = sum(label and seen for _, label, seen in ordered)
    fp = sum(seen and not label for _, label, seen in ordered)
    fn = sum(label and not seen for _, label, seen in ordered)
    return Labels(
        tp=tp,
        fp=fp,
        fn=fn,
        tn=len(ordered) - tp - fp - fn,
        precision=_share(tp, tp + fp),
        recall=_share(tp, tp + fn),
        curve=tuple(_curve(ordered, tp + fn)),
    )


def _curve(ordered: Sequence[tuple[float | None, bool, bool]], positive: int) -> Iterable[Point]:
    steps = THRESHOLDS - 1
    found, right, place = 0, 0, 0
    points = []
    for step in range(steps, -1, -1):
        threshold = step / steps
        while place < len(ordered) and (score := ordered[place][0]) is not None:
            if score < threshold:
                break
            found, right, place = found + 1, right + ordered[place][1], place + 1
        points.append(
            Point(
                threshold=threshold,
                precision=_share(right, found),
                recall=_share(right, positive),
                cases=found,
            )
        )
    return reversed(points)


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else part / whole
