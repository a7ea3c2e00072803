"""Run of a backtest: alerts are assessed in processes, and played in this one in event time."""

import gc
import multiprocessing
import os
import signal
import threading
import time
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from activities.backtest.assessment import (
    Assessed,
    Assessor,
    Handling,
    fault_of,
    identity_of,
    read,
    related_types,
    whole,
)
from activities.backtest.people import StaffedPlayer
from activities.backtest.player import Player, Seen, moment
from activities.policy.loader import PolicyFolder
from workflows.domain.backtest.report import (
    MOST_EXAMPLES,
    BacktestReport,
    Change,
    ChangeKind,
    Comparison,
    Hour,
    labels_of,
)

AT_ONCE = 2_000
"""Alerts that a process assesses in one call."""
ALONE = 20_000
"""Alerts below which other processes cost more than they save."""
_INVALID = 0
_EARLIEST, _LATEST = 0.0, datetime(3000, 1, 1, tzinfo=UTC).timestamp()
_NO_TIME = "occurred_at: no time, or the line is no JSON object"
_OTHER_TIME = "occurred_at: not between 1970 and 3000"
_NOT_ACCEPTED = "accepts: its detector may not send it"


class Line(Protocol):
    """An unread alert."""

    @property
    def at(self) -> float:
        """Seconds since 1970."""

    @property
    def body(self) -> str:
        """The JSON text."""

    @property
    def label(self) -> bool | None:
        """The truth about it, if known."""


class Alerts(Protocol):
    """Alerts in the order of their times."""

    def count(self) -> int:
        """The number of alerts."""

    @property
    def unreadable(self) -> int:
        """The number of rows that were no alerts, after reading."""

    def chunks(self, size: int) -> Iterator[Sequence[Line]]:
        """Lists of `size` alerts."""


class People(NamedTuple):
    """A number of people, and the handling time of a case in minutes."""

    number: int
    minutes: float


class Progress(NamedTuple):
    """Alerts that were played, of how many, and the seconds since the start."""

    done: int
    total: int
    seconds: float


class _Placed(NamedTuple):
    """The assessments of a chunk by one folder: places in both tables, 0 for an invalid alert."""

    assessed: list[Assessed]
    groups: list[str]
    which: "array[int]"
    group: "array[int]"


class _Chunk(NamedTuple):
    """An assessed chunk: hashes of keys, scores (-1: none) and the assessments by folder.

    `related` are places in the table of `types` of related subjects.
    """

    identities: "array[int]"
    scores: "array[float]"
    placed: list[_Placed]
    types: list[tuple[str, ...]]
    related: "array[int]"


# -- processes ------------------------------------------------------------------------------

_assessors: list[Assessor] = []
"""Those of this process."""


def _begin_process(folders: Sequence[PolicyFolder]) -> None:
    # Ctrl-C reaches every process; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _begin(folders)


def _end_with_parent() -> None:
    """Ends this process with the first one, which may be killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection: it looks at all cases again and again, and there is no garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _begin(folders: Sequence[PolicyFolder]) -> None:
    _assessors[:] = [Assessor(each) for each in folders]


def _assess(bodies: Sequence[str]) -> _Chunk:
    chunk = _Chunk(array("Q"), array("d"), [], [], array("I"))
    alerts = [read(body) for body in bodies]
    known_types: dict[tuple[str, ...], int] = {}
    for alert in alerts:
        chunk.identities.append(0 if alert is None else identity_of(alert.key))
        score = None if alert is None else alert.score
        chunk.scores.append(-1.0 if score is None else score)
        types = () if alert is None else related_types(alert)
        chunk.related.append(known_types.setdefault(types, len(known_types)))
    chunk.types.extend(known_types)
    for assessor in _assessors:
        found = _Placed([], [], array("I"), array("I"))
        known: dict[int, int] = {}
        groups: dict[str, int] = {}
        for alert in alerts:
            placed = None if alert is None else assessor.place(alert)
            if placed is None:
                found.which.append(_INVALID)
                found.group.append(0)
                continue
            # Equal assessments are one object.
            number = known.setdefault(id(placed.assessed), len(known) + 1)
            if number > len(found.assessed):
                found.assessed.append(placed.assessed)
            place = groups.setdefault(placed.group, len(groups))
            if place == len(found.groups):
                found.groups.append(placed.group)
            found.which.append(number)
            found.group.append(place)
        chunk.placed.append(found)
    return chunk


Assess = Callable[[Sequence[str]], "Future[_Chunk]"]


@contextmanager
def _processes(folders: Sequence[PolicyFolder], alone: bool) -> Iterator[Assess]:
    """Assesses in one process a core, or here if `alone` or with one core."""
    cores = os.cpu_count() or 1
    if cores == 1 or alone:
        _begin(folders)
        yield _now
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, _begin_process, (folders,)) as pool:
        with _ignored_interrupt():
            for _ in range(cores):
                pool.submit(_assess, ())
        try:
            yield lambda bodies: pool.submit(_assess, bodies)
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _ignored_interrupt() -> Iterator[None]:
    """Processes that start here ignore Ctrl-C from their first moment, and print no traceback."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _now(bodies: Sequence[str]) -> "Future[_Chunk]":
    done: Future[_Chunk] = Future()
    done.set_result(_assess(bodies))
    return done


# -- the run --------------------------------------------------------------------------------


@dataclass
class _Differences:
    counts: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[ChangeKind, list[Change]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, kind: ChangeKind, body: str, before: str, after: str) -> None:
        self.counts[kind.value] += 1
        if len(self.examples[kind]) < MOST_EXAMPLES:
            alert = whole(body)
            key = "" if alert is None else alert.key
            change = Change(kind=kind, alert=key, before=before, after=after)
            self.examples[kind].append(change)


class Backtest:
    """One run over alerts by a folder, and by another one to compare with."""

    def __init__(
        self,
        folder: PolicyFolder,
        against: PolicyFolder | None = None,
        people: People | None = None,
        labelled: bool = False,
        seen: Seen | None = None,
        alone: int = ALONE,
    ) -> None:
        """`labelled`: labels are counted; `seen` gets the events of automation by `folder`.

        Fewer than `alone` alerts are assessed in this process.
        """
        self._alone = alone
        self._folders = [folder] if against is None else [folder, against]
        self._players = [_player(folder, people, seen)]
        self._players += () if against is None else (_player(against, people, None),)
        self._places = range(len(self._players))
        self._labelled = labelled
        self._scored: list[tuple[float | None, bool, bool]] = []
        self._differences = _Differences()
        self._known: set[int] = set()
        self._refused: set[int] = set()
        self._hours: dict[int, list[int]] = {}
        self._alerts = self._invalid = self._duplicates = 0
        self._fault: str | None = None
        self._first: float | None = None
        self._last = 0.0

    def run(
        self, alerts: Alerts, progress: Callable[[Progress], None] = lambda _: None
    ) -> BacktestReport:
        """Plays all alerts. After a KeyboardInterrupt the report has what was played."""
        started, interrupted = time.monotonic(), False
        total, done = alerts.count(), 0
        try:
            with _no_collection(), _processes(self._folders, total < self._alone) as assess:
                for lines, chunk in _in_order(alerts.chunks(AT_ONCE), assess):
                    self._play(lines, chunk)
                    done += len(lines)
                    progress(Progress(done, total, time.monotonic() - started))
        except KeyboardInterrupt:
            interrupted = True
        for player in self._players:
            player.finish(self._last)
        self._invalid += alerts.unreadable
        if alerts.unreadable:
            self._fault = self._fault or _NO_TIME
        return self._report(interrupted, time.monotonic() - started)

    def _play(self, lines: Sequence[Line], chunk: _Chunk) -> None:
        own = chunk.placed[0]
        for number, line in enumerate(lines):
            if not _EARLIEST <= line.at < _LATEST:
                self._invalid += 1
                self._fault = self._fault or _OTHER_TIME
                continue
            if own.which[number] == _INVALID:
                self._invalid += 1
                self._fault = self._fault or fault_of(line.body) or _NOT_ACCEPTED
                self._take_refused(number, line, chunk)
                continue
            identity = chunk.identities[number]
            if identity in self._known:
                self._duplicates += 1
                continue
            self._known.add(identity)
            self._take(number, line, chunk)

    def _take_refused(self, number: int, line: Line, chunk: _Chunk) -> None:
        """Plays an alert that only the other folder takes."""
        identity = chunk.identities[number]
        if all(each.which[number] == _INVALID for each in chunk.placed) or identity in self._known:
            return
        if identity not in self._refused:
            self._refused.add(identity)
            outcome = self._outcome(1, number, line, chunk)
            self._compare(line.body, outcome, _REFUSED)

    def _take(self, number: int, line: Line, chunk: _Chunk) -> None:
        at, player = line.at, self._players[0]
        self._alerts += 1
        self._first = at if self._first is None else self._first
        self._last = at
        before = player.counts.cases
        # The other folder may have played it before: an earlier one was refused by this folder.
        again = chunk.identities[number] in self._refused
        places = self._places[:1] if again else self._places
        outcomes = [self._outcome(each, number, line, chunk) for each in places]
        hour = self._hours.setdefault(int(at // 3600), [0, 0])
        hour[0] += 1
        hour[1] += player.counts.cases - before
        if len(outcomes) > 1 and outcomes[0] != outcomes[1]:
            self._compare(line.body, outcomes[1], outcomes[0])
        if line.label is not None and self._labelled:
            score = chunk.scores[number]
            noticed = outcomes[0].handling is Handling.CASE
            self._scored.append((None if score < 0 else score, line.label, noticed))

    def _outcome(self, folder: int, number: int, line: Line, chunk: _Chunk) -> "_Outcome":
        player, placed = self._players[folder], chunk.placed[folder]
        which = placed.which[number]
        if which == _INVALID:
            return _REFUSED
        assessed = placed.assessed[which - 1]
        group = placed.groups[placed.group[number]]
        silenced = player.counts.silenced
        related = chunk.types[chunk.related[number]]
        actions = player.take(line.at, assessed, group, line.body, line.label, related)
        heard = player.counts.silenced == silenced
        handling = assessed.handling if heard else Handling.SILENCED
        return _Outcome(handling, assessed.playbook, assessed.severity.value, actions)

    def _compare(self, body: str, before: "_Outcome", after: "_Outcome") -> None:
        add = self._differences.add
        if Handling.REFUSED in (before.handling, after.handling):
            add(ChangeKind.HANDLING, body, before.handling.value, after.handling.value)
        elif before.playbook != after.playbook:
            add(ChangeKind.PLAYBOOK, body, before.playbook, after.playbook)
        elif before.handling is not after.handling:
            add(ChangeKind.HANDLING, body, before.handling.value, after.handling.value)
        elif before.severity != after.severity:
            add(ChangeKind.SEVERITY, body, before.severity, after.severity)
        if before.actions != after.actions:
            add(ChangeKind.ACTIONS, body, ", ".join(before.actions), ", ".join(after.actions))

    def _report(self, interrupted: bool, seconds: float) -> BacktestReport:
        player = self._players[0]
        counts = player.counts
        return BacktestReport(
            alerts=self._alerts,
            cases=counts.cases,
            logged=counts.logged,
            silenced=counts.silenced,
            unmatched=counts.unmatched,
            invalid=self._invalid,
            duplicates=self._duplicates,
            fault=self._fault,
            by_playbook=_sorted(counts.by_playbook),
            by_severity={each: n for each, n in _sorted(counts.by_severity).items() if n},
            actions=_sorted(counts.actions),
            withheld=_sorted(counts.withheld),
            auto=counts.auto,
            shadow=_sorted(counts.shadow),
            approvals=counts.approvals,
            escalations=counts.escalations,
            per_hour=tuple(self._per_hour()),
            breaker_trips=len(counts.trips),
            trips=tuple(counts.trips),
            labels=labels_of(self._scored) if self._labelled else None,
            against=self._comparison(),
            staffing=player.staffing() if isinstance(player, StaffedPlayer) else None,
            since=None if self._first is None else moment(self._first),
            until=None if self._first is None else moment(self._last),
            unfinished=interrupted,
            seconds=round(seconds, 3),
        )

    def _per_hour(self) -> Iterable[Hour]:
        for hour, (alerts, cases) in sorted(self._hours.items()):
            at = datetime.fromtimestamp(hour * 3600, UTC)
            yield Hour(hour=at, alerts=alerts, cases=cases)

    def _comparison(self) -> Comparison | None:
        if len(self._players) == 1:
            return None
        found = self._differences
        changed = (each for kind in ChangeKind for each in found.examples[kind])
        return Comparison(
            cases=self._players[1].counts.cases,
            counts={each.value: found.counts[each.value] for each in ChangeKind},
            changed=tuple(changed),
        )


class _Outcome(NamedTuple):
    handling: Handling
    playbook: str
    severity: str
    actions: tuple[str, ...]


_REFUSED = _Outcome(Handling.REFUSED, "", "", ())


def _player(folder: PolicyFolder, people: People | None, seen: Seen | None) -> Player:
    policies = {name: folder.policy_for(name) for name in folder.playbooks}
    if people is None:
        return Player(policies, seen)
    return StaffedPlayer(policies, people.number, people.minutes, seen)


def _in_order(
    chunks: Iterator[Sequence[Line]], assess: Assess
) -> Iterator[tuple[Sequence[Line], _Chunk]]:
    """The assessed chunks in their order, a few of them ahead."""
    ahead: deque[tuple[Sequence[Line], Future[_Chunk]]] = deque()
    most = 2 * (os.cpu_count() or 1)
    for lines in chunks:
        ahead.append((lines, assess([each.body for each in lines])))
        if len(ahead) > most:
            first, result = ahead.popleft()
            yield first, result.result()
    while ahead:
        first, result = ahead.popleft()
        yield first, result.result()


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
