"""Admission of alerts: how many may be on their way to Temporal, and their hand-over."""

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from temporalio.service import RPCError

from activities.errors import Unavailable
from activities.ledger.database import LedgerUnavailable
from bot.http.models import Outcome
from workflows.client import OutOfReach
from workflows.conditions import holds
from workflows.domain.alerts import Alert
from workflows.domain.policy.matching import severity_of
from workflows.domain.policy.playbook import Policy

# A press needs Temporal and a worker within two seconds. Where alerts alone keep them busy, more
# of them at a time bring nothing but a longer line, which every press stands in as well. Temporal
# takes whatever it is given, however far its workers are behind: so their work is waited for,
# too.

SLOW = 0.25
"""Seconds. A call takes 0.05 s at 32 in flight on two shared cores; more of it is waiting."""

LEAST = 4
"""Calls that are always let through."""


@dataclass(order=True)
class Admission:
    """A place in the line. The lowest rank is let in first, then whoever came first."""

    rank: int
    number: int
    let_in: asyncio.Future[None] = field(compare=False)


class AdmissionLimiter:
    """Opens up one by one while calls are quick, and closes by a fifth when they are not."""

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        closed: Callable[[int], bool] = lambda under_way: False,
    ) -> None:
        """`most` calls are let in at a time while Temporal is quick.

        `closed` says whether nobody more may come in, by how many calls are under way.
        """
        self._most = most
        self._clock = clock
        self._closed = closed
        self._places = float(most)
        self._inside = 0
        self._narrowed_at = float("-inf")
        self._line: list[Admission] = []
        self._number = 0

    @property
    def places(self) -> int:
        """How many may be under way now."""
        return int(self._places)

    def turn(self, rank: int = 0) -> Admission:
        """A place in the line, for `place`."""
        turn = Admission(rank, self._number, asyncio.get_running_loop().create_future())
        self._number += 1
        heapq.heappush(self._line, turn)
        self.look()
        return turn

    def hurry(self, turn: Admission, rank: int) -> None:
        """It became more urgent while it waited."""
        if rank < turn.rank and not turn.let_in.done():
            turn.rank = rank
            heapq.heapify(self._line)

    @asynccontextmanager
    async def place(self, turn: Admission) -> AsyncIterator[None]:
        """One call, at its turn."""
        await self._enter(turn)
        began = self._clock()
        try:
            yield
        finally:
            self._judge(self._clock() - began)
            self._leave()

    def look(self) -> None:
        """Lets in who can be let in now; for whoever opens what was `closed`."""
        while self._line and self._inside < self.places and not self._closed(self._inside):
            turn = heapq.heappop(self._line)
            if not turn.let_in.done():
                self._inside += 1
                turn.let_in.set_result(None)

    async def _enter(self, turn: Admission) -> None:
        try:
            await turn.let_in
        except asyncio.CancelledError:
            if turn.let_in.done() and not turn.let_in.cancelled():
                self._leave()  # let in just as it was given up
            raise

    def _leave(self) -> None:
        self._inside -= 1
        self.look()

    def _judge(self, seconds: float) -> None:
        if seconds < SLOW:
            self._places = min(float(self._most), self._places + 1)
        elif self._clock() - self._narrowed_at >= SLOW:
            # Once for all that were slow together.
            self._narrowed_at = self._clock()
            self._places = max(float(LEAST), self._places * 0.8)


# Temporal takes whatever it is given, however far they are behind. And one that is behind loses
# more than time: a case that waits for longer than it is kept in memory for
# (`bot.worker.STICKY_TIMEOUT`) is played again from its beginning.
#
# Temporal's own statistics (DescribeTaskQueue with `report_stats`) can't stand in for this:
# measured on its dev server, they are up to 5 s old.

AHEAD = 16
"""Calls that may be ahead of the workers: some tenths of a second on two shared cores."""

ASKED_AT = AHEAD // 2
"""Calls after which a case is asked, so that nobody has to stop while the workers keep up."""

log = structlog.get_logger()


class BacklogProbe:
    """Asks the case that was last handed something: its answer comes after all before it."""

    def __init__(
        self, reached: Callable[[str], Awaitable[None]], changed: Callable[[], None]
    ) -> None:
        """`reached` returns once a worker was at a case, or raises `OutOfReach`.

        `changed` hears that more may be sent.
        """
        self._reached = reached
        self._changed = changed
        self._ahead = 0
        self._last = ""
        self._away = False
        self._asking: asyncio.Task[None] | None = None

    def far(self, under_way: int) -> bool:
        """Whether the workers are too far behind for more calls than those `under_way`.

        Where none works at all, alerts are stored as fast as they come.
        """
        return self._ahead + under_way >= AHEAD and not self._away

    def sent(self, workflow_id: str) -> None:
        """One more call went to the case at `route`."""
        self._ahead += 1
        self._last = workflow_id
        self._begin()

    def _begin(self) -> None:
        if self._asking is None and self._ahead >= ASKED_AT:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        before = self._ahead
        try:
            await self._reached(self._last)
            self._away = False
        except (OutOfReach, RPCError) as error:
            self._away = True
            log.warning("no_worker_answered", error=str(error))
        finally:
            self._ahead -= before
            self._asking = None
            self._changed()
            self._begin()


# Where alerts come faster than they can be worked off, those of one case wait together and travel
# in one call, the most severe first: what costs is the call, and not the alert.

IN_FLIGHT = 32
"""Calls to Temporal at a time while it is quick: more only wait there (603/s at 32 in flight)."""

REMEMBERED = 20_000
"""Alerts that this process handed over: their repetition needs no look into the ledger."""


KNOWN_SECONDS = 1.0
"""A slow ledger must not hold alerts up: whether they are known is asked again by the case."""

Pair = tuple[str, str]
"""(detector, id): what names an alert for good."""

Known = Callable[[Sequence[Pair]], Awaitable[frozenset[Pair]]]
"""Which of these the ledger has. May raise `LedgerUnavailable`."""

Placed = tuple[Policy, tuple[str, ...]]
Place = Callable[[Alert], Placed | None]
"""The policy that takes an alert, and the group it joins; None where no playbook takes it."""


class Accepts(Protocol):
    """The part of `workflows.client.Cases` that ingest needs."""

    async def accept_all(
        self, alerts: Sequence[Alert], policy: Policy, group: tuple[str, ...]
    ) -> str:
        """Stores the alerts of one group durably; the case's route. Raises `OutOfReach`."""
        ...

    async def reached(self, workflow_id: str) -> None:
        """Returns once a worker was at the case. Raises `OutOfReach`."""
        ...


class TemporalAway(Unavailable):
    """Temporal did not take some alert: the whole request has to be sent again."""


@dataclass(frozen=True)
class Handled:
    """What became of one valid alert; `playbook` took it, or None where none does."""

    outcome: Outcome
    playbook: str | None = None


@dataclass(eq=False)
class AlertBatch:
    """Alerts of one case that wait together for their turn; `sent` ends with their call."""

    placed: Placed
    turn: Admission
    alerts: dict[Pair, Alert] = field(default_factory=dict)
    given_up: bool = False
    sent: asyncio.Future[None] = field(init=False)


class AlertSubmitter:
    """One per process: it bounds what is in flight over all requests."""

    def __init__(self, cases: Accepts, place: Place, known: Known) -> None:
        self._cases = cases
        self._place = place
        self._known = known
        self._trailing = BacklogProbe(cases.reached, lambda: self._room.look())
        self._room = AdmissionLimiter(IN_FLIGHT, closed=self._trailing.far)
        self._waiting: dict[tuple[str, tuple[str, ...]], AlertBatch] = {}
        self._recent: OrderedDict[Pair, None] = OrderedDict()

    async def hand_over(self, alerts: Sequence[Alert]) -> list[Handled]:
        """What became of each alert, in order.

        Raises:
            TemporalAway: where one was not taken. Those that were are known when sent again.
        """
        known = await self._already_known([_pair(alert) for alert in alerts])
        results: list[Handled] = []
        going: list[tuple[Alert, Placed]] = []
        for alert in alerts:
            pair = _pair(alert)
            placed = None if pair in known else self._place(alert)
            if pair in known:
                results.append(Handled(Outcome.DUPLICATE))
            elif placed is None:
                results.append(Handled(Outcome.INVALID))
            else:
                # The second of two in one request is a duplicate of the first.
                known.add(pair)
                going.append((alert, placed))
                results.append(Handled(Outcome.ACCEPTED, placed[0].playbook.playbook))
        await self._send_all(going)
        return results

    async def _already_known(self, pairs: list[Pair]) -> set[Pair]:
        known = {pair for pair in pairs if pair in self._recent}
        unsure = list(dict.fromkeys(pair for pair in pairs if pair not in known))
        if unsure:
            try:
                async with asyncio.timeout(KNOWN_SECONDS):
                    known |= await self._known(unsure)
            except (LedgerUnavailable, TimeoutError) as away:
                # The case's workflow dedupes by the ledger before it counts an alert.
                log.warning("ledger_away", error=type(away).__name__)
        return known

    async def _send_all(self, going: list[tuple[Alert, Placed]]) -> None:
        """One call a case, whatever the number of its alerts."""
        parcels = [self._parcel(alerts, placed) for alerts, placed in _by_case(going)]
        for parcel in dict.fromkeys(parcels):
            await asyncio.shield(parcel.sent)

    def _parcel(self, alerts: Sequence[Alert], placed: Placed) -> AlertBatch:
        """The call that takes the alerts: one that waits for its turn takes more with it."""
        key, rank = _key(placed), min(_rank(alert, placed) for alert in alerts)
        parcel = self._waiting.get(key)
        if parcel is None:
            parcel = self._waiting[key] = AlertBatch(placed, self._room.turn(rank))
            parcel.sent = asyncio.ensure_future(self._send(parcel))
            # Whoever sent the alerts may have gone away before it fails.
            parcel.sent.add_done_callback(lambda sent: sent.cancelled() or sent.exception())
        self._room.hurry(parcel.turn, rank)
        for alert in alerts:
            # A detector that gave up waiting sends the same again.
            parcel.alerts.setdefault(_pair(alert), alert)
        return parcel

    async def _send(self, parcel: AlertBatch) -> None:
        async with self._room.place(parcel.turn):
            del self._waiting[_key(parcel.placed)]
            if parcel.given_up:
                raise TemporalAway("it did not take what was before")
            try:
                workflow_id = await self._cases.accept_all(
                    list(parcel.alerts.values()), *parcel.placed
                )
            except (OutOfReach, RPCError) as away:
                # A thousand cases would wait a thousand times for the same answer.
                for behind in self._waiting.values():
                    behind.given_up = True
                raise TemporalAway(str(away)) from away
            self._trailing.sent(workflow_id)
        self._remember(parcel.alerts)

    def _remember(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            self._recent[pair] = None
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)


def _by_case(going: list[tuple[Alert, Placed]]) -> list[tuple[list[Alert], Placed]]:
    """The alerts of each case together, in their order."""
    groups: dict[tuple[str, tuple[str, ...]], tuple[list[Alert], Placed]] = {}
    for alert, placed in going:
        groups.setdefault(_key(placed), ([], placed))[0].append(alert)
    return list(groups.values())


def _key(placed: Placed) -> tuple[str, tuple[str, ...]]:
    policy, group = placed
    return policy.playbook.playbook, group


def _rank(alert: Alert, placed: Placed) -> int:
    return severity_of(placed[0].playbook, alert, holds).rank


def _pair(alert: Alert) -> Pair:
    return alert.detector, alert.id


class AskedTogether:
    """One query at a time; who comes meanwhile joins the next one.

    A query costs as much as the rest of a request, and hardly more for 32 alerts than for one.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._turn = asyncio.Lock()
        self._wanted: set[Pair] = set()
        self._next: asyncio.Task[frozenset[Pair]] | None = None

    async def __call__(self, pairs: Sequence[Pair]) -> frozenset[Pair]:
        """Which of `pairs` the ledger has. Raises `LedgerUnavailable`."""
        self._wanted.update(pairs)
        if self._next is None:
            self._next = asyncio.create_task(self._ask())
            self._next.add_done_callback(_looked_at)
        # Shielded: who gives up waiting must not take the others' answer away.
        return await asyncio.shield(self._next) & frozenset(pairs)

    async def _ask(self) -> frozenset[Pair]:
        async with self._turn:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._known(list(wanted))


def _looked_at(asked: asyncio.Task[frozenset[Pair]]) -> None:
    """Where everybody gave up waiting, nobody else would look at the error."""
    if not asked.cancelled():
        asked.exception()
