"""Hands alerts to Temporal: a request is answered only once Temporal holds all of them.

Where alerts come faster than they can be worked off, those of one case wait together and travel in
one call, the most severe first: what costs is the call, and not the alert.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from temporalio.service import RPCError

from activities.errors import Unavailable
from activities.ledger.database import LedgerUnavailable
from bot.ingest.models import Outcome
from bot.ingest.room import Room, Turn
from bot.ingest.trailing import Trailing
from workflows.client import OutOfReach
from workflows.conditions import holds
from workflows.domain.alert import Alert
from workflows.domain.playbook.matching import severity_of
from workflows.domain.playbook.model import Policy

IN_FLIGHT = 32
"""Calls to Temporal at a time while it is quick: more only wait there (603/s at 32 in flight)."""

REMEMBERED = 20_000
"""Alerts that this process handed over: their repetition needs no look into the ledger."""

log = structlog.get_logger()

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

    async def reached(self, route: str) -> None:
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
class Parcel:
    """Alerts of one case that wait together for their turn; `sent` ends with their call."""

    placed: Placed
    turn: Turn
    alerts: dict[Pair, Alert] = field(default_factory=dict)
    given_up: bool = False
    sent: asyncio.Future[None] = field(init=False)


class Handover:
    """One per process: it bounds what is in flight over all requests."""

    def __init__(self, cases: Accepts, place: Place, known: Known) -> None:
        self._cases = cases
        self._place = place
        self._known = known
        self._trailing = Trailing(cases.reached, lambda: self._room.look())
        self._room = Room(IN_FLIGHT, closed=self._trailing.far)
        self._waiting: dict[tuple[str, tuple[str, ...]], Parcel] = {}
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

    def _parcel(self, alerts: Sequence[Alert], placed: Placed) -> Parcel:
        """The call that takes the alerts: one that waits for its turn takes more with it."""
        key, rank = _key(placed), min(_rank(alert, placed) for alert in alerts)
        parcel = self._waiting.get(key)
        if parcel is None:
            parcel = self._waiting[key] = Parcel(placed, self._room.turn(rank))
            parcel.sent = asyncio.ensure_future(self._send(parcel))
            # Whoever sent the alerts may have gone away before it fails.
            parcel.sent.add_done_callback(lambda sent: sent.cancelled() or sent.exception())
        self._room.hurry(parcel.turn, rank)
        for alert in alerts:
            # A detector that gave up waiting sends the same again.
            parcel.alerts.setdefault(_pair(alert), alert)
        return parcel

    async def _send(self, parcel: Parcel) -> None:
        async with self._room.place(parcel.turn):
            del self._waiting[_key(parcel.placed)]
            if parcel.given_up:
                raise TemporalAway("it did not take what was before")
            try:
                route = await self._cases.accept_all(list(parcel.alerts.values()), *parcel.placed)
            except (OutOfReach, RPCError) as away:
                # A thousand cases would wait a thousand times for the same answer.
                for behind in self._waiting.values():
                    behind.given_up = True
                raise TemporalAway(str(away)) from away
            self._trailing.sent(route)
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
