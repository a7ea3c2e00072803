"""Detection: windows and state of SQL detectors, heartbeats, and alerts from rows."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from workflows.domain.alerts import Alert
from workflows.domain.policy.detectors import Accepts, AlertMap, Detector, SqlQuery
from workflows.domain.values import Value

FIRST_WINDOW = timedelta(days=1)
"""The oldest rows of a new detector: `koban detect` reads older ones."""
SMALLEST = timedelta(seconds=1)
"""A shorter window is not divided."""
MOST_EXAMPLES = 3
"""Unusable rows that a run names."""


class Window(Value):
    """The rows of one query: later than `since`, up to and including `until`."""

    since: datetime
    until: datetime

    def halves(self) -> "tuple[Window, Window] | None":
        """The two halves, or None for a window that is not divided."""
        if self.until - self.since <= SMALLEST:
            return None
        middle = self.since + (self.until - self.since) / 2
        return Window(since=self.since, until=middle), Window(since=middle, until=self.until)


class RunProblemKind(StrEnum):
    """Why a run ended before its window was done."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TOO_SLOW = "too_slow"
    TOO_MANY = "too_many"
    NO_COLUMN = "no_column"
    NO_SOURCE = "no_source"


DIVISIBLE = frozenset({RunProblemKind.TOO_SLOW, RunProblemKind.TOO_MANY})
"""Problems that a smaller window may not have."""


class RunProblem(Value):
    """A failed run, with the database's own words."""

    kind: RunProblemKind
    detail: str = ""


class JunkRow(Value):
    """A row that makes no alert: its number in the result, from 1, the field and the reason.

    The number is 0 for one that no playbook takes.
    """

    row: int
    field: str
    reason: str


class RunResult(Value):
    """Counts of one window: `alerts` are new ones, `examples` the first unusable rows."""

    rows: int = 0
    alerts: int = 0
    duplicates: int = 0
    junk: int = 0
    examples: tuple[JunkRow, ...] = ()
    problem: RunProblem | None = None

    def plus(self, more: "RunResult") -> "RunResult":
        """The counts of both, with the later problem."""
        return RunResult(
            rows=self.rows + more.rows,
            alerts=self.alerts + more.alerts,
            duplicates=self.duplicates + more.duplicates,
            junk=self.junk + more.junk,
            examples=(*self.examples, *more.examples)[:MOST_EXAMPLES],
            problem=more.problem,
        )


class DetectorState(Value):
    """State of a detector in the ledger.

    - `watermark`: all rows up to it have made their alerts
    - `failures` in a row, the first at `failing_since`; it is not run before `retry_at`
    - `silent_since`: its heartbeat is missing; `seen_at` is its last sign of life
    - `messaged_at`: the last message to its owner about a failure or silence
    """

    detector: str
    watermark: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    problem: RunProblem | None = None
    seen_at: datetime | None = None
    silent_since: datetime | None = None
    messaged_at: datetime | None = None


def window(state: DetectorState, query: SqlQuery, now: datetime) -> Window | None:
    """The next window, or None while nothing is due.

    It starts where the last one ended, so that an outage leaves no gap.
    """
    if state.retry_at is not None and now < state.retry_at:
        return None
    until = now - query.watermark.lag
    since = state.watermark or until - FIRST_WINDOW
    return Window(since=since, until=until) if since < until else None


LONGEST_PAUSE = timedelta(hours=1)
_FIRST_PAUSE = timedelta(seconds=30)


def pause_after(failures: int) -> timedelta:
    """The pause after this number of failures in a row: doubled from 30 s to an hour."""
    doubled: int = 2 ** min(failures - 1, 20)
    return min(_FIRST_PAUSE * doubled, LONGEST_PAUSE)


class Message(StrEnum):
    """A message to the owner of a detector."""

    FAILING = "failing"
    WORKING = "working"
    SILENT = "silent"
    HEARD = "heard"
    UNDELIVERED = "undelivered"


REMIND = timedelta(hours=24)
"""A failure or silence is repeated to the owner this often."""


def after_run(
    state: DetectorState, done: Window, result: RunResult, now: datetime
) -> tuple[DetectorState, Message | None]:
    """The state after a window, and the message for the owner."""
    if result.problem is None:
        works = {"watermark": done.until, "seen_at": now, **_WORKING, **_HEARD}
        message = Message.WORKING if state.failures else None
        return state.model_copy(update=works), message
    failures = state.failures + 1
    due = state.messaged_at is None or now - state.messaged_at >= REMIND
    changed: dict[str, Any] = {
        "failures": failures,
        "failing_since": state.failing_since or now,
        "retry_at": now + pause_after(failures),
        "problem": result.problem,
        "messaged_at": now if due else state.messaged_at,
    }
    return state.model_copy(update=changed), Message.FAILING if due else None


_WORKING = {"failures": 0, "failing_since": None, "retry_at": None, "problem": None}
_HEARD = {"silent_since": None, "messaged_at": None}


def heartbeat(
    state: DetectorState,
    detector: Detector,
    seen_at: datetime | None,
    since: datetime,
    now: datetime,
    paused: bool = False,
) -> tuple[DetectorState, Message | None]:
    """The state after a look at the heartbeat, and the message for the owner.

    `seen_at` is its last alert or run; a detector that was never seen counts from `since`. A query
    that is `paused` is not expected to run.
    """
    expect = detector.expect
    state = state.model_copy(update={"seen_at": seen_at})
    if expect is None or paused:
        return state.model_copy(update={"silent_since": None}), None
    last = max(seen_at or since, since)
    if now - last <= expect.every:
        if state.silent_since is None:
            return state, None
        message = Message.HEARD if state.failures == 0 else None
        return state.model_copy(update=_HEARD), message
    # A failing query has its own message.
    due = state.messaged_at is None or now - state.messaged_at >= REMIND
    changed = {"silent_since": state.silent_since or last}
    if not due:
        return state.model_copy(update=changed), None
    return state.model_copy(update={**changed, "messaged_at": now}), Message.SILENT


# -- alerts -------------------------------------------------------------------------------

ValueOf = Callable[[str, Mapping[str, Any]], Any]
"""Evaluates an expression over variables; None on any error."""


def alert_from(
    written: AlertMap, detector: str, variables: Mapping[str, Any], value_of: ValueOf
) -> dict[str, Any]:
    """The alert of `variables` as JSON data, to be validated as one that was posted.

    A field without a value is left out: validation names it if it is required.
    """
    facts = {
        "id": value_of(written.id, variables),
        "kind": value_of(written.kind, variables),
        "subject": _subject(written.subject, variables, value_of),
        "score": _number(_optional(written.score, variables, value_of)),
        "occurred_at": value_of(written.occurred_at, variables),
        "title": _optional(written.title, variables, value_of),
    }
    found = {name: value for name, value in facts.items() if value is not None}
    related = [_subject(each, variables, value_of) for each in written.related]
    text = _optional(written.text, variables, value_of)
    attributes = dict(_attributes(written, variables, value_of))
    return {
        "detector": detector,
        **found,
        **({"related": [each for each in related if "id" in each]} if related else {}),
        **({"evidence": [{"kind": "text", "text": text}]} if text else {}),
        **({"attributes": attributes} if attributes else {}),
    }


def place_of(
    pointer: str, written: AlertMap, variables: Mapping[str, Any], value_of: ValueOf
) -> str:
    """The place in a mapping of a field of its alert, both as JSON pointers.

    They differ after a related subject that was left out because it has no id.
    """
    found = _RELATED.fullmatch(pointer)
    if found is None:
        return pointer
    ids = (value_of(each.id, variables) for each in written.related)
    kept = [number for number, value in enumerate(ids) if value is not None]
    return f"/related/{kept[int(found[1])]}{found[2]}"


_RELATED = re.compile(r"/related/([0-9]+)(.*)")


def outside(accepts: Accepts | None, alert: Alert) -> tuple[tuple[str, ...], str] | None:
    """The field of an alert that its detector may not send, with a sentence; None if it may."""
    if accepts is None:
        return None
    for place, value, allowed in (
        (("kind",), alert.kind, accepts.kinds),
        (("subject", "type"), alert.subject.type, accepts.subjects),
    ):
        if allowed is not None and value not in allowed:
            return place, f"This detector may send {', '.join(allowed)} only."
    return None


_COLUMN = re.compile(r"(has\(\s*)?\brow\.([A-Za-z_][A-Za-z0-9_]*)")


def columns_of(written: AlertMap) -> tuple[str, ...]:
    """The columns that the expressions of an alert need; those under `has()` may be missing."""
    found = [use for _, each in written.expressions() for use in _COLUMN.findall(each)]
    optional = {name for guard, name in found if guard}
    return tuple(dict.fromkeys(name for _, name in found if name not in optional))


def _subject(written: Any, variables: Mapping[str, Any], value_of: ValueOf) -> dict[str, Any]:
    found = {"type": value_of(written.type, variables), "id": value_of(written.id, variables)}
    return {name: value for name, value in found.items() if value is not None}


def _optional(written: str | None, variables: Mapping[str, Any], value_of: ValueOf) -> Any:
    return None if written is None else value_of(written, variables)


def _number(value: Any) -> Any:
    """An integer score as the number that an alert has."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _attributes(
    written: AlertMap, variables: Mapping[str, Any], value_of: ValueOf
) -> Iterator[tuple[str, Any]]:
    for name, expression in written.attributes.items():
        value = value_of(expression, variables)
        if value is not None:
            yield name, value
