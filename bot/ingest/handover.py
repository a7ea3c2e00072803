"""Hands alerts to Temporal: a request is answered only once Temporal holds all of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from temporalio.service import RPCError

from activities.ledger.errors import LedgerUnavailable
from bot.ingest.models import Outcome
from bot.ingest.room import Room
from workflows.client import OutOfReach
from workflows.domain.alert import Alert
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
        """Stores the alerts of one group durably. Raises `OutOfReach`."""
        ...


class TemporalAway(Exception):
    """Temporal did not take some alert: the whole request has to be sent again."""


@dataclass(frozen=True)
class Handled:
    """What became of one valid alert; `playbook` took it, or None where none does."""

    outcome: Outcome
    playbook: str | None = None


class Handover:
    """One per process: it bounds what is in flight over all requests."""

    def __init__(self, cases: Accepts, place: Place, known: Known) -> None:
        self._cases = cases
        self._place = place
        self._known = known
        self._room = Room(IN_FLIGHT)
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
        groups = _by_case(going)
        if len(groups) == 1:
            await self._send(*groups[0])
            return
        failed = asyncio.Event()
        done = await asyncio.gather(
            *(self._send_unless(failed, *one) for one in groups), return_exceptions=True
        )
        for one in done:
            if isinstance(one, BaseException):
                raise one

    async def _send_unless(
        self, failed: asyncio.Event, alerts: Sequence[Alert], placed: Placed
    ) -> None:
        async with self._room.place():
            if failed.is_set():
                return  # a thousand cases would wait a thousand times for the same answer
            try:
                await self._accept(alerts, placed)
            except BaseException:
                failed.set()
                raise

    async def _send(self, alerts: Sequence[Alert], placed: Placed) -> None:
        async with self._room.place():
            await self._accept(alerts, placed)

    async def _accept(self, alerts: Sequence[Alert], placed: Placed) -> None:
        try:
            await self._cases.accept_all(alerts, *placed)
        except (OutOfReach, RPCError) as away:
            raise TemporalAway(str(away)) from away
        for alert in alerts:
            self._recent[_pair(alert)] = None
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)


def _by_case(going: list[tuple[Alert, Placed]]) -> list[tuple[list[Alert], Placed]]:
    """The alerts of each case together, in their order."""
    groups: dict[tuple[str, tuple[str, ...]], tuple[list[Alert], Placed]] = {}
    for alert, placed in going:
        policy, group = placed
        groups.setdefault((policy.playbook.playbook, group), ([], placed))[0].append(alert)
    return list(groups.values())


def _pair(alert: Alert) -> Pair:
    return alert.detector, alert.id
