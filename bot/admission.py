"""Admission control: limits signals to Temporal and bodies in memory, and batches alerts of a case.

Slack clicks need Temporal and a worker within two seconds. Without a limit, a burst of alerts would
fill the queue that clicks wait in as well: Temporal accepts signals however far its workers are
behind. A worker that is behind also replays cases that waited longer than its sticky timeout
(`bot.worker.STICKY_TIMEOUT`).
"""

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import structlog
from temporalio.service import RPCError

from activities.errors import Unavailable
from activities.ledger.database import LedgerUnavailable
from bot.timeouts import PRODUCTION
from workflows.client import Cases, OutOfReach
from workflows.conditions import holds
from workflows.domain.alerts import Alert, Outcome
from workflows.domain.policy.matching import AlertRecord, Facts, severity_of
from workflows.domain.policy.playbook import Playbook, Policy

SLOW_CALL = 0.25
"""Seconds. A call takes 0.05 s with 32 in flight on two shared cores; a longer one was queued."""

MIN_CALLS = 4
"""Concurrent calls that are always allowed."""

MAX_CALLS = 32
"""Concurrent calls while Temporal is fast: more would only queue there (603/s with 32)."""

MAX_BACKLOG = 16
"""Calls that workers may be behind: some tenths of a second on two shared cores."""

PROBE_AFTER = MAX_BACKLOG // 2
"""Calls after which a probe starts, so that nothing blocks while the workers keep up."""

OUTAGE = 3
"""Cases out of reach one after another that are an outage of Temporal, and not of a case."""

RECENT_FOR = 600.0
"""Seconds after which the ledger is asked again: Temporal may have lost what it had accepted."""

MAX_RECENT = 20_000
"""Alerts submitted by this process whose duplicates are detected without the ledger."""

FREE_BYTES = 64 * 1024
"""Bytes of each body that are always taken: those of a press or an alert. The buffers of a
connection are as large (uvicorn's `HIGH_WATER_LIMIT`)."""

MOST_BYTES = 64 * 1024 * 1024
"""Further bytes of all bodies of a route, from the first one until the answer."""

BODIES_RETRY = 5
"""Seconds until a sender of a large body should try again (the `Retry-After` header)."""

log = structlog.get_logger()


class BodyMemory:
    """Memory of request bodies over all connections, also those without a valid signature."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self.used = 0

    @contextmanager
    def body(self) -> Iterator["HeldBody"]:
        """One body, whose memory is free again after the block."""
        held = HeldBody(self)
        try:
            yield held
        finally:
            held.release()

    def take(self, size: int) -> bool:
        """Takes memory, unless all of it is used."""
        if self.used + size > self._most:
            return False
        self.used += size
        return True


class HeldBody:
    """Memory of one body; `refused` once there was too little."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._size = 0
        self._counted = 0
        self.refused = False

    def add(self, size: int) -> bool:
        """Counts further bytes; False where the body can't be kept."""
        self._size += size
        more = max(0, self._size - FREE_BYTES) - self._counted
        if self.refused or not self._memory.take(more):
            self.release()
            self.refused = True
            return False
        self._counted += more
        return True

    def release(self) -> None:
        """Frees the memory."""
        self._memory.used -= self._counted
        self._counted = 0


@dataclass(order=True)
class Ticket:
    """Entry of the waiting queue: the lowest rank is admitted first, owners in turns."""

    rank: int
    turn: int
    number: int
    admitted: asyncio.Future[None] = field(compare=False)


class AdmissionLimiter:
    """Adaptive concurrency limit: grows by one per fast call, shrinks by a fifth per slow one."""

    def __init__(
        self,
        max_calls: int,
        clock: Callable[[], float] = time.monotonic,
        blocked: Callable[[int], bool] = lambda in_flight: False,
    ) -> None:
        """`blocked` returns whether to admit no further call, given the number in flight."""
        self._max_calls = max_calls
        self._clock = clock
        self._blocked = blocked
        self._limit = float(max_calls)
        self._in_flight = 0
        self._shrunk_at = float("-inf")
        self._queue: list[Ticket] = []
        self._number = 0
        self._turn = 0
        self._turns: dict[str, int] = {}

    @property
    def limit(self) -> int:
        """Concurrent calls that are allowed now."""
        return int(self._limit)

    def enqueue(self, rank: int = 0, owner: str = "") -> Ticket:
        """Adds a call of `owner` to the queue: many of one delay those of another by one each."""
        admitted = asyncio.get_running_loop().create_future()
        turn = max(self._turn, self._turns.get(owner, 0)) + 1
        ticket = Ticket(rank, turn, self._number, admitted)
        self._turns[owner] = turn
        self._number += 1
        heapq.heappush(self._queue, ticket)
        self.admit_waiting()
        return ticket

    def raise_priority(self, ticket: Ticket, rank: int) -> None:
        """Moves a waiting call forward to `rank`."""
        if rank < ticket.rank and not ticket.admitted.done():
            ticket.rank = rank
            heapq.heapify(self._queue)

    @asynccontextmanager
    async def slot(self, ticket: Ticket) -> AsyncIterator[None]:
        """Waits until the call is admitted and occupies a slot for the block."""
        await self._wait(ticket)
        started = self._clock()
        try:
            yield
        finally:
            self._adapt(self._clock() - started)
            self._release()

    def admit_waiting(self) -> None:
        """Admits waiting calls up to the limit; also called after `blocked` has changed."""
        while self._queue and self._in_flight < self.limit and not self._blocked(self._in_flight):
            ticket = heapq.heappop(self._queue)
            if not ticket.admitted.done():
                self._in_flight += 1
                self._turn = max(self._turn, ticket.turn)
                ticket.admitted.set_result(None)
        if not self._queue:
            self._turns.clear()

    async def _wait(self, ticket: Ticket) -> None:
        try:
            await ticket.admitted
        except asyncio.CancelledError:
            if ticket.admitted.done() and not ticket.admitted.cancelled():
                self._release()  # admitted and cancelled in the same iteration of the loop
            raise

    def _release(self) -> None:
        self._in_flight -= 1
        self.admit_waiting()

    def _adapt(self, seconds: float) -> None:
        if seconds < SLOW_CALL:
            self._limit = min(float(self._max_calls), self._limit + 1)
        elif self._clock() - self._shrunk_at >= SLOW_CALL:
            # Calls that were slow at the same time shrink it once.
            self._shrunk_at = self._clock()
            self._limit = max(float(MIN_CALLS), self._limit * 0.8)


class BacklogProbe:
    """Estimate of the workers' backlog from a query of the case that was signalled last.

    The query is answered after every earlier task. Temporal's own statistics (DescribeTaskQueue
    with `report_stats`) are up to 5 s old, measured on its dev server.
    """

    def __init__(
        self, probe: Callable[[str], Awaitable[None]], changed: Callable[[], None]
    ) -> None:
        """`probe` waits for a worker or raises `OutOfReach`; `changed` is called after each."""
        self._probe = probe
        self._changed = changed
        self._backlog = 0
        self._last = ""
        self._no_worker = False
        self._probing: asyncio.Task[None] | None = None

    def is_full(self, in_flight: int) -> bool:
        """Whether workers are too far behind for more calls than those in flight.

        Never while no worker runs: alerts are then stored as fast as they arrive.
        """
        return self._backlog + in_flight >= MAX_BACKLOG and not self._no_worker

    def sent(self, workflow_id: str) -> None:
        """Counts a call to the case `workflow_id`."""
        self._backlog += 1
        self._last = workflow_id
        self._start()

    def _start(self) -> None:
        if self._probing is None and self._backlog >= PROBE_AFTER:
            self._probing = asyncio.create_task(self._run())

    async def _run(self) -> None:
        before = self._backlog
        try:
            await self._probe(self._last)
            self._no_worker = False
        except (OutOfReach, RPCError) as error:
            self._no_worker = True
            log.warning("no_worker_answered", error=str(error))
        finally:
            self._backlog -= before
            self._probing = None
            self._changed()
            self._start()


Pair = tuple[str, str]
"""(detector, id): the identity of an alert."""

Record = Callable[[Sequence[AlertRecord]], Awaitable[None]]
"""Stores alerts that belong to no case; repeated, it has no effect. May raise `LedgerUnavailable`.
"""

FindKnown = Callable[[Sequence[Pair]], Awaitable[frozenset[Pair]]]
"""Returns those of the given alerts that the ledger has. May raise `LedgerUnavailable`."""


class Target(NamedTuple):
    """Policy and group of the case that an alert belongs to, and the alert's facts if known.

    With `records` it belongs to no case: they are all that is stored.
    """

    policy: Policy
    group: tuple[str, ...]
    facts: Facts | None = None
    records: tuple[AlertRecord, ...] = ()

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """Playbook and group, which identify the case."""
        return self.policy.playbook.playbook, self.group

    def rank(self, alert: Alert) -> int:
        """The alert's severity as a rank: 1 (critical) to 4 (low)."""
        return severity_of(self.policy.playbook, alert, holds, self.facts).rank


Work = Callable[[Callable[[], "list[Placed]"]], Awaitable["list[Placed]"]]
"""Runs the conditions over a request's alerts, off the event loop."""


class Placed(NamedTuple):
    """The target of an alert and its rank there; None if no playbook matches."""

    target: Target | None
    rank: int = 0


async def at_once(work: Callable[[], list[Placed]]) -> list[Placed]:
    """Runs the conditions on the event loop."""
    return work()


class NotStored(Unavailable):
    """Some alert was not stored: the whole request has to be sent again."""


class TemporalUnavailable(NotStored):
    """Temporal did not store some alert."""


@dataclass(frozen=True)
class Submission:
    """Outcome of one valid alert, with the playbook that it matched."""

    outcome: Outcome = Outcome.INVALID
    playbook: str | None = None


@dataclass(eq=False)
class AlertBatch:
    """Alerts of one case that are sent in one call; `sent` completes with it."""

    target: Target
    ticket: Ticket
    alerts: dict[Pair, Alert] = field(default_factory=dict)
    failed: bool = False
    sent: asyncio.Future[None] = field(init=False)


class AlertSubmitter:
    """Sends alerts to their cases, one instance per process.

    Alerts of one case that wait at the same time are sent in one call, because the cost is the
    call's and not the alert's.
    """

    def __init__(
        self,
        cases: Cases,
        find_target: Callable[[Alert], Target | None],
        find_known: FindKnown,
        ledger_timeout: float = PRODUCTION.ledger,
        clock: Callable[[], float] = time.monotonic,
        *,
        record: Record,
    ) -> None:
        """`find_target` returns None for an alert that no playbook matches.

        After `ledger_timeout` seconds the duplicate check is skipped: the case repeats it.
        `record` stores alerts that belong to no case.
        """
        self._cases = cases
        self._record = record
        self._find_target = find_target
        self._find_known = find_known
        self._ledger_timeout = ledger_timeout
        self._probe = BacklogProbe(cases.reached, lambda: self._limiter.admit_waiting())
        self._limiter = AdmissionLimiter(MAX_CALLS, blocked=self._probe.is_full)
        self._waiting: dict[tuple[str, tuple[str, ...]], AlertBatch] = {}
        self._under_way: dict[Pair, AlertBatch] = {}
        self._unreachable: set[tuple[str, tuple[str, ...]]] = set()
        self._clock = clock
        self._recent: OrderedDict[Pair, float] = OrderedDict()

    @property
    def waiting(self) -> int:
        """The number of alerts that wait for a call."""
        return sum(len(batch.alerts) for batch in self._waiting.values())

    def playbook_of(self, alert: Alert) -> Playbook | None:
        """Returns the playbook that matches an alert."""
        target = self._find_target(alert)
        return None if target is None else target.policy.playbook

    def _place(self, alert: Alert) -> Placed:
        target = self._find_target(alert)
        if target is None:
            return Placed(None)
        # Without the facts: a batch keeps its target until it is sent.
        return Placed(target._replace(facts=None), target.rank(alert))

    async def submit(self, alerts: Sequence[Alert], work: Work = at_once) -> list[Submission]:
        """Returns the outcome of each alert, in order, once Temporal has stored them.

        Raises `TemporalUnavailable` if one was not: the others are duplicates when sent again.
        """
        known = await self._known([_pair(alert) for alert in alerts])
        fresh = [alert for alert in alerts if _pair(alert) not in known]
        placed = iter(await work(lambda: [self._place(alert) for alert in fresh]))
        submissions: list[Submission] = []
        batches: list[AlertBatch] = []
        records: list[AlertRecord] = []
        taken: set[Pair] = set()
        for alert in alerts:
            pair = _pair(alert)
            if pair in known:
                submissions.append(Submission(Outcome.DUPLICATE))
                continue
            target, rank = next(placed)
            # A second one in the same request, or in one that ended meanwhile.
            if pair in taken or self._is_recent(pair):
                submissions.append(Submission(Outcome.DUPLICATE))
            elif target is None:
                submissions.append(Submission())
            else:
                taken.add(pair)
                if target.records:
                    records += target.records
                else:
                    batches.append(self._batch(alert, target, rank))
                submissions.append(Submission(Outcome.ACCEPTED, target.policy.playbook.playbook))
        await self._store(records)
        for batch in dict.fromkeys(batches):
            await asyncio.shield(batch.sent)
        return submissions

    async def _store(self, records: Sequence[AlertRecord]) -> None:
        """Stores alerts without a case. Raises `NotStored`."""
        if not records:
            return
        try:
            async with asyncio.timeout(self._ledger_timeout):
                await self._record(records)
        except (LedgerUnavailable, TimeoutError) as error:
            raise NotStored("the ledger did not store an alert without a case") from error

    async def _known(self, pairs: list[Pair]) -> set[Pair]:
        known = {pair for pair in pairs if self._is_recent(pair)}
        unknown = list(dict.fromkeys(pair for pair in pairs if pair not in known))
        if unknown:
            try:
                async with asyncio.timeout(self._ledger_timeout):
                    known |= await self._find_known(unknown)
            except (LedgerUnavailable, TimeoutError) as error:
                log.warning("ledger_away", error=type(error).__name__)
        return known

    def _is_recent(self, pair: Pair) -> bool:
        since = self._clock() - RECENT_FOR
        return self._recent.get(pair, since) > since

    def _batch(self, alert: Alert, target: Target, rank: int) -> AlertBatch:
        """Adds the alert to the waiting batch of its case, or to a new one."""
        # A detector that timed out sends the same alert again.
        batch = self._under_way.get(_pair(alert)) or self._waiting.get(target.key)
        if batch is None:
            batch = AlertBatch(target, self._limiter.enqueue(rank, alert.detector))
            self._waiting[target.key] = batch
            batch.sent = asyncio.ensure_future(self._send(batch))
            batch.sent.add_done_callback(_retrieve_exception)
            batch.sent.add_done_callback(partial(self._forget, batch))
        self._limiter.raise_priority(batch.ticket, rank)
        if self._under_way.setdefault(_pair(alert), batch) is batch:
            batch.alerts.setdefault(_pair(alert), alert)
        return batch

    def _forget(self, batch: AlertBatch, _sent: asyncio.Future[None]) -> None:
        for pair in batch.alerts:
            self._under_way.pop(pair, None)

    async def _send(self, batch: AlertBatch) -> None:
        async with self._limiter.slot(batch.ticket):
            del self._waiting[batch.target.key]
            if batch.failed:
                raise TemporalUnavailable("an earlier call failed")
            try:
                workflow_id = await self._cases.accept_all(
                    list(batch.alerts.values()), batch.target.policy, batch.target.group
                )
            except RPCError as error:
                # Temporal answered: it refuses this case alone.
                raise TemporalUnavailable(str(error)) from error
            except OutOfReach as error:
                self._unreachable.add(batch.target.key)
                # The calls of a thousand cases would each run into the same timeout.
                if len(self._unreachable) >= OUTAGE:
                    for waiting in self._waiting.values():
                        waiting.failed = True
                raise TemporalUnavailable(str(error)) from error
            self._unreachable.clear()
            self._probe.sent(workflow_id)
        self._remember(batch.alerts)

    def _remember(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            self._recent[pair] = self._clock()
            self._recent.move_to_end(pair)
            if len(self._recent) > MAX_RECENT:
                self._recent.popitem(last=False)


def _pair(alert: Alert) -> Pair:
    return alert.detector, alert.id


class CoalescedQuery:
    """Duplicate check that runs one query at a time; requests that arrive meanwhile share the next.

    A query costs as much as the rest of a request, and hardly more for 32 alerts than for one.
    """

    def __init__(self, find_known: FindKnown) -> None:
        self._find_known = find_known
        self._running = asyncio.Lock()
        self._wanted: set[Pair] = set()
        self._next: asyncio.Task[frozenset[Pair]] | None = None

    async def __call__(self, pairs: Sequence[Pair]) -> frozenset[Pair]:
        """Returns those of `pairs` that the ledger has. Raises `LedgerUnavailable`."""
        self._wanted.update(pairs)
        if self._next is None:
            self._next = asyncio.create_task(self._query())
            self._next.add_done_callback(_retrieve_exception)
        # Shielded: other requests wait for the same answer.
        return await asyncio.shield(self._next) & frozenset(pairs)

    async def _query(self) -> frozenset[Pair]:
        async with self._running:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._find_known(list(wanted))


def _retrieve_exception(future: "asyncio.Future[Any]") -> None:
    """Retrieves the exception: asyncio logs it when every waiting request was cancelled."""
    if not future.cancelled():
        future.exception()
